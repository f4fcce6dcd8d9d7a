/* Counts the system calls that processes make. */

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "syscalls.h"

static __always_inline int is_wanted(__u32 process)
{
	__u32 first = 0;
	struct filter *filter = bpf_map_lookup_elem(&filters, &first);

	if (!filter)
		return 0;
	return filter->scope == SCOPE_EVERYBODY || filter->process == process;
}

SEC("raw_tp/sys_enter")
int count_call(struct bpf_raw_tracepoint_args *args)
{
	struct call call = {
		.process = bpf_get_current_pid_tgid() >> 32,
		.number = args->args[1],
	};
	struct usage first = {};
	struct usage *usage;

	if (!is_wanted(call.process))
		return 0;
	usage = bpf_map_lookup_elem(&calls, &call);
	if (!usage) {
		bpf_get_current_comm(first.command, sizeof(first.command));
		bpf_map_update_elem(&calls, &call, &first, BPF_NOEXIST);
		usage = bpf_map_lookup_elem(&calls, &call);
		if (!usage)
			return 0;
	}
	__sync_fetch_and_add(&usage->count, 1);
	usage->last = bpf_ktime_get_ns();
	return 0;
}

char _license[] SEC("license") = "GPL";
