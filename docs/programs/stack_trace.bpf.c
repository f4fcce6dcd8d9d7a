/* ANCHOR: program */
#include <linux/bpf.h>
#include <linux/bpf_perf_event.h>
#include <bpf/bpf_helpers.h>
#include "stack_trace.h"

SEC("perf_event")
int take_sample(struct bpf_perf_event_data *context)
{
	struct stack_sample sample = { .process = bpf_get_current_pid_tgid() >> 32 };
	__u64 one = 1, *count;

	/* BPF_F_USER_STACK records the stack of the process instead. */
	sample.stack = bpf_get_stackid(context, &stacks, 0);
	count = bpf_map_lookup_elem(&samples, &sample);
	if (count)
		__sync_fetch_and_add(count, 1);
	else
		bpf_map_update_elem(&samples, &sample, &one, BPF_NOEXIST);
	return 0;
}

char _license[] SEC("license") = "GPL";
/* ANCHOR_END: program */
