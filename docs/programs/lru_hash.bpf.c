/* ANCHOR: program */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "lru_hash.h"

SEC("xdp")
int track(struct xdp_md *xdp)
{
	struct ethhdr *eth = (void *)(long)xdp->data;
	struct iphdr *ip = (void *)(eth + 1);
	struct activity fresh = { .last_seen = bpf_ktime_get_ns(), .packets = 1 };
	struct activity *activity;

	if ((void *)(ip + 1) > (void *)(long)xdp->data_end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;

	struct flow flow = { .source = ip->saddr, .destination = ip->daddr };

	/* Marks the entry as recently used. */
	activity = bpf_map_lookup_elem(&flows, &flow);
	if (activity) {
		activity->last_seen = fresh.last_seen;
		__sync_fetch_and_add(&activity->packets, 1);
	} else {
		/* Evicts other flows if the map is full. */
		bpf_map_update_elem(&flows, &flow, &fresh, BPF_ANY);
	}
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
/* ANCHOR_END: program */
