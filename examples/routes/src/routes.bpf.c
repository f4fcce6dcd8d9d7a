/* Looks up the route of each IPv4 packet, and counts the packet for the next hop. */

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "routes.h"

/* The number that counts packets without a route. */
#define NO_ROUTE 0

SEC("xdp")
int route(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *ethernet = data;
	struct iphdr *ip = (void *)(ethernet + 1);
	struct prefix address = { .length = 32 };
	__u32 number = NO_ROUTE;
	__u32 *next_hop;
	struct count *count;

	if ((void *)(ip + 1) > end || ethernet->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	address.address = ip->daddr;
	next_hop = bpf_map_lookup_elem(&routes, &address);
	if (next_hop)
		number = *next_hop;
	count = bpf_map_lookup_elem(&counts, &number);
	if (count) {
		/* Each CPU has its own count, so no other CPU writes to this count. */
		count->packets += 1;
		count->bytes += end - data;
	}
	return number == NO_ROUTE ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
