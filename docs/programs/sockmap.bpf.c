/* ANCHOR: program */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "sockmap.h"

/* Sends what arrives at one end out of the other end, without waking the proxy. */
SEC("sk_skb/stream_verdict")
int splice(struct __sk_buff *skb)
{
	return bpf_sk_redirect_map(skb, &ends, 1, 0);
}

char _license[] SEC("license") = "GPL";
/* ANCHOR_END: program */
