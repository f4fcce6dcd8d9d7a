/* Counts the stacks that each CPU is executing when its timer fires. */

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "samples.h"

SEC("perf_event")
int take_sample(void *context)
{
	struct process_stacks sample = { .process = bpf_get_current_pid_tgid() >> 32 };
	__u64 one = 1, *count;
	struct scope *scope;
	__u32 first = 0;

	scope = bpf_map_lookup_elem(&scopes, &first);
	/* Process 0 is the idle loop. */
	if (!scope || !sample.process)
		return 0;
	if (scope->process && scope->process != sample.process)
		return 0;
	/* The same stack always gets the same ID. If another stack already has this ID, the result is -EEXIST. */
	sample.kernel_stack = bpf_get_stackid(context, &stacks, 0);
	sample.user_stack = bpf_get_stackid(context, &stacks, BPF_F_USER_STACK);
	bpf_get_current_comm(sample.command, sizeof(sample.command));

	/* Only this CPU writes to its count, so the program needs no atomic instruction. */
	count = bpf_map_lookup_elem(&counts, &sample);
	if (count) {
		*count += 1;
		return 0;
	}
	if (bpf_map_update_elem(&counts, &sample, &one, BPF_NOEXIST)) {
		count = bpf_map_lookup_elem(&lost, &first);
		if (count)
			*count += 1;
	}
	return 0;
}

char _license[] SEC("license") = "GPL";
