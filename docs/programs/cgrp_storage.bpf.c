/* ANCHOR: program */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "cgrp_storage.h"

struct css_set {
	struct cgroup *dfl_cgrp;
} __attribute__((preserve_access_index));

struct task_struct {
	struct css_set *cgroups;
} __attribute__((preserve_access_index));

SEC("tp_btf/sys_enter")
int count_call(void *context)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct usage *usage;

	usage = bpf_cgrp_storage_get(&usages, task->cgroups->dfl_cgrp, 0,
				     BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (usage)
		__sync_fetch_and_add(&usage->calls, 1);
	return 0;
}

char _license[] SEC("license") = "GPL";
/* ANCHOR_END: program */
