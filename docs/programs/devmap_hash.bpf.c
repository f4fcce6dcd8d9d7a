/* ANCHOR: program */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "devmap_hash.h"

struct vlan_header {
	__be16 control;
	__be16 protocol;
};

SEC("xdp")
int forward(struct xdp_md *xdp)
{
	struct ethhdr *eth = (void *)(long)xdp->data;
	struct vlan_header *vlan = (void *)(eth + 1);

	if ((void *)(vlan + 1) > (void *)(long)xdp->data_end)
		return XDP_PASS;
	if (eth->h_proto != bpf_htons(ETH_P_8021Q))
		return XDP_PASS;
	return bpf_redirect_map(&uplinks, bpf_ntohs(vlan->control) & 0xfff, XDP_DROP);
}

char _license[] SEC("license") = "GPL";
/* ANCHOR_END: program */
