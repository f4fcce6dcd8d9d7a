/* ANCHOR: program */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "reuseport_sockarray.h"

SEC("sk_reuseport")
int pick(struct sk_reuseport_md *packet)
{
	/* The same connection always has the same hash. */
	__u32 worker = packet->hash % 4;

	/* If the slot is empty, the kernel picks a socket by itself. */
	bpf_sk_select_reuseport(packet, &workers, &worker, 0);
	return SK_PASS;
}

char _license[] SEC("license") = "GPL";
/* ANCHOR_END: program */
