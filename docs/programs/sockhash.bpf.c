/* ANCHOR: program */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "sockhash.h"

#define AF_INET 2

/* Puts each end of a new connection into the map. */
SEC("sockops")
int remember(struct bpf_sock_ops *ops)
{
	if (ops->op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB &&
	    ops->op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB)
		return 0;
	if (ops->family != AF_INET)
		return 0;

	struct connection key = {
		.local_address = ops->local_ip4,
		.remote_address = ops->remote_ip4,
		/* The local port is in the byte order of the machine, the remote port is not. */
		.local_port = bpf_htons(ops->local_port),
		.remote_port = bpf_htons(bpf_ntohl(ops->remote_port)),
	};

	bpf_sock_hash_update(ops, &sockets, &key, BPF_ANY);
	return 0;
}

/* Hands a message to the other end on the same machine, past TCP. */
SEC("sk_msg")
int short_cut(struct sk_msg_md *message)
{
	struct connection other = {
		.local_address = message->remote_ip4,
		.remote_address = message->local_ip4,
		.local_port = bpf_htons(bpf_ntohl(message->remote_port)),
		.remote_port = bpf_htons(message->local_port),
	};

	bpf_msg_redirect_hash(message, &sockets, &other, BPF_F_INGRESS);
	/* A message to another machine goes on as usual. */
	return SK_PASS;
}

char _license[] SEC("license") = "GPL";
/* ANCHOR_END: program */
