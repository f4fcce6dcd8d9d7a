/* ANCHOR: program */
#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct sock;

/* The members that this program implements. libbpf finds them in the kernel's struct by name. */
struct tcp_congestion_ops {
	__u32 (*ssthresh)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, __u32 ack, __u32 acked);
	__u32 (*undo_cwnd)(struct sock *sk);
	char name[16];
};

#include "struct_ops.h"

SEC("struct_ops/steady_ssthresh")
__u32 BPF_PROG(steady_ssthresh, struct sock *sk)
{
	return 0x7fffffff;
}

SEC("struct_ops/steady_undo_cwnd")
__u32 BPF_PROG(steady_undo_cwnd, struct sock *sk)
{
	return 10;
}

SEC("struct_ops/steady_cong_avoid")
void BPF_PROG(steady_cong_avoid, struct sock *sk, __u32 ack, __u32 acked)
{
}

SEC(".struct_ops")
struct tcp_congestion_ops steady = {
	.ssthresh = (void *)steady_ssthresh,
	.undo_cwnd = (void *)steady_undo_cwnd,
	.cong_avoid = (void *)steady_cong_avoid,
	.name = "bpf_steady",
};

char _license[] SEC("license") = "GPL";
/* ANCHOR_END: program */
