// Calls each function of maps.user.h on maps in the kernel. C and C++.
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "maps.user.h"
#include "maps.user.h"

#ifdef __cplusplus
#define NEW new_
#else
#define NEW new
#endif

#define EXPECT(call, expected)                                                         \
	do {                                                                           \
		long answer = (call);                                                  \
		if (answer != (expected)) {                                            \
			fprintf(stderr, "line %d: %s is %ld\n", __LINE__, #call, answer); \
			exit(1);                                                       \
		}                                                                      \
	} while (0)

static struct bpf_object *object;

static int map(const char *name)
{
	int fd = bpf_object__find_map_fd_by_name(object, name);

	if (fd < 0) {
		fprintf(stderr, "no map %s\n", name);
		exit(1);
	}
	return fd;
}

static struct visit visit(__u64 count)
{
	struct visit it;

	memset(&it, 0, sizeof(it));
	it.count = count;
	it.NEW = 1;
	return it;
}

static void entries(void)
{
	int fd = map("visits");
	struct source key, next;
	struct visit value = visit(3);

	memset(&key, 0, sizeof(key));
	key.port = 80;
	EXPECT(visits__check(fd), 0);
	EXPECT(visits__lookup(fd, &key, &value), -ENOENT);
	EXPECT(visits__next_key(fd, NULL, &next), -ENOENT);
	EXPECT(visits__update(fd, &key, &value, BPF_EXIST), -ENOENT);
	EXPECT(visits__update(fd, &key, &value, BPF_NOEXIST), 0);
	EXPECT(visits__update(fd, &key, &value, BPF_NOEXIST), -EEXIST);
	value = visit(0);
	EXPECT(visits__lookup(fd, &key, &value), 0);
	EXPECT(value.count, 3);
	EXPECT(visits__next_key(fd, NULL, &next), 0);
	EXPECT(next.port, 80);
	EXPECT(visits__next_key(fd, &next, &next), -ENOENT);
	value = visit(0);
	EXPECT(visits__lookup_and_delete(fd, &key, &value), 0);
	EXPECT(value.count, 3);
	EXPECT(visits__delete(fd, &key), -ENOENT);
	EXPECT(errno, ENOENT);

	/* Another map of the same sizes, one of another type, and what is no map. */
	EXPECT(visits__check(map("slots")), -EINVAL);
	EXPECT(errno, EINVAL);
	EXPECT(slots__check(fd), -EINVAL);
	EXPECT(visits__check(-1), -EBADFD);
}

static void arrays(void)
{
	int fd = map("slots");
	__u32 key = 1, next;
	__u8 value[3] = { 1, 2, 3 }, read[3];
	struct guarded guarded;

	EXPECT(slots__check(fd), 0);
	EXPECT(slots__update(fd, &key, &value, BPF_ANY), 0);
	EXPECT(slots__lookup(fd, &key, &read), 0);
	EXPECT(memcmp(read, value, 3), 0);
	EXPECT(slots__next_key(fd, NULL, &next), 0);
	EXPECT(next, 0);
	key = 2;
	EXPECT(slots__lookup(fd, &key, &read), -ENOENT);

	key = 0;
	memset(&guarded, 0, sizeof(guarded));
	guarded.total = 6;
	EXPECT(guards__check(map("guards")), 0);
	EXPECT(guards__update(map("guards"), &key, &guarded, BPF_F_LOCK), 0);
	guarded.total = 0;
	EXPECT(guards__lookup_locked(map("guards"), &key, &guarded), 0);
	EXPECT(guarded.total, 6);
}

static void per_cpu(void)
{
	int cpus = libbpf_num_possible_cpus();
	struct totals__percpu *totals =
		(struct totals__percpu *)calloc(cpus + 1, sizeof(struct totals__percpu));
	struct by_source__percpu *counts =
		(struct by_source__percpu *)calloc(cpus + 1, sizeof(struct by_source__percpu));
	__u32 index = 1, next;
	struct source key;

	EXPECT(totals__check(map("totals")), 0);
	for (int cpu = 0; cpu < cpus; cpu++)
		totals[cpu].value[11] = (__u8)(cpu + 1);
	EXPECT(totals__update(map("totals"), &index, totals, cpus, BPF_ANY), 0);
	memset(totals, 0xff, (cpus + 1) * sizeof(*totals));
	EXPECT(totals__lookup(map("totals"), &index, totals, cpus), 0);
	for (int cpu = 0; cpu < cpus; cpu++)
		EXPECT(totals[cpu].value[11], cpu + 1);
	/* The kernel wrote what there is room for, and nothing behind. */
	EXPECT(totals[cpus].value[0], 0xff);
	EXPECT(totals__lookup(map("totals"), &index, totals, cpus - 1), -EINVAL);
	EXPECT(errno, EINVAL);
	EXPECT(totals__next_key(map("totals"), &index, &next), -ENOENT);

	memset(&key, 0, sizeof(key));
	EXPECT(by_source__check(map("by_source")), 0);
	EXPECT(by_source__update(map("by_source"), &key, counts, cpus - 1, BPF_ANY), -EINVAL);
	counts[cpus - 1].value = 9;
	EXPECT(by_source__update(map("by_source"), &key, counts, cpus, BPF_ANY), 0);
	counts[cpus - 1].value = 0;
	EXPECT(by_source__lookup(map("by_source"), &key, counts, cpus), 0);
	EXPECT(counts[cpus - 1].value, 9);
	EXPECT(by_source__lookup_and_delete(map("by_source"), &key, counts, cpus), 0);
	EXPECT(by_source__next_key(map("by_source"), NULL, &key), -ENOENT);
	EXPECT(by_source__delete(map("by_source"), &key), -ENOENT);
	free(totals);
	free(counts);
}

static void without_keys(void)
{
	int fd = map("jobs");
	struct visit value = visit(1);
	struct source source;

	EXPECT(jobs__check(fd), 0);
	EXPECT(jobs__peek(fd, &value), -ENOENT);
	for (__u64 count = 1; count <= 2; count++) {
		value = visit(count);
		EXPECT(jobs__push(fd, &value, BPF_ANY), 0);
	}
	EXPECT(jobs__push(fd, &value, BPF_ANY), -E2BIG);
	EXPECT(jobs__peek(fd, &value), 0);
	EXPECT(value.count, 1);
	EXPECT(jobs__pop(fd, &value), 0);
	EXPECT(jobs__pop(fd, &value), 0);
	EXPECT(value.count, 2);
	EXPECT(jobs__pop(fd, &value), -ENOENT);

	memset(&source, 0, sizeof(source));
	EXPECT(seen__check(map("seen")), 0);
	EXPECT(seen__contains(map("seen"), &source), -ENOENT);
	EXPECT(seen__add(map("seen"), &source), 0);
	EXPECT(seen__contains(map("seen"), &source), 0);
}

static void objects(int program)
{
	__u32 index = 1, id = 0, room_key = 5;
	struct visit value = visit(4);
	int room, socket_fd;

	EXPECT(rooms__check(map("rooms")), 0);
	room = bpf_map_create(BPF_MAP_TYPE_HASH, "room", sizeof(__u32), sizeof(struct visit), 2, NULL);
	EXPECT(rooms__inner__check(room), 0);
	EXPECT(rooms__lookup(map("rooms"), &index, &id), -ENOENT);
	EXPECT(rooms__update(map("rooms"), &index, room, BPF_ANY), 0);
	EXPECT(rooms__inner__update(room, &room_key, &value, BPF_ANY), 0);
	close(room);
	EXPECT(rooms__lookup(map("rooms"), &index, &id), 0);
	room = bpf_map_get_fd_by_id(id);
	value = visit(0);
	EXPECT(rooms__inner__lookup(room, &room_key, &value), 0);
	EXPECT(value.count, 4);
	EXPECT(rooms__delete(map("rooms"), &index), 0);
	EXPECT(rooms__update(map("rooms"), &index, program, BPF_ANY), -EINVAL);

	EXPECT(tails__check(map("tails")), 0);
	EXPECT(tails__update(map("tails"), &index, program, BPF_ANY), 0);
	EXPECT(tails__lookup(map("tails"), &index, &id), 0);
	EXPECT(id != 0, 1);
	EXPECT(tails__delete(map("tails"), &index), 0);

	socket_fd = socket(AF_INET, SOCK_DGRAM, 0);
	EXPECT(of_sockets__check(map("of_sockets")), 0);
	EXPECT(of_sockets__lookup(map("of_sockets"), socket_fd, &value), -ENOENT);
	EXPECT(of_sockets__update(map("of_sockets"), socket_fd, &value, BPF_ANY), 0);
	EXPECT(of_sockets__lookup(map("of_sockets"), socket_fd, &value), 0);
	EXPECT(of_sockets__delete(map("of_sockets"), socket_fd), 0);
	EXPECT(of_sockets__delete(map("of_sockets"), -1), -EBADF);
}

static int received(void *count, void *data, size_t size)
{
	const struct visit *event = events__event(data, size);

	EXPECT(event != NULL, 1);
	EXPECT(event->count, 7);
	EXPECT(events__event(data, sizeof(struct visit) - 1) == NULL, 1);
	*(int *)count += 1;
	return 0;
}

static void records(int program)
{
	char packet[64] = { 0 };
	int count = 0;
	struct bpf_test_run_opts options;
	struct ring_buffer *ring;

	memset(&options, 0, sizeof(options));
	options.sz = sizeof(options);
	options.data_in = packet;
	options.data_size_in = sizeof(packet);
	EXPECT(events__check(map("events")), 0);
	ring = ring_buffer__new(map("events"), received, &count, NULL);
	EXPECT(bpf_prog_test_run_opts(program, &options), 0);
	EXPECT(options.retval, 0);
	EXPECT(ring_buffer__consume(ring), 1);
	EXPECT(count, 1);
	ring_buffer__free(ring);
}

int main(int count, char **arguments)
{
	__u32 key = 1, value;
	int program;

	EXPECT(count, 2);
	object = bpf_object__open_file(arguments[1], NULL);
	EXPECT(object == NULL, 0);
	EXPECT(bpf_object__load(object), 0);
	program = bpf_program__fd(bpf_object__find_program_by_name(object, "send"));
	entries();
	arrays();
	per_cpu();
	without_keys();
	objects(program);
	records(program);
	/* A descriptor of this map can't write. */
	EXPECT(constants__check(map("constants")), 0);
	EXPECT(constants__lookup(map("constants"), &key, &value), -ENOENT);
	bpf_object__close(object);
	return 0;
}
