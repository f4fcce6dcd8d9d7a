/* `slowcalls MILLISECONDS [PID]`: prints the system calls that take at least this long. When the program is
 * interrupted, it prints a histogram of the durations of all calls. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "calls.skel.h"
#include "calls.user.h"

#define BAR "########################################"

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

static void fail(const char *what, int error)
{
	fprintf(stderr, "error: %s: %s\n", what, strerror(error < 0 ? -error : error));
	exit(1);
}

static unsigned long number(const char *text, const char *what)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (!*text || *end || *text == '-') {
		fprintf(stderr, "error: `%s` is not a number of %s\n", text, what);
		exit(2);
	}
	return value;
}

static int print_slow_call(void *context, void *data, size_t size)
{
	const struct slow_call *call = slow_calls__event(data, size);

	(void)context;
	if (!call)
		return -EINVAL;
	printf("%-16.16s %7u %7u %4u %10.3f ms\n", call->command, call->process, call->thread, call->number,
	       call->nanoseconds / 1e6);
	fflush(stdout);
	return 0;
}

/* Prints the sum over all CPUs for each slot. */
static void print_histogram(const struct bpf_map *map)
{
	__u32 slots = bpf_map__max_entries(map);
	struct histogram__percpu *values;
	int cpus = libbpf_num_possible_cpus();
	__u64 sums[slots], most = 0;

	if (cpus < 0)
		fail("the number of CPUs is not known", cpus);
	values = calloc(cpus, sizeof(*values));
	if (!values)
		fail("the histogram", ENOMEM);
	for (__u32 slot = 0; slot < slots; slot++) {
		int error = histogram__lookup(bpf_map__fd(map), &slot, values, cpus);

		if (error)
			fail("the histogram can't be read", error);
		sums[slot] = 0;
		for (int cpu = 0; cpu < cpus; cpu++)
			sums[slot] += values[cpu].value;
		if (sums[slot] > most)
			most = sums[slot];
	}
	free(values);
	printf("\n%12s %10s\n", "MICROSECONDS", "CALLS");
	for (__u32 slot = 0; slot < slots; slot++) {
		int length = most ? sums[slot] * (sizeof(BAR) - 1) / most : 0;

		if (sums[slot])
			printf("%12llu %10llu %.*s\n", slot ? 1ULL << slot : 0ULL, (unsigned long long)sums[slot],
			       length, BAR);
	}
}

int main(int count, char **arguments)
{
	struct sigaction action = { .sa_handler = interrupt };
	struct setting setting = {};
	struct ring_buffer *ring;
	struct calls_bpf *calls;
	__u32 first = 0;
	int error;

	if (count != 2 && count != 3) {
		fprintf(stderr, "usage: %s MILLISECONDS [PID]\n", arguments[0]);
		return 2;
	}
	setting.slow = number(arguments[1], "milliseconds") * 1000000ULL;
	/* With 0, the calls that print an event would be reported, too, without an end. */
	if (!setting.slow) {
		fprintf(stderr, "error: MILLISECONDS is 0, and must be at least 1\n");
		return 2;
	}
	setting.process = count == 3 ? number(arguments[2], "a process") : 0;

	calls = calls_bpf__open_and_load();
	if (!calls)
		fail("the kernel refuses the programs", errno);
	error = settings__check(bpf_map__fd(calls->maps.settings));
	if (!error)
		error = settings__update(bpf_map__fd(calls->maps.settings), &first, &setting, BPF_ANY);
	if (error)
		fail("the settings can't be written", error);
	ring = ring_buffer__new(bpf_map__fd(calls->maps.slow_calls), print_slow_call, NULL, NULL);
	if (!ring)
		fail("the ring buffer can't be opened", errno);
	error = calls_bpf__attach(calls);
	if (error)
		fail("the programs can't be attached", error);

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	printf("%-16s %7s %7s %4s %13s\n", "COMMAND", "PROCESS", "THREAD", "CALL", "TIME");
	fflush(stdout);
	while (!interrupted) {
		error = ring_buffer__poll(ring, 1000);
		if (error < 0 && error != -EINTR)
			fail("the ring buffer can't be read", error);
	}
	print_histogram(calls->maps.histogram);
	ring_buffer__free(ring);
	calls_bpf__destroy(calls);
	return 0;
}
