/* Adds one to all numbers of a value under its lock. */

#include <linux/bpf.h>
#include <linux/errno.h>
#include <bpf/bpf_helpers.h>

#include "lockstep.h"

#define NUMBERS (sizeof(((struct cells *)0)->numbers) / sizeof(__u64))

static __always_inline int step(void *map)
{
	__u32 first = 0;
	struct cells *cells = bpf_map_lookup_elem(map, &first);

	if (!cells)
		return -ENOENT;
	/* The kernel allows no calls while the lock is held, not even calls of helpers. */
	bpf_spin_lock(&cells->lock);
#pragma unroll
	for (int i = 0; i < NUMBERS; i++)
		cells->numbers[i] += 1;
	bpf_spin_unlock(&cells->lock);
	return 0;
}

SEC("tc")
int step_in_array(struct __sk_buff *skb)
{
	return step(&in_array);
}

SEC("tc")
int step_in_hash(struct __sk_buff *skb)
{
	return step(&in_hash);
}

char _license[] SEC("license") = "Dual MIT/GPL";
