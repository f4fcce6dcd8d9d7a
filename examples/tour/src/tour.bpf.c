/* The programs of the tour. Each program uses one map, or a few maps that belong together. */

#include <linux/bpf.h>
#include <linux/errno.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "tour.h"

static __always_inline struct tour_request *request(void)
{
	__u32 first = 0;

	return bpf_map_lookup_elem(&requests, &first);
}

/* Performs the operation on `numbers` that user space requests, and returns the kernel's answer. */
SEC("tc")
int element(struct __sk_buff *skb)
{
	struct tour_request *asked = request();

	if (!asked)
		return -EINVAL;
	if (asked->action == ACTION_DELETE)
		return bpf_map_delete_elem(&numbers, &asked->key);
	return bpf_map_update_elem(&numbers, &asked->key, &asked->value, asked->flags);
}

/* A program reads a value in place. The lookup returns the address of the value. */
SEC("tc")
int lookup(struct __sk_buff *skb)
{
	struct tour_request *asked = request();
	__u32 *number;

	if (!asked)
		return -EINVAL;
	number = bpf_map_lookup_elem(&numbers, &asked->key);
	return number ? *number : -ENOENT;
}

SEC("tc")
int count(struct __sk_buff *skb)
{
	__u32 first = 0;
	__u64 one = 1, *cell;

	cell = bpf_map_lookup_elem(&cells, &first);
	if (cell)
		__sync_fetch_and_add(cell, 1); /* Other CPUs use the same cell. */
	cell = bpf_map_lookup_elem(&cpu_cells, &first);
	if (cell)
		*cell += 1; /* Only this CPU uses this cell. */
	cell = bpf_map_lookup_elem(&cpu_table, &first);
	if (cell)
		*cell += 1;
	else
		bpf_map_update_elem(&cpu_table, &first, &one, BPF_NOEXIST);
	return 0;
}

/* Calls the program at index 0, which is this program, until the kernel refuses. */
SEC("tc")
int again(struct __sk_buff *skb)
{
	__u32 second = 1;
	__u64 *runs = bpf_map_lookup_elem(&cells, &second);

	if (runs)
		*runs += 1;
	bpf_tail_call(skb, &jumps, 0);
	return 0;
}

/* Returns whether this process is in a cgroup of the map, or in a descendant of that cgroup. */
SEC("raw_tp/sys_enter")
int in_gate(void *ctx)
{
	struct tour_request *asked = request();

	return asked ? bpf_current_task_under_cgroup(&gates, asked->key) : -EINVAL;
}

SEC("tc")
int count_for_tenant(struct __sk_buff *skb)
{
	struct tour_request *asked = request();
	__u32 first = 0;
	__u64 *cell;
	void *inner;

	if (!asked)
		return -EINVAL;
	inner = bpf_map_lookup_elem(&tenants, &asked->key);
	if (!inner)
		return -ENOENT;
	cell = bpf_map_lookup_elem(inner, &first);
	if (cell)
		__sync_fetch_and_add(cell, 1);
	return 0;
}

/* The last argument is the result of the program if there is no entry. */
SEC("xdp")
int to_port(struct xdp_md *ctx)
{
	return bpf_redirect_map(&ports, 1, XDP_PASS);
}

SEC("xdp")
int to_cpu(struct xdp_md *ctx)
{
	return bpf_redirect_map(&cpus, 0, XDP_PASS);
}

SEC("xdp")
int to_queue(struct xdp_md *ctx)
{
	return bpf_redirect_map(&queues, 0, XDP_PASS);
}

SEC("sk_skb/stream_parser")
int whole(struct __sk_buff *skb)
{
	return skb->len;
}

/* Data that arrives at the socket with index 0 is sent from the socket with index 1. */
SEC("sk_skb/stream_verdict")
int splice(struct __sk_buff *skb)
{
	return bpf_sk_redirect_map(skb, &ends, 1, 0);
}

/* Passes a message to the other end of its connection. The other end has the two ports in reverse order. */
SEC("sk_msg")
int short_cut(struct sk_msg_md *message)
{
	struct connection other = {
		.local = bpf_htons(bpf_ntohl(message->remote_port)),
		.remote = bpf_htons(message->local_port),
	};
	__u32 third = 2;
	__u64 *messages = bpf_map_lookup_elem(&cells, &third);
	int verdict = bpf_msg_redirect_hash(message, &connections, &other, BPF_F_INGRESS);

	if (messages && verdict == SK_PASS)
		__sync_fetch_and_add(messages, 1);
	return verdict;
}

/* The kernel created the values when the program was attached to the cgroup. */
SEC("cgroup_skb/egress")
int count_sent(struct __sk_buff *skb)
{
	__u64 *count = bpf_get_local_storage(&sent, 0);
	__u64 *cpu_count = bpf_get_local_storage(&cpu_sent, 0);

	__sync_fetch_and_add(count, 1);
	*cpu_count += 1;
	return 1; /* The packet passes. */
}

/* The first byte of a datagram is the index of the socket that receives the datagram. */
SEC("sk_reuseport")
int pick(struct sk_reuseport_md *packet)
{
	__u8 worker;
	__u32 index;

	if (bpf_skb_load_bytes(packet, sizeof(struct udphdr), &worker, sizeof(worker)))
		return SK_DROP;
	index = worker;
	return bpf_sk_select_reuseport(packet, &workers, &index, 0) ? SK_DROP : SK_PASS;
}

char _license[] SEC("license") = "GPL";
