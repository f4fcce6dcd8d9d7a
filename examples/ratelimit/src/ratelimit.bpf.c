/* Counts the packets of each source address, and drops those over the limit. */

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "ratelimit.h"

#define AF_INET 2
#define AF_INET6 10

/* Stores the source of an IP packet. Returns 0 if the packet is not an IP packet. */
static __always_inline int read_source(struct xdp_md *ctx, struct source *source)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *ethernet = data;
	void *network = ethernet + 1;

	if (network > end)
		return 0;
	if (ethernet->h_proto == bpf_htons(ETH_P_IP)) {
		struct iphdr *header = network;

		if ((void *)(header + 1) > end)
			return 0;
		source->addr.v4 = header->saddr;
		source->family = AF_INET;
		return 1;
	}
	if (ethernet->h_proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *header = network;

		if ((void *)(header + 1) > end)
			return 0;
		__builtin_memcpy(source->addr.v6, &header->saddr, sizeof(source->addr.v6));
		source->family = AF_INET6;
		return 1;
	}
	return 0;
}

SEC("xdp")
int limit_rate(struct xdp_md *ctx)
{
	struct source source = {};
	struct usage new = {};
	struct usage *usage;
	struct limit *limit;
	__u64 now = bpf_ktime_get_ns();
	__u32 first = 0;

	limit = bpf_map_lookup_elem(&settings, &first);
	if (!limit || !read_source(ctx, &source))
		return XDP_PASS;
	usage = bpf_map_lookup_elem(&sources, &source);
	if (!usage) {
		new.window_start = now;
		/* If another CPU has inserted an entry meanwhile, use that entry. */
		bpf_map_update_elem(&sources, &source, &new, BPF_NOEXIST);
		usage = bpf_map_lookup_elem(&sources, &source);
		if (!usage)
			return XDP_PASS;
	}
	if (now - usage->window_start >= limit->window_ns) {
		usage->window_start = now;
		usage->in_window = 0;
	}
	__sync_fetch_and_add(&usage->in_window, 1);
	if (usage->in_window > limit->packets) {
		__sync_fetch_and_add(&usage->dropped, 1);
		return XDP_DROP;
	}
	__sync_fetch_and_add(&usage->passed, 1);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
