/* ANCHOR: program */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "cgroup_storage.h"

SEC("cgroup_skb/egress")
int count(struct __sk_buff *skb)
{
	/* Never NULL: the attachment has made the value. */
	struct sent *sent = bpf_get_local_storage(&sent_by_cgroup, 0);

	__sync_fetch_and_add(&sent->packets, 1);
	__sync_fetch_and_add(&sent->bytes, skb->len);
	return 1;
}

char _license[] SEC("license") = "GPL";
/* ANCHOR_END: program */
