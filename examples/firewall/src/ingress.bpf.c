/* Filters the packets that arrive. This file defines the maps of the object. */

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "policy.h"
#include "traffic.h"

#include "packet.h"

SEC("cgroup_skb/ingress")
int ingress(struct __sk_buff *skb)
{
	return filter(skb, DIRECTION_INGRESS);
}

char _license[] SEC("license") = "Dual MIT/GPL";
