/* A parser for each protocol. A parser reads one header and jumps to the parser of the next header. If
 * there is no such parser, the packet is counted with the fields that are known at that point. */

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "tailcalls.h"

/* The beginning of a TCP or UDP header, which is the same in both protocols. */
struct ports {
	__be16 source;
	__be16 destination;
};

static __always_inline struct cursor *this_cursor(void)
{
	__u32 first = 0;

	return bpf_map_lookup_elem(&cursors, &first);
}

static __always_inline int count(const struct cursor *cursor, __be16 port)
{
	struct service service = {
		.version = cursor->version,
		.protocol = cursor->protocol,
		.port = port,
	};
	__u64 *packets = bpf_map_lookup_elem(&services, &service);
	__u64 one = 1;

	if (packets)
		*packets += 1;
	else
		bpf_map_update_elem(&services, &service, &one, BPF_ANY);
	return XDP_PASS;
}

/* Jumps to the parser of a layer. Returns only if the entry of the layer is empty. */
static __always_inline int parse(struct xdp_md *ctx, const struct cursor *cursor, __u32 layer)
{
	bpf_tail_call(ctx, &parsers, layer);
	return count(cursor, 0);
}

static __always_inline int parse_transport(struct xdp_md *ctx, const struct cursor *cursor)
{
	switch (cursor->protocol) {
	case IPPROTO_TCP:
		return parse(ctx, cursor, LAYER_TCP);
	case IPPROTO_UDP:
		return parse(ctx, cursor, LAYER_UDP);
	default:
		return count(cursor, 0);
	}
}

/* The entry point: the only program that is attached. */
SEC("xdp")
int parse_ethernet(struct xdp_md *ctx)
{
	struct ethhdr *ethernet = (void *)(long)ctx->data;
	struct cursor *cursor = this_cursor();

	if (!cursor || (void *)(ethernet + 1) > (void *)(long)ctx->data_end)
		return XDP_PASS;
	cursor->offset = sizeof(*ethernet);
	cursor->version = 0;
	cursor->protocol = 0;
	switch (ethernet->h_proto) {
	case bpf_htons(ETH_P_IP):
		return parse(ctx, cursor, LAYER_IPV4);
	case bpf_htons(ETH_P_IPV6):
		return parse(ctx, cursor, LAYER_IPV6);
	default:
		return count(cursor, 0);
	}
}

SEC("xdp")
int parse_ipv4(struct xdp_md *ctx)
{
	struct iphdr *header = (void *)(long)ctx->data + sizeof(struct ethhdr);
	struct cursor *cursor = this_cursor();

	if (!cursor || (void *)(header + 1) > (void *)(long)ctx->data_end)
		return XDP_PASS;
	cursor->offset += header->ihl * 4;
	cursor->version = 4;
	cursor->protocol = header->protocol;
	return parse_transport(ctx, cursor);
}

SEC("xdp")
int parse_ipv6(struct xdp_md *ctx)
{
	struct ipv6hdr *header = (void *)(long)ctx->data + sizeof(struct ethhdr);
	struct cursor *cursor = this_cursor();

	if (!cursor || (void *)(header + 1) > (void *)(long)ctx->data_end)
		return XDP_PASS;
	cursor->offset += sizeof(*header);
	cursor->version = 6;
	cursor->protocol = header->nexthdr;
	return parse_transport(ctx, cursor);
}

static __always_inline int count_port(struct xdp_md *ctx)
{
	struct cursor *cursor = this_cursor();
	struct ports *ports;

	if (!cursor)
		return XDP_PASS;
	/* No header is that long, but the verifier needs the check. */
	ports = (void *)(long)ctx->data + (cursor->offset & 0xff);
	if ((void *)(ports + 1) > (void *)(long)ctx->data_end)
		return XDP_PASS;
	return count(cursor, ports->destination);
}

SEC("xdp")
int parse_tcp(struct xdp_md *ctx)
{
	return count_port(ctx);
}

SEC("xdp")
int parse_udp(struct xdp_md *ctx)
{
	return count_port(ctx);
}

char _license[] SEC("license") = "GPL";
