/* ANCHOR: program */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "rhash.h"

SEC("xdp")
int count(struct xdp_md *xdp)
{
	struct ethhdr *eth = (void *)(long)xdp->data;
	struct iphdr *ip = (void *)(eth + 1);
	struct traffic first = { .packets = 1, .bytes = xdp->data_end - xdp->data };
	struct traffic *traffic;
	__be32 source;

	if ((void *)(ip + 1) > (void *)(long)xdp->data_end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	source = ip->saddr;
	traffic = bpf_map_lookup_elem(&sources, &source);
	if (traffic) {
		__sync_fetch_and_add(&traffic->packets, 1);
		__sync_fetch_and_add(&traffic->bytes, first.bytes);
	} else {
		bpf_map_update_elem(&sources, &source, &first, BPF_NOEXIST);
	}
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
/* ANCHOR_END: program */
