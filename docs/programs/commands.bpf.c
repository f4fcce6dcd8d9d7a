/* Applies the commands of user space. */

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "commands.h"

/* ANCHOR: drain */
static long apply(struct bpf_dynptr *record, void *context)
{
	const struct command *command = commands_event(record);
	__u32 process, limit;

	(void)context;
	if (!command)
		return 0; /* the record is too short: continue with the next one */
	process = command->process;
	limit = command->limit;
	bpf_map_update_elem(&limits, &process, &limit, BPF_ANY);
	return 0;
}

SEC("raw_tp/sched_process_exec")
int apply_commands(void *ctx)
{
	(void)ctx;
	commands_drain(apply, NULL, 0);
	return 0;
}
/* ANCHOR_END: drain */

char _license[] SEC("license") = "GPL";
