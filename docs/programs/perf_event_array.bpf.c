/* ANCHOR: program */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "perf_event_array.h"

SEC("raw_tp/sched_process_exec")
int report_exec(void *context)
{
	struct exec event = { .process = bpf_get_current_pid_tgid() >> 32 };

	bpf_get_current_comm(event.command, sizeof(event.command));
	/* Sends to the buffer of the current CPU. */
	execs_output(context, &event);
	return 0;
}

char _license[] SEC("license") = "GPL";
/* ANCHOR_END: program */
