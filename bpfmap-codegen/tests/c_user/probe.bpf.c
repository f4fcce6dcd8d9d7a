#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include "maps.h"

SEC("tc")
int send(struct __sk_buff *skb)
{
	struct visit visit = { .count = 7, .new = 1 };

	(void)skb;
	return events_output(&visit, 0);
}

/* A map is in the object if a program could use it. */
void *used[] = { &guards, &visits, &slots, &totals, &by_source, &jobs, &seen, &rooms, &tails, &of_sockets, &constants };

char LICENSE[] SEC("license") = "GPL";
