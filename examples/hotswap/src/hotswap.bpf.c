/* Filters packets by the rules for their source and their destination, both from one table. */

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "hotswap.h"

SEC("xdp")
int filter(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *ethernet = (void *)(long)ctx->data;
	struct iphdr *ip = (void *)(ethernet + 1);
	struct rule *from, *to;
	__u32 first = 0;
	__u64 *count;
	void *rules;

	if ((void *)(ip + 1) > end || ethernet->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	/* This is the only lookup of the table. Until the program ends, the kernel keeps the table that was found, even if
	 * user space replaces the table meanwhile. */
	rules = bpf_map_lookup_elem(&table, &first);
	if (!rules)
		return XDP_DROP;
	from = bpf_map_lookup_elem(rules, &ip->saddr);
	to = bpf_map_lookup_elem(rules, &ip->daddr);
	if (!from || !to)
		return XDP_DROP;
	if (from->generation != to->generation) {
		count = bpf_map_lookup_elem(&mixed, &first);
		if (count)
			__sync_fetch_and_add(count, 1);
	}
	__sync_fetch_and_add(&to->packets, 1);
	return from->verdict == VERDICT_PASS && to->verdict == VERDICT_PASS ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "Dual MIT/GPL";
