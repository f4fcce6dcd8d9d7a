//! Creation flags. Sources: `kernel/bpf/syscall.c`, `map_get_sys_perms` and `bpf_map_mmap`;
//! `kernel/bpf/verifier.c`, `record_func_map` and `check_map_access_type`.

use super::{cases, operations, v};
use crate::map_type::{MapFlag, ProgramOperation};

/// Every flag, by bit: the anonymous enum of `BPF_F_NO_PREALLOC` in `include/uapi/linux/bpf.h`.
pub static MAP_FLAGS: &[MapFlag] = &[
    MapFlag {
        effect: "The memory of an entry is allocated when the entry is created, not when the map \
                 is created. Up to Linux 6.0, a program of the type `perf_event` can't use such \
                 a hash table (EINVAL).",
        ..flag("no_prealloc", 0, 4, 6)
    },
    MapFlag {
        effect: "Each CPU has its own list and its share of the entries. A CPU drops entries \
                 from its list even if other lists have space. `max_entries` is rounded up to a \
                 multiple of the number of CPUs.",
        ..flag("no_common_lru", 1, 4, 10)
    },
    MapFlag {
        effect: "The memory of the map is on the NUMA node `numa_node`.",
        ..flag("numa_node", 2, 4, 14)
    },
    MapFlag {
        effect: "User space can't write through the descriptor that creation returns. It also \
                 can't map the values into its memory and, from Linux 6.5 on, can't freeze the \
                 map. A descriptor that is opened by pin or id has the access that it requests.",
        operations: operations! {
            Update: cases! { Plain: (4, 15) EPERM; },
            Delete: cases! { Plain: (4, 15) EPERM; },
            LookupAndDelete: cases! { Plain: (4, 20) EPERM; },
            UpdateBatch: cases! { Plain: (5, 6) EPERM; },
            DeleteBatch: cases! { Plain: (5, 6) EPERM; },
            LookupAndDeleteBatch: cases! { Plain: (5, 6) EPERM; },
            Freeze: cases! {
                Plain: (5, 2) Ok, (6, 5) EPERM;
                Twice: (5, 2) EBUSY, (6, 5) EPERM;
            },
        },
        // The kernel does not regard a mapping that can never be written as shared, and maps
        // require a shared mapping.
        own_operations: operations! {
            Mmap: cases! {
                Plain: (5, 5) EINVAL;
                ToWrite: (5, 5) EACCES;
            },
        },
        ..flag("rdonly", 3, 4, 15)
    },
    MapFlag {
        effect: "User space can't read through the descriptor that creation returns. A \
                 descriptor that is opened by pin or id has the access that it requests.",
        operations: operations! {
            Lookup: cases! { Plain: (4, 15) EPERM; },
            GetNextKey: cases! { Plain: (4, 15) EPERM; },
            LookupAndDelete: cases! { Plain: (4, 20) EPERM; },
            LookupBatch: cases! { Plain: (5, 6) EPERM; },
            LookupAndDeleteBatch: cases! { Plain: (5, 6) EPERM; },
            Mmap: cases! {
                Plain: (4, 15) EACCES;
                ToWrite: (4, 15) EACCES;
            },
        },
        ..flag("wronly", 4, 4, 15)
    },
    MapFlag {
        effect: "A frame has 32 bytes with the build id of a file and an offset in it, instead \
                 of an address.",
        ..flag("stack_build_id", 5, 4, 17)
    },
    MapFlag {
        effect: "The seed of the hash is zero, so the order of the entries is always the same.",
        ..flag("zero_seed", 6, 5, 0)
    },
    MapFlag {
        effect: "Programs can't write: the verifier refuses such a program with EACCES. User \
                 space can't map the values into its memory for writing.",
        own_operations: operations! {
            Mmap: cases! {
                Plain: (5, 5) Ok;
                ToWrite: (5, 5) EACCES;
            },
        },
        refused_in_programs: &[
            ProgramOperation::Write,
            ProgramOperation::Update,
            ProgramOperation::Delete,
            ProgramOperation::Push,
            ProgramOperation::Pop,
        ],
        ..flag("rdonly_prog", 7, 5, 2)
    },
    MapFlag {
        effect: "Programs can't read a value through a pointer: the verifier refuses such a \
                 program with EACCES. They can read a value that a helper function copies, such \
                 as `bpf_map_pop_elem`.",
        refused_in_programs: &[ProgramOperation::Read],
        ..flag("wronly_prog", 8, 5, 2)
    },
    MapFlag {
        effect: "The value of a listening socket is copied to the sockets that it accepts. \
                 Values of objects other than sockets are never copied.",
        ..flag("clone", 9, 5, 4)
    },
    MapFlag {
        effect: "User space can map the values into its memory. Each value begins at a multiple \
                 of 8 bytes.",
        ..flag("mmapable", 10, 5, 5)
    },
    MapFlag {
        effect: "Entries stay when the descriptor that stored them is closed.",
        ..flag("preserve_elems", 11, 5, 10)
    },
    MapFlag {
        effect: "As an inner map, it may have a different `max_entries` than the template.",
        ..flag("inner_map", 12, 5, 10)
    },
    MapFlag { effect: "A link registers and unregisters the struct.", ..flag("link", 13, 6, 4) },
    MapFlag {
        effect: "The path of a pin is relative to a directory's descriptor. No map type takes it.",
        ..flag("path_fd", 14, 6, 5)
    },
    MapFlag {
        effect: "The type of the value is in the BTF of a kernel module.",
        ..flag("vtype_btf_obj_fd", 15, 6, 9)
    },
    MapFlag {
        effect: "A BPF token gives the privilege to create the map. Loaders set it by themselves.",
        ..flag("token_fd", 16, 6, 9)
    },
    MapFlag {
        effect: "User space that touches a page which no program has allocated gets SIGSEGV; without the \
                 flag, the kernel allocates the page.",
        ..flag("segv_on_fault", 17, 6, 9)
    },
    MapFlag {
        effect: "Pointers that programs store are not translated to addresses of user space.",
        ..flag("no_user_conv", 18, 6, 9)
    },
    MapFlag {
        effect: "A full buffer overwrites its oldest records.",
        ..flag("rb_overwrite", 19, 6, 19)
    },
];

const fn flag(name: &'static str, bit: u32, major: u16, minor: u16) -> MapFlag {
    MapFlag {
        name,
        bit,
        since: v(major, minor),
        effect: "",
        operations: &[],
        own_operations: &[],
        refused_in_programs: &[],
    }
}
