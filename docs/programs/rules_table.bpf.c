/* Applies the current rules to packets. */

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "rules_table.h"

/* ANCHOR: lookup */
SEC("socket")
int apply_rules(struct __sk_buff *skb)
{
	__u32 zero = 0;
	__be32 source = 0;
	struct rule *rule;
	void *rules;

	rules = bpf_map_lookup_elem(&current, &zero);
	if (!rules)
		return 0;
	bpf_skb_load_bytes(skb, 26, &source, sizeof(source));
	rule = bpf_map_lookup_elem(rules, &source);
	return rule && rule->drop ? 0 : skb->len;
}
/* ANCHOR_END: lookup */

char _license[] SEC("license") = "GPL";
