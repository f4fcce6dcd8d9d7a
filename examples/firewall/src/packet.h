/* The code that both programs run for a packet. */

#ifndef FIREWALL_PACKET_H
#define FIREWALL_PACKET_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>

/* The values that a program returns to the kernel. */
#define DROP 0
#define PASS 1

/* Returns the service of an IPv4 packet. It belongs to the side that was called, which has the lower port. */
static __always_inline struct service service_of(struct __sk_buff *skb, const struct iphdr *header)
{
	struct service service = {};
	__be16 ports[2];

	service.protocol = header->protocol;
	if (header->protocol != IPPROTO_TCP && header->protocol != IPPROTO_UDP)
		return service;
	if (bpf_skb_load_bytes(skb, header->ihl * 4, ports, sizeof(ports)))
		return service;
	service.port = bpf_ntohs(ports[0]) < bpf_ntohs(ports[1]) ? ports[0] : ports[1];
	return service;
}

/* Counts the packet, and returns whether it may pass. */
static __always_inline int filter(struct __sk_buff *skb, enum direction direction)
{
	struct traffic_count first = { .packets = 1, .bytes = skb->len };
	struct traffic_count *count;
	struct prefix prefix = { .length = 32 };
	struct flow flow = {};
	struct iphdr header;
	struct rule *rule;

	if (skb->protocol != bpf_htons(ETH_P_IP) ||
	    bpf_skb_load_bytes(skb, 0, &header, sizeof(header)))
		return PASS;
	prefix.address = direction == DIRECTION_INGRESS ? header.saddr : header.daddr;
	flow.service = service_of(skb, &header);
	flow.direction = direction;
	rule = bpf_map_lookup_elem(&rules, &prefix);
	if (rule && (!rule->only.port || (rule->only.port == flow.service.port &&
					  rule->only.protocol == flow.service.protocol)))
		flow.verdict = rule->verdict;

	count = bpf_map_lookup_elem(&counts, &flow);
	if (count) {
		__sync_fetch_and_add(&count->packets, 1);
		__sync_fetch_and_add(&count->bytes, skb->len);
	} else {
		bpf_map_update_elem(&counts, &flow, &first, BPF_NOEXIST);
	}
	if (flow.verdict != VERDICT_DROP)
		return PASS;

	struct refusal *refusal = bpf_ringbuf_reserve(&refusals, sizeof(*refusal), 0);

	if (refusal) {
		refusal->address = prefix.address;
		refusal->flow = flow;
		bpf_ringbuf_submit(refusal, 0);
	}
	return DROP;
}

#endif /* FIREWALL_PACKET_H */
