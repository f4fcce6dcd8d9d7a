/* Uses the maps of the firewall from C, through functions that are generated from the schemas. */

#include <arpa/inet.h>
#include <errno.h>

#include "policy.user.h"
#include "traffic.user.h"

#include "firewall.h"

int firewall_block(int rules, const char *address, __u32 length)
{
	struct rule rule = { .verdict = VERDICT_DROP };
	struct prefix prefix = { .length = length };
	int error = rules__check(rules);

	if (error)
		return error;
	if (inet_pton(AF_INET, address, &prefix.address) != 1)
		return -EINVAL;
	return rules__update(rules, &prefix, &rule, BPF_ANY);
}

int firewall_dropped(int counts, __u64 *packets)
{
	struct flow flow, *previous = NULL;
	struct traffic_count count;
	int error = counts__check(counts);

	*packets = 0;
	while (!error) {
		error = counts__next_key(counts, previous, &flow);
		if (error)
			break;
		previous = &flow;
		error = counts__lookup(counts, &flow, &count);
		if (!error && flow.verdict == VERDICT_DROP)
			*packets += count.packets;
		if (error == -ENOENT)
			error = 0; /* The entry was deleted meanwhile. */
	}
	return error == -ENOENT ? 0 : error;
}
