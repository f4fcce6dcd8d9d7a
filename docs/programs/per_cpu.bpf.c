/* Counts packets without atomic operations. */

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "per_cpu.h"

/* ANCHOR: count */
SEC("socket")
int count_packet(struct __sk_buff *skb)
{
	__u32 protocol = 0;
	struct traffic *traffic;

	bpf_skb_load_bytes(skb, 23, &protocol, 1);
	traffic = bpf_map_lookup_elem(&per_protocol, &protocol);
	if (traffic) {
		traffic->packets++;
		traffic->bytes += skb->len;
	}
	return 0;
}
/* ANCHOR_END: count */

char _license[] SEC("license") = "GPL";
