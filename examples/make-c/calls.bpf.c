/* Measures how long each system call takes. */

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "calls.h"

/* The number of elements of the histogram. */
#define SLOTS (sizeof(*histogram.max_entries) / sizeof(int))

static __always_inline struct setting *setting_of(__u32 process)
{
	__u32 first = 0;
	struct setting *setting = bpf_map_lookup_elem(&settings, &first);

	if (!setting || (setting->process && setting->process != process))
		return 0;
	return setting;
}

static __always_inline void count(__u64 microseconds)
{
	__u32 slot = 0;
	__u64 *calls;

	for (int i = 0; i < SLOTS - 1 && microseconds > 1; i++) {
		microseconds /= 2;
		slot++;
	}
	calls = bpf_map_lookup_elem(&histogram, &slot);
	/* Only this CPU writes to its count, so the program needs no atomic instruction. */
	if (calls)
		*calls += 1;
}

static __always_inline void report(const struct call *call, __u64 id, __u64 nanoseconds)
{
	struct slow_call *event = slow_calls_reserve();

	if (!event)
		return;
	event->nanoseconds = nanoseconds;
	event->process = id >> 32;
	event->thread = id;
	event->cpu = bpf_get_smp_processor_id();
	event->number = call->number;
	bpf_get_current_comm(event->command, sizeof(event->command));
	slow_calls_submit(event, 0);
}

SEC("raw_tp/sys_enter")
int enter_call(struct bpf_raw_tracepoint_args *ctx)
{
	struct call call = { .start = bpf_ktime_get_ns(), .number = ctx->args[1] };
	__u64 id = bpf_get_current_pid_tgid();
	__u32 thread = id;

	if (setting_of(id >> 32))
		bpf_map_update_elem(&running, &thread, &call, BPF_ANY);
	return 0;
}

SEC("raw_tp/sys_exit")
int exit_call(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 id = bpf_get_current_pid_tgid(), nanoseconds;
	struct setting *setting = setting_of(id >> 32);
	__u32 thread = id;
	struct call *call;

	if (!setting)
		return 0;
	call = bpf_map_lookup_elem(&running, &thread);
	/* The call may have started before the program was attached. */
	if (!call)
		return 0;
	nanoseconds = bpf_ktime_get_ns() - call->start;
	count(nanoseconds / 1000);
	if (nanoseconds >= setting->slow)
		report(call, id, nanoseconds);
	bpf_map_delete_elem(&running, &thread);
	return 0;
}

char _license[] SEC("license") = "GPL";
