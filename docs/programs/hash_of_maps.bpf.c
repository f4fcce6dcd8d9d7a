/* ANCHOR: program */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "hash_of_maps.h"

SEC("cgroup_skb/ingress")
int count(struct __sk_buff *skb)
{
	__u64 tenant = bpf_skb_cgroup_id(skb), one = 1, *packets;
	struct iphdr ip;
	void *addresses;

	if (skb->protocol != bpf_htons(ETH_P_IP) || bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)))
		return 1;
	/* NULL for a cgroup that user space has not admitted. */
	addresses = bpf_map_lookup_elem(&tenants, &tenant);
	if (!addresses)
		return 1;
	packets = bpf_map_lookup_elem(addresses, &ip.saddr);
	if (packets)
		__sync_fetch_and_add(packets, 1);
	else
		bpf_map_update_elem(addresses, &ip.saddr, &one, BPF_NOEXIST);
	return 1;
}

char _license[] SEC("license") = "GPL";
/* ANCHOR_END: program */
