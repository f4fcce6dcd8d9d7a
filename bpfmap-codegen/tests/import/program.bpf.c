#include <linux/bpf.h>
#include <linux/types.h>
#include <linux/version.h>
#include <bpf/bpf_helpers.h>

#define __kptr __attribute__((btf_type_tag("kptr")))
#define __rcu __attribute__((btf_type_tag("rcu")))
#define __tag(text) __attribute__((btf_decl_tag(text)))
#define __contains(name, node) __tag("contains:" #name ":" #node)

#if LINUX_VERSION_CODE < 0x60600
struct bpf_list_head {
	__u64 opaque[2];
} __attribute__((aligned(8)));
struct bpf_list_node {
	__u64 opaque[3];
} __attribute__((aligned(8)));
#endif

typedef __u32 mark_t;
typedef struct {
	__u64 rx;
	__u64 tx;
} stats_t;
typedef struct pair {
	int a;
	short b;
} pair;

enum verdict { PASS = 0, DROP_IT = 7, Other = -1 };
enum wide { WIDE = 0x100000000ULL };

struct __attribute__((packed)) key {
	__u8 proto;
	__u32 addr;
};

struct far_apart {
	__u8 first;
	__u8 second __attribute__((aligned(16)));
};

struct recursive {
	struct recursive *next;
	const struct key *key;
	void (*call)(int);
};

struct node {
	struct bpf_list_node list;
	__u64 data;
};

/* What only a tag names is not in the BTF. */
__attribute__((used)) static void keep_node(struct node *node)
{
	(void)node;
}

struct value {
	struct bpf_spin_lock lock;
	mark_t mark __tag("a member");
	stats_t stats[2];
	pair pair;
	enum verdict verdict;
	enum wide wide;
	enum { NAMELESS = 1 } nameless;
	int type;
	union {
		struct {
			__u16 match : 3, rest : 9;
		};
		__be32 v4;
		__u8 v6[16];
	};
	struct {
		char c;
		long long l;
	} in_place;
	char name[16];
	void *nothing;
	struct task_struct *task;
	struct task_struct __rcu *rcu;
	unsigned long number;
	_Bool flag;
	signed char sign;
	__u8 table[3][5];
	struct far_apart far;
	struct recursive recursive;
	float real;
} __attribute__((aligned(64))) __tag("a type");

struct owner {
	struct bpf_spin_lock lock;
	struct bpf_list_head head __contains(node, list);
	struct task_struct __kptr *task;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct key);
	__type(value, struct value);
	__uint(max_entries, 10);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} everything SEC(".maps") __tag("a map");

struct inner_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct { int q; char w; });
	__uint(max_entries, 1);
} first SEC(".maps"), second SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(key_size, 4);
	__uint(max_entries, 5);
	__array(values, struct inner_map);
} outer SEC(".maps") = { .values = { [1] = &second, [3] = &first } };

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__type(key, __u32);
	__uint(max_entries, 5);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_HASH);
		__uint(key_size, 12);
		__uint(value_size, 20);
		__uint(max_entries, 3);
	});
} templates SEC(".maps");

SEC("socket") int jump_here(void *context)
{
	return 0;
}

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(key_size, 4);
	__uint(max_entries, 5);
	__array(values, int(void *));
} jumps SEC(".maps") = { .values = { [2] = (void *)&jump_here } };

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, int);
	__type(value, struct owner);
	__uint(max_entries, 1);
} owners SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u64[4]);
	__uint(value_size, 8);
	__uint(pinning, 16);
} resized SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, 1 << 30);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 1);
} unknown_flag SEC(".maps");

struct {
	__uint(type, 999);
	__uint(max_entries, 1);
} unknown_type SEC(".maps");

struct bpf_map_def {
	unsigned int type, key_size, value_size, max_entries, map_flags;
};
struct bpf_map_def old __attribute__((section("maps"), used)) = { BPF_MAP_TYPE_HASH, 4, 8, 16, 1 };

int counter;

struct algorithm {
	int (*begin)(void);
	unsigned int flags;
};
struct algorithm___renamed {
	int (*begin)(void);
};
SEC(".struct_ops") struct algorithm old_algorithm = { .flags = 1 };
SEC(".struct_ops.link") struct algorithm algorithm_with_link = { .flags = 1 };
SEC(".struct_ops") struct algorithm___renamed renamed_algorithm = {};

enum only_declared;
struct refers {
	enum only_declared *to;
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, struct refers);
	__uint(max_entries, 1);
} references SEC(".maps");

struct ayas_map_def {
	unsigned int type, key_size, value_size, max_entries, map_flags, id, pinning;
};
struct ayas_map_def of_aya __attribute__((section("maps"), used)) = { BPF_MAP_TYPE_HASH, 4, 8, 16, 0, 0, 1 };
struct ayas_map_def with_id __attribute__((section("maps"), used)) = { BPF_MAP_TYPE_HASH, 4, 8, 16, 0, 7, 0 };

struct iproute2s_map_def {
	unsigned int type, size_key, size_value, max_elem, flags, id, pinning, inner_id, inner_idx;
};
struct iproute2s_map_def of_iproute2 __attribute__((section("maps"), used)) = {
	.type = BPF_MAP_TYPE_LPM_TRIE, .size_key = 8, .size_value = 4, .max_elem = 16, .flags = 1, .pinning = 2,
};
struct iproute2s_map_def held __attribute__((section("maps"), used)) = {
	.type = BPF_MAP_TYPE_ARRAY, .size_key = 4, .size_value = 8, .max_elem = 2, .id = 3, .inner_idx = 1,
};
struct iproute2s_map_def only_a_pattern __attribute__((section("maps"), used)) = {
	.type = BPF_MAP_TYPE_ARRAY, .size_key = 4, .size_value = 8, .max_elem = 2, .id = 3, .inner_idx = -1,
};
struct iproute2s_map_def holds __attribute__((section("maps"), used)) = {
	.type = BPF_MAP_TYPE_ARRAY_OF_MAPS, .size_key = 4, .size_value = 4, .max_elem = 2, .inner_id = 3,
};
struct {
	unsigned int numbers[8];
} of_another_loader __attribute__((section("maps"), used)) = { { BPF_MAP_TYPE_HASH, 4, 8, 16, 0, 7, 0, 1 } };
