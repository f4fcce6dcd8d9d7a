/* A value under a spin lock, and entries that delete themselves. */

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "special_fields.h"

#ifndef CLOCK_MONOTONIC
#define CLOCK_MONOTONIC 1
#endif

/* ANCHOR: lock */
SEC("tc")
int transfer(struct __sk_buff *skb)
{
	struct balance *balance;
	__u32 index = 0;

	balance = bpf_map_lookup_elem(&balances, &index);
	if (!balance)
		return 0;
	bpf_spin_lock(&balance->lock);
	balance->transfers++;
	balance->credit += skb->len;
	balance->debit += skb->len;
	bpf_spin_unlock(&balance->lock);
	return 0;
}
/* ANCHOR_END: lock */

/* ANCHOR: timer */
static int expired(void *map, __u64 *key, struct session *session)
{
	(void)session;
	bpf_map_delete_elem(map, key);
	return 0;
}

SEC("tc")
int start_session(struct __sk_buff *skb)
{
	struct session *session, empty = {};
	__u64 key = skb->hash;

	bpf_map_update_elem(&sessions, &key, &empty, BPF_NOEXIST);
	session = bpf_map_lookup_elem(&sessions, &key);
	if (!session)
		return 0;
	__sync_fetch_and_add(&session->packets, 1);
	if (bpf_timer_init(&session->expires, &sessions, CLOCK_MONOTONIC) == 0)
		bpf_timer_set_callback(&session->expires, expired);
	bpf_timer_start(&session->expires, 30ULL * 1000 * 1000 * 1000, 0);
	return 0;
}
/* ANCHOR_END: timer */

char _license[] SEC("license") = "GPL";
