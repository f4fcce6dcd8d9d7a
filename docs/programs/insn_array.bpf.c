/* ANCHOR: program */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "insn_array.h"

SEC("raw_tp/sys_enter")
int branches(struct bpf_raw_tracepoint_args *args)
{
	return args->args[1] % 2 ? 1 : 2;
}

char _license[] SEC("license") = "GPL";
/* ANCHOR_END: program */
