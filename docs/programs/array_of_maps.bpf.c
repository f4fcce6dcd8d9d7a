/* ANCHOR: program */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "array_of_maps.h"

SEC("raw_tp/sys_enter")
int count_call(void *context)
{
	__u32 process = bpf_get_current_pid_tgid() >> 32, current = 0;
	void *generation = bpf_map_lookup_elem(&generations, &current);
	__u64 one = 1, *count;

	if (!generation)
		return 0;
	count = bpf_map_lookup_elem(generation, &process);
	if (count)
		__sync_fetch_and_add(count, 1);
	else
		bpf_map_update_elem(generation, &process, &one, BPF_NOEXIST);
	return 0;
}

char _license[] SEC("license") = "GPL";
/* ANCHOR_END: program */
