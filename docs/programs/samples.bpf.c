/* Reports the thread that runs when the program runs. */

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "samples.h"

/* ANCHOR: send */
SEC("raw_tp/sched_process_exec")
int report_sample(void *ctx)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct thread_sample sample = { .process = id >> 32, .thread = id };

	samples_output(ctx, &sample);
	return 0;
}
/* ANCHOR_END: send */

char _license[] SEC("license") = "GPL";
