/* ANCHOR: program */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "hash.h"

SEC("xdp")
int count(struct xdp_md *xdp)
{
	void *end = (void *)(long)xdp->data_end;
	struct ethhdr *eth = (void *)(long)xdp->data;
	struct iphdr *ip = (void *)(eth + 1);
	__u64 bytes = xdp->data_end - xdp->data;

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;

	/* Members that the initialiser does not name are zero, including the named padding. */
	struct source key = { .address = ip->saddr, .protocol = ip->protocol };
	struct traffic first = { .packets = 1, .bytes = bytes };
	struct traffic *traffic = bpf_map_lookup_elem(&sources, &key);

	/* If another CPU inserts the key first, the update fails with -EEXIST: look it up again. */
	if (!traffic && bpf_map_update_elem(&sources, &key, &first, BPF_NOEXIST) != 0)
		traffic = bpf_map_lookup_elem(&sources, &key);
	if (traffic) {
		__sync_fetch_and_add(&traffic->packets, 1);
		__sync_fetch_and_add(&traffic->bytes, bytes);
	}
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
/* ANCHOR_END: program */
