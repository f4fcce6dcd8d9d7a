/* ANCHOR: program */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_helpers.h>

int parse_ipv4(struct xdp_md *xdp);
int parse_ipv6(struct xdp_md *xdp);

#include "prog_array.h"

SEC("xdp")
int parse_ipv4(struct xdp_md *xdp)
{
	return XDP_PASS;
}

SEC("xdp")
int parse_ipv6(struct xdp_md *xdp)
{
	return XDP_PASS;
}

SEC("xdp")
int dispatch(struct xdp_md *xdp)
{
	__u8 *data = (void *)(long)xdp->data;

	if (data + sizeof(struct ethhdr) + 1 > (__u8 *)(long)xdp->data_end)
		return XDP_PASS;
	bpf_tail_call(xdp, &parsers, data[sizeof(struct ethhdr)] >> 4);
	/* Only reached if the slot is empty, or the limit of tail calls is. */
	return XDP_DROP;
}

char _license[] SEC("license") = "GPL";
/* ANCHOR_END: program */
