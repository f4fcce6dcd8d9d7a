/* ANCHOR: program */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_helpers.h>
#include "lru_percpu_hash.h"

SEC("xdp")
int count(struct xdp_md *xdp)
{
	struct ethhdr *eth = (void *)(long)xdp->data;
	__u64 one = 1, *frames;
	__u8 sender[ETH_ALEN];

	if ((void *)(eth + 1) > (void *)(long)xdp->data_end)
		return XDP_PASS;
	__builtin_memcpy(sender, eth->h_source, sizeof(sender));
	frames = bpf_map_lookup_elem(&senders, sender);
	if (frames)
		*frames += 1;
	else
		bpf_map_update_elem(&senders, sender, &one, BPF_ANY);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
/* ANCHOR_END: program */
