/* Filters outgoing packets. The maps are defined in ingress.bpf.c. */

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define BPFMAP_EXTERN
#include "traffic.h"
#include "policy.h"

#include "packet.h"

SEC("cgroup_skb/egress")
int egress(struct __sk_buff *skb)
{
	return filter(skb, DIRECTION_EGRESS);
}

char _license[] SEC("license") = "Dual MIT/GPL";
