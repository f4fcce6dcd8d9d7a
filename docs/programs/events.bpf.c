/* Reports each program that a process starts. */

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "events.h"

/* ANCHOR: send */
SEC("raw_tp/sched_process_exec")
int report_start(void *ctx)
{
	struct start *start = starts_reserve();
	__u32 index = 0;
	__u64 *lost;

	(void)ctx;
	if (!start) {
		lost = bpf_map_lookup_elem(&lost_starts, &index);
		if (lost)
			__sync_fetch_and_add(lost, 1);
		return 0;
	}
	start->time_ns = bpf_ktime_get_ns();
	start->process = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(start->command, sizeof(start->command));
	__builtin_memset(start->__pad0, 0, sizeof(start->__pad0));
	starts_submit(start, 0);
	return 0;
}
/* ANCHOR_END: send */

char _license[] SEC("license") = "GPL";
