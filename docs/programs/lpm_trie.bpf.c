/* ANCHOR: program */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "lpm_trie.h"

SEC("xdp")
int filter(struct xdp_md *xdp)
{
	struct ethhdr *eth = (void *)(long)xdp->data;
	struct iphdr *ip = (void *)(eth + 1);
	struct route *route;

	if ((void *)(ip + 1) > (void *)(long)xdp->data_end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;

	/* A single address is a prefix of 32 bits. */
	struct ipv4_prefix key = { .prefix_len = 32, .address = ip->daddr };

	route = bpf_map_lookup_elem(&routes, &key);
	return route && route->blocked ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
/* ANCHOR_END: program */
