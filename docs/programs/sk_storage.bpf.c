/* ANCHOR: program */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "sk_storage.h"

SEC("cgroup_skb/egress")
int limit(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct budget *budget;

	if (!sk)
		return 1;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return 1;
	/* Without BPF_SK_STORAGE_GET_F_CREATE: sockets without a budget have no limit. */
	budget = bpf_sk_storage_get(&budgets, sk, 0, 0);
	if (!budget)
		return 1;
	if (budget->left < skb->len) {
		__sync_fetch_and_add(&budget->refused, 1);
		return 0;
	}
	__sync_fetch_and_sub(&budget->left, skb->len);
	return 1;
}

char _license[] SEC("license") = "GPL";
/* ANCHOR_END: program */
