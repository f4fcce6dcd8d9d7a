/* `firewall OBJECT CGROUP PREFIX...`: the same program as main.rs, in C. OBJECT is the object file that the Makefile links. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "firewall.h"

static void fail(const char *what, int error)
{
	fprintf(stderr, "error: %s: %s\n", what, strerror(error < 0 ? -error : error));
	exit(1);
}

int main(int count, char **arguments)
{
	struct bpf_program *program;
	struct bpf_object *object;
	int cgroup, counts, rules, error;

	if (count < 3) {
		fprintf(stderr, "usage: %s OBJECT CGROUP PREFIX...\n", arguments[0]);
		return 2;
	}
	object = bpf_object__open_file(arguments[1], NULL);
	if (!object)
		fail(arguments[1], errno);
	cgroup = open(arguments[2], O_RDONLY | O_DIRECTORY);
	if (cgroup < 0)
		fail(arguments[2], errno);
	error = bpf_object__load(object);
	if (error)
		fail("the kernel refuses the programs", error);
	bpf_object__for_each_program(program, object)
		if (!bpf_program__attach_cgroup(program, cgroup))
			fail("the programs are not attached", errno);
	rules = bpf_object__find_map_fd_by_name(object, "rules");
	counts = bpf_object__find_map_fd_by_name(object, "counts");

	for (int i = 3; i < count; i++) {
		char *length = strchr(arguments[i], '/');

		if (length)
			*length++ = '\0';
		error = firewall_block(rules, arguments[i], length ? strtoul(length, NULL, 10) : 32);
		if (error)
			fail(arguments[i], error);
	}
	for (;;) {
		__u64 packets;

		error = firewall_dropped(counts, &packets);
		if (error)
			fail("the counts can't be read", error);
		printf("%llu packets dropped\n", (unsigned long long)packets);
		fflush(stdout);
		sleep(1);
	}
}
