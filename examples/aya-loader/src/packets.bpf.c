/* Counts the packets that an interface receives, and reports large packets. */

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_helpers.h>

#include "packets.h"

static __always_inline void report(__u32 length, __be16 protocol)
{
	struct large_packet *event = large_packets_reserve();

	if (!event)
		return;
	event->time = bpf_ktime_get_ns();
	event->length = length;
	event->protocol = protocol;
	large_packets_submit(event, 0);
}

SEC("xdp")
int count_packet(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *header = data;
	__u32 length = end - data, first = 0;
	struct traffic one = { .packets = 1, .bytes = length };
	struct traffic *traffic;
	struct setting *setting;
	__be16 protocol;

	if ((void *)(header + 1) > end)
		return XDP_PASS;
	protocol = header->h_proto;
	traffic = bpf_map_lookup_elem(&protocols, &protocol);
	if (traffic) {
		traffic->packets += 1;
		traffic->bytes += length;
	} else {
		bpf_map_update_elem(&protocols, &protocol, &one, BPF_ANY);
	}
	setting = bpf_map_lookup_elem(&settings, &first);
	if (setting && setting->large && length >= setting->large)
		report(length, protocol);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
