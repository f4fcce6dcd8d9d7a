/* Reads the source of an IPv4 packet. */

#ifndef PACKET_H
#define PACKET_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* Stores the source address and returns the length of the packet, or returns 0 if it is not an IPv4 packet. */
static __always_inline __u64 read_packet(struct xdp_md *ctx, __be32 *from)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *ethernet = data;
	struct iphdr *ip = (void *)(ethernet + 1);

	if ((void *)(ip + 1) > end || ethernet->h_proto != bpf_htons(ETH_P_IP))
		return 0;
	*from = ip->saddr;
	return end - data;
}

#endif /* PACKET_H */
