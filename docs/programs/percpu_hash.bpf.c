/* ANCHOR: program */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "percpu_hash.h"

SEC("xdp")
int count(struct xdp_md *xdp)
{
	struct ethhdr *eth = (void *)(long)xdp->data;
	struct iphdr *ip = (void *)(eth + 1);
	struct udphdr *udp = (void *)(ip + 1);
	struct counters first = { .packets = 1, .bytes = xdp->data_end - xdp->data };
	struct counters *counters;

	if ((void *)(udp + 1) > (void *)(long)xdp->data_end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	if (ip->protocol != IPPROTO_UDP || ip->ihl != 5)
		return XDP_PASS;

	__be16 port = udp->dest;

	/* Returns the value of the current CPU. */
	counters = bpf_map_lookup_elem(&ports, &port);
	if (counters) {
		/* No atomic instruction: no other CPU writes to this value. */
		counters->packets += 1;
		counters->bytes += first.bytes;
	} else {
		bpf_map_update_elem(&ports, &port, &first, BPF_ANY);
	}
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
/* ANCHOR_END: program */
