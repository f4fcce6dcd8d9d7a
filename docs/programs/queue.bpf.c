/* ANCHOR: program */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "queue.h"

SEC("raw_tp/sys_enter")
int work(void *context)
{
	struct job job;

	/* Takes out the oldest job; fails with -ENOENT if there is none. */
	if (bpf_map_pop_elem(&jobs, &job) != 0)
		return 0;
	if (job.process != bpf_get_current_pid_tgid() >> 32) {
		/* A job for another process: put it at the end. Fails with -E2BIG if the queue is full. */
		bpf_map_push_elem(&jobs, &job, BPF_ANY);
		return 0;
	}
	bpf_printk("job %llu is done", job.id);
	return 0;
}

char _license[] SEC("license") = "GPL";
/* ANCHOR_END: program */
