/* Version 2: also drops the packets of a source that has reached its limit. */

#include "packet.h"
#include "v2.h"

/* The limit of a source that version 1 has not seen. A migration gives older entries the default of the schema. */
#define LIMIT 8

SEC("xdp")
int count(struct xdp_md *ctx)
{
	struct source first = { .packets = 1, .limit = LIMIT };
	struct source *source;
	__be32 from;

	first.rx_bytes = read_packet(ctx, &from);
	if (!first.rx_bytes)
		return XDP_PASS;
	source = bpf_map_lookup_elem(&sources, &from);
	if (!source) {
		if (!bpf_map_update_elem(&sources, &from, &first, BPF_NOEXIST))
			return XDP_PASS;
		/* Another CPU has inserted the entry first. This packet is added to that entry. */
		source = bpf_map_lookup_elem(&sources, &from);
		if (!source)
			return XDP_PASS;
	}
	if (source->packets >= source->limit)
		return XDP_DROP;
	__sync_fetch_and_add(&source->packets, 1);
	__sync_fetch_and_add(&source->rx_bytes, first.rx_bytes);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
