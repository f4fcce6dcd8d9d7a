/* Version 1: counts the packets and bytes of each source. */

#include "packet.h"
#include "v1.h"

SEC("xdp")
int count(struct xdp_md *ctx)
{
	struct source first = { .packets = 1 };
	struct source *source;
	__be32 from;

	first.bytes = read_packet(ctx, &from);
	if (!first.bytes)
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
	__sync_fetch_and_add(&source->packets, 1);
	__sync_fetch_and_add(&source->bytes, first.bytes);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
