/* ANCHOR: program */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "stack.h"

SEC("tc")
int lend(struct __sk_buff *skb)
{
	__u16 port;

	/* Takes out the value that was pushed last; fails with -ENOENT if there is none. */
	if (bpf_map_pop_elem(&free_ports, &port) != 0)
		return 2; /* TC_ACT_SHOT */
	skb->mark = port;
	return 0; /* TC_ACT_OK */
}

SEC("tc")
int give_back(struct __sk_buff *skb)
{
	__u16 port = skb->mark;

	bpf_map_push_elem(&free_ports, &port, BPF_ANY);
	return 0; /* TC_ACT_OK */
}

char _license[] SEC("license") = "GPL";
/* ANCHOR_END: program */
