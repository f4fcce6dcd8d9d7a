/* ANCHOR: program */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_helpers.h>
#include "devmap.h"

/* Sends each packet out of the port that its destination address ends with. */
SEC("xdp")
int forward(struct xdp_md *xdp)
{
	struct ethhdr *eth = (void *)(long)xdp->data;

	if ((void *)(eth + 1) > (void *)(long)xdp->data_end)
		return XDP_DROP;
	/* The lower bits of the flags are the result if the slot is empty. */
	return bpf_redirect_map(&ports, eth->h_dest[5], XDP_PASS);
}

/* Runs for each packet that leaves through a port, before the interface sends it. */
SEC("xdp/devmap")
int leave(struct xdp_md *xdp)
{
	return xdp->egress_ifindex == xdp->ingress_ifindex ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
/* ANCHOR_END: program */
