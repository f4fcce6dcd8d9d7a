/* ANCHOR: program */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "ringbuf.h"

SEC("raw_tp/sched_process_exec")
int report_exec(void *context)
{
	struct exec *event = execs_reserve();

	/* The buffer is full, and the event is lost. */
	if (!event)
		return 0;
	/* Set every member: the bytes are those of an earlier event. */
	event->time = bpf_ktime_get_ns();
	event->process = bpf_get_current_pid_tgid() >> 32;
	event->user = bpf_get_current_uid_gid();
	bpf_get_current_comm(event->command, sizeof(event->command));
	execs_submit(event, 0);
	return 0;
}

char _license[] SEC("license") = "GPL";
/* ANCHOR_END: program */
