/* Counts the system calls of each process. */

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "maps.h"

SEC("raw_tp/sys_enter")
int count_call(struct bpf_raw_tracepoint_args *args)
{
	struct call call = {
		.process = bpf_get_current_pid_tgid() >> 32,
		.number = args->args[1],
	};
	__u64 one = 1, *count = bpf_map_lookup_elem(&counts, &call);

	if (count)
		__sync_fetch_and_add(count, 1);
	else
		bpf_map_update_elem(&counts, &call, &one, BPF_ANY);
	return 0;
}

char _license[] SEC("license") = "GPL";
