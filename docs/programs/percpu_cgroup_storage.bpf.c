/* ANCHOR: program */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "percpu_cgroup_storage.h"

SEC("cgroup_skb/egress")
int count(struct __sk_buff *skb)
{
	/* The value of the current CPU. Never NULL: the attachment has made it. */
	struct sent *sent = bpf_get_local_storage(&sent_by_cgroup, 0);

	sent->packets += 1;
	sent->bytes += skb->len;
	return 1;
}

char _license[] SEC("license") = "GPL";
/* ANCHOR_END: program */
