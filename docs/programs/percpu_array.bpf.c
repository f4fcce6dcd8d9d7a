/* ANCHOR: program */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "percpu_array.h"

SEC("xdp")
int measure(struct xdp_md *xdp)
{
	__u32 only = 0, slot = (xdp->data_end - xdp->data) / 64;
	struct histogram *histogram = bpf_map_lookup_elem(&lengths, &only);

	if (slot > 31)
		slot = 31;
	/* No atomic instruction: no other CPU writes to this value. */
	if (histogram)
		histogram->slots[slot] += 1;
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
/* ANCHOR_END: program */
