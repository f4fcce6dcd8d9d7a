/* ANCHOR: program */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "arena.h"

/* Pointers into an arena. The address space needs clang 19. */
#define __arena __attribute__((address_space(1)))

void __arena *bpf_arena_alloc_pages(void *map, void __arena *address, __u32 pages, int node,
				    __u64 flags) __ksym __weak;

/* The start of the array of counters. */
__u64 __arena *counters;

SEC("syscall")
int set_up(void *context)
{
	/* 8 pages of 4096 bytes hold 4096 counters. They are zero. */
	counters = bpf_arena_alloc_pages(&pool, 0, 8, -1 /* any NUMA node */, 0);
	return counters ? 0 : 1;
}

SEC("raw_tp/sys_enter")
int count_call(struct bpf_raw_tracepoint_args *args)
{
	__u64 number = args->args[1];

	/* A program can access an arena only if it refers to the map. */
	asm volatile("" : : "r"(&pool));
	if (counters && number < 4096)
		counters[number] += 1;
	return 0;
}

char _license[] SEC("license") = "GPL";
/* ANCHOR_END: program */
