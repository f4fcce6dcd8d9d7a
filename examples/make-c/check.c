/* The test of the programs and the maps. It sleeps, and looks for the system call in both maps. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "calls.skel.h"
#include "calls.user.h"

/* 20 ms. A sleep is never shorter than requested. */
#define NAP 20000000
/* The slot of 2^14 microseconds and more is the first slot that can count this sleep. */
#define NAP_SLOT 14

/* The process ID is stored, because a call of getpid for each event would itself be an event. */
static __u32 this_process;

static int failures;

#define CHECK(condition)                                                                     \
	do {                                                                                 \
		if (!(condition)) {                                                          \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
			failures++;                                                          \
		}                                                                            \
	} while (0)

/* The reported calls of this process: the number of sleeps, and the number of other calls. */
static struct {
	int naps;
	int others;
	struct slow_call last_nap;
} seen;

static int see(void *context, void *data, size_t size)
{
	const struct slow_call *call = slow_calls__event(data, size);

	(void)context;
	CHECK(call);
	if (!call || call->process != this_process)
		return 0;
	if (call->number == SYS_clock_nanosleep) {
		seen.naps++;
		seen.last_nap = *call;
	} else {
		seen.others++;
	}
	return 0;
}

static void nap(void)
{
	struct timespec time = { .tv_nsec = NAP };

	CHECK(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &time, NULL) == 0);
}

/* Returns the number of calls from this slot on. */
static __u64 calls_from(const struct bpf_map *map, __u32 slot)
{
	int cpus = libbpf_num_possible_cpus();
	struct histogram__percpu values[cpus > 0 ? cpus : 1];
	__u64 sum = 0;

	CHECK(cpus > 0);
	for (; slot < bpf_map__max_entries(map); slot++) {
		CHECK(histogram__lookup(bpf_map__fd(map), &slot, values, cpus) == 0);
		for (int cpu = 0; cpu < cpus; cpu++)
			sum += values[cpu].value;
	}
	return sum;
}

static void set(int fd, __u64 slow, __u32 process)
{
	struct setting setting = { .slow = slow, .process = process };
	__u32 first = 0;

	CHECK(settings__update(fd, &first, &setting, BPF_ANY) == 0);
}

int main(void)
{
	struct calls_bpf *calls = calls_bpf__open_and_load();
	struct ring_buffer *ring;
	const struct bpf_map *histogram;
	int settings;

	this_process = getpid();
	if (!calls) {
		fprintf(stderr, "the kernel refuses the programs: %s\n", strerror(errno));
		return 1;
	}
	histogram = calls->maps.histogram;
	settings = bpf_map__fd(calls->maps.settings);
	/* Each map matches its own declaration in the schema, and no other one. */
	CHECK(running__check(bpf_map__fd(calls->maps.running)) == 0);
	CHECK(histogram__check(bpf_map__fd(histogram)) == 0);
	CHECK(settings__check(settings) == 0);
	CHECK(settings__check(bpf_map__fd(histogram)) == -EINVAL);
	ring = ring_buffer__new(bpf_map__fd(calls->maps.slow_calls), see, NULL, NULL);
	if (!ring || calls_bpf__attach(calls)) {
		fprintf(stderr, "the programs can't be attached: %s\n", strerror(errno));
		return 1;
	}

	/* The events so far, such as the calls that attached the programs, are discarded. */
	set(settings, NAP, this_process);
	ring_buffer__consume(ring);
	memset(&seen, 0, sizeof(seen));
	nap();
	ring_buffer__consume(ring);
	CHECK(seen.naps == 1);
	CHECK(seen.last_nap.nanoseconds >= NAP);
	CHECK(seen.last_nap.thread == (__u32)syscall(SYS_gettid));
	CHECK(strncmp(seen.last_nap.command, "check", sizeof(seen.last_nap.command)) == 0);
	CHECK(calls_from(histogram, NAP_SLOT) >= 1);
	/* Shorter calls are counted, too. */
	CHECK(calls_from(histogram, 0) > calls_from(histogram, NAP_SLOT));

	/* No call takes that long. */
	set(settings, ~0ULL, this_process);
	nap();
	ring_buffer__consume(ring);
	CHECK(seen.naps == 1);

	/* Process 1 is not this process. */
	set(settings, 0, 1);
	nap();
	ring_buffer__consume(ring);
	CHECK(seen.naps == 1);

	/* Shorter calls are reported, too, if the settings say so. */
	set(settings, 0, this_process);
	seen.others = 0;
	getppid();
	ring_buffer__consume(ring);
	CHECK(seen.others > 0);

	ring_buffer__free(ring);
	calls_bpf__destroy(calls);
	if (!failures)
		printf("ok\n");
	return failures ? 1 : 0;
}
