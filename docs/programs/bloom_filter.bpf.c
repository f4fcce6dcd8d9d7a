/* ANCHOR: program */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "bloom_filter.h"

SEC("xdp")
int filter(struct xdp_md *xdp)
{
	struct ethhdr *eth = (void *)(long)xdp->data;
	struct iphdr *ip = (void *)(eth + 1);
	__be32 source;
	__u8 *verdict;

	if ((void *)(ip + 1) > (void *)(long)xdp->data_end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	source = ip->saddr;

	/* -ENOENT: the address is certainly not on the list. Most packets end here. */
	if (bpf_map_peek_elem(&blocked, &source) != 0)
		return XDP_PASS;
	verdict = bpf_map_lookup_elem(&verdicts, &source);
	return verdict && *verdict ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
/* ANCHOR_END: program */
