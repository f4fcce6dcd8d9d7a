/* ANCHOR: program */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "xskmap.h"

SEC("xdp")
int to_user_space(struct xdp_md *xdp)
{
	/* Packets of a queue without a socket take the usual way. */
	return bpf_redirect_map(&queues, xdp->rx_queue_index, XDP_PASS);
}

char _license[] SEC("license") = "GPL";
/* ANCHOR_END: program */
