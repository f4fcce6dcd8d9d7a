/* ANCHOR: program */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "cpumap.h"

SEC("xdp")
int spread(struct xdp_md *xdp)
{
	__u32 first = 0, *cpus_in_use = bpf_map_lookup_elem(&cpu_count, &first);

	if (!cpus_in_use || *cpus_in_use == 0)
		return XDP_PASS;
	/* A real program uses a hash of the flow, so that packets of a flow stay in order. */
	return bpf_redirect_map(&cpus, xdp->rx_queue_index % *cpus_in_use, XDP_PASS);
}

char _license[] SEC("license") = "GPL";
/* ANCHOR_END: program */
