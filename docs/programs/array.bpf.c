/* ANCHOR: program */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "array.h"

SEC("raw_tp/sys_enter")
int count_call(struct bpf_raw_tracepoint_args *args)
{
	__u32 number = args->args[1], only = 0;
	struct sampling *now = bpf_map_lookup_elem(&settings, &only);
	__u64 *count;

	/* The verifier wants the check, although the index 0 is always there. */
	if (!now || !now->enabled)
		return 0;
	if (now->one_in && bpf_get_prandom_u32() % now->one_in != 0)
		return 0;

	/* NULL only if the index is out of range. */
	count = bpf_map_lookup_elem(&calls, &number);
	if (count)
		__sync_fetch_and_add(count, 1);
	return 0;
}

char _license[] SEC("license") = "GPL";
/* ANCHOR_END: program */
