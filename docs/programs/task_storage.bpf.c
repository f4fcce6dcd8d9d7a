/* ANCHOR: program */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "task_storage.h"

struct task_struct {
	struct task_struct *group_leader;
} __attribute__((preserve_access_index));

SEC("tp_btf/sys_enter")
int count_call(void *context)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct account *account;

	/* The first thread of the process, which is the one that a pidfd stands for. */
	account = bpf_task_storage_get(&accounts, task->group_leader, 0,
				       BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (account)
		__sync_fetch_and_add(&account->calls, 1);
	return 0;
}

char _license[] SEC("license") = "GPL";
/* ANCHOR_END: program */
