/* Reports each program that a process starts, through a ring buffer or a perf event array. */

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "execsnoop.h"

static __always_inline void describe(struct exec_event *event)
{
	event->time = bpf_ktime_get_ns();
	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->uid = bpf_get_current_uid_gid();
	/* The process already has the name of the new program. */
	bpf_get_current_comm(event->name, sizeof(event->name));
}

/* The event is written directly into the memory that user space reads. */
SEC("raw_tp/sched_process_exec")
int report_by_ring(void *ctx)
{
	struct exec_event *event = ring_reserve();

	if (!event)
		return 0;
	describe(event);
	ring_submit(event, 0);
	return 0;
}

SEC("raw_tp/sched_process_exec")
int report_by_perf(void *ctx)
{
	struct exec_event event = {};

	describe(&event);
	perf_output(ctx, &event);
	return 0;
}

char _license[] SEC("license") = "GPL";
