/* ANCHOR: program */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "cgroup_array.h"

SEC("raw_tp/sys_enter")
int count_call(void *context)
{
	__u32 first = 0;
	__u64 *count;

	/* 1: the task is in the cgroup or below it. 0: it is not. Negative: the slot is empty. */
	if (bpf_current_task_under_cgroup(&tenants, 0) != 1)
		return 0;
	count = bpf_map_lookup_elem(&calls, &first);
	if (count)
		__sync_fetch_and_add(count, 1);
	return 0;
}

char _license[] SEC("license") = "GPL";
/* ANCHOR_END: program */
