/* Appends jobs to a list that the map owns. */

#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include "job_lists.h"

/* ANCHOR: push */
extern void *bpf_obj_new_impl(__u64 local_type_id, void *meta) __ksym;
extern int bpf_list_push_back_impl(struct bpf_list_head *head, struct bpf_list_node *node,
				   void *meta, __u64 off) __ksym;

SEC("tc")
int push_job(struct __sk_buff *skb)
{
	struct job_list *list;
	struct job *job;
	__u32 index = 0;

	list = bpf_map_lookup_elem(&job_lists, &index);
	if (!list)
		return 0;
	job = bpf_obj_new_impl(bpf_core_type_id_local(struct job), NULL);
	if (!job)
		return 0;
	job->id = skb->hash;
	bpf_spin_lock(&list->lock);
	bpf_list_push_back_impl(&list->jobs, &job->node, NULL, 0);
	list->length++;
	bpf_spin_unlock(&list->lock);
	return 0;
}
/* ANCHOR_END: push */

char _license[] SEC("license") = "GPL";
