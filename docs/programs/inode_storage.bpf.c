/* ANCHOR: program */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "inode_storage.h"

struct inode;
struct file {
	struct inode *f_inode;
} __attribute__((preserve_access_index));

SEC("lsm/file_open")
int BPF_PROG(watch, struct file *file)
{
	/* NULL for a file that user space does not watch. */
	struct access *access = bpf_inode_storage_get(&watched_files, file->f_inode, 0, 0);

	if (access) {
		__sync_fetch_and_add(&access->opened, 1);
		access->last_process = bpf_get_current_pid_tgid() >> 32;
	}
	return 0;
}

char _license[] SEC("license") = "GPL";
/* ANCHOR_END: program */
