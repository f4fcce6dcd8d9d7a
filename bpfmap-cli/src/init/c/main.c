/* Usage: counts OBJECT. Counts the system calls of each process for a second, and prints the counts. Needs root. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "maps.user.h"

static int fail(const char *what, int error)
{
	fprintf(stderr, "error: %s: %s\n", what, strerror(-error));
	return 1;
}

int main(int count, char **arguments)
{
	struct bpf_program *program;
	struct bpf_object *object;
	struct call call, next;
	int error, fd;

	if (count != 2) {
		fprintf(stderr, "usage: %s OBJECT\n", arguments[0]);
		return 2;
	}
	object = bpf_object__open_file(arguments[1], NULL);
	if (!object)
		return fail(arguments[1], -errno);
	error = bpf_object__load(object);
	if (error)
		return fail("the kernel refuses the program", error);
	fd = bpf_object__find_map_fd_by_name(object, "counts");
	/* Checks that the map in the object matches the schema. */
	error = counts__check(fd);
	if (error)
		return fail("the map `counts`", error);
	bpf_object__for_each_program(program, object)
		if (!bpf_program__attach(program))
			return fail("the program can't be attached", -errno);

	sleep(1);
	for (error = counts__next_key(fd, NULL, &next); !error; error = counts__next_key(fd, &call, &next)) {
		__u64 calls;

		call = next;
		if (!counts__lookup(fd, &call, &calls))
			printf("process %u made call %u %llu times\n", call.process, call.number, (unsigned long long)calls);
	}
	return 0;
}
