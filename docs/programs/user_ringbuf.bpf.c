/* ANCHOR: program */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "user_ringbuf.h"

static long take_over(struct bpf_dynptr *record, void *context)
{
	/* NULL if the record is shorter than a rule. */
	const struct rule *rule = rules_event(record);
	__u32 process;
	_Bool on;

	if (!rule)
		return 0;
	process = rule->process;
	on = rule->watched;
	bpf_map_update_elem(&watched, &process, &on, BPF_ANY);
	/* 1 would leave the rest of the records for the next call. */
	return 0;
}

SEC("raw_tp/sys_enter")
int read_rules(void *context)
{
	rules_drain(take_over, 0, 0);
	return 0;
}

char _license[] SEC("license") = "GPL";
/* ANCHOR_END: program */
