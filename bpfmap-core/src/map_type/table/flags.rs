//! The flags with which a map is created. Sources: `kernel/bpf/syscall.c`, `map_get_sys_perms` and `bpf_map_mmap`;
//! `kernel/bpf/verifier.c`, `record_func_map` and `check_map_access_type`.

use super::{cases, operations, v};
use crate::map_type::{MapFlag, ProgramOperation};

/// All flags, in the order of their bits. Source: the anonymous enum with `BPF_F_NO_PREALLOC` in
/// `include/uapi/linux/bpf.h`.
pub static MAP_FLAGS: &[MapFlag] = &[
    MapFlag {
        effect: "The memory of an entry is allocated when the entry is created, not when the map \
                 is created. Up to Linux 6.0, a program of the type `perf_event` can't use such \
                 a hash table (EINVAL).",
        ..flag("no_prealloc", 0, 4, 6)
    },
    MapFlag {
        effect: "Each CPU has its own LRU list with its own share of the entries. A CPU removes \
                 old entries from its list even if the lists of other CPUs have space. \
                 `max_entries` is rounded up to a multiple of the number of CPUs.",
        ..flag("no_common_lru", 1, 4, 10)
    },
    MapFlag {
        effect: "The memory of the map is on the NUMA node `numa_node`.",
        ..flag("numa_node", 2, 4, 14)
    },
    MapFlag {
        effect: "User space can't write through the file descriptor that it gets when it creates \
                 the map. With this descriptor, it also can't map the values into its memory and, \
                 from Linux 6.5 on, can't freeze the map. User space can open another descriptor \
                 from a pin or by ID and request write access.",
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
        // A mapping of a map must be shared. The kernel does not treat a mapping as shared if it can never become
        // writable.
        own_operations: operations! {
            Mmap: cases! {
                Plain: (5, 5) EINVAL;
                ToWrite: (5, 5) EACCES;
            },
        },
        ..flag("rdonly", 3, 4, 15)
    },
    MapFlag {
        effect: "User space can't read through the file descriptor that it gets when it creates \
                 the map. User space can open another descriptor from a pin or by ID and request \
                 read access.",
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
        effect: "A stack frame has 32 bytes. It contains the build ID of a file and an offset in \
                 this file instead of an address.",
        ..flag("stack_build_id", 5, 4, 17)
    },
    MapFlag {
        effect: "The seed of the hash function is zero, so the order of the entries is always the \
                 same.",
        ..flag("zero_seed", 6, 5, 0)
    },
    MapFlag {
        effect: "Programs can't write to the map: the verifier refuses a program that writes with \
                 EACCES. User space can't map the values into its memory for writing.",
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
                 program with EACCES. A program can read a value that a helper function copies, \
                 such as `bpf_map_pop_elem`.",
        refused_in_programs: &[ProgramOperation::Read],
        ..flag("wronly_prog", 8, 5, 2)
    },
    MapFlag {
        effect: "The value of a listening socket is copied to the sockets that this socket \
                 accepts. Values of objects other than sockets are never copied.",
        ..flag("clone", 9, 5, 4)
    },
    MapFlag {
        effect: "User space can map the values into its memory. Each value begins at a multiple \
                 of 8 bytes.",
        ..flag("mmapable", 10, 5, 5)
    },
    MapFlag {
        effect: "Entries are kept when the file descriptor through which they were stored is \
                 closed.",
        ..flag("preserve_elems", 11, 5, 10)
    },
    MapFlag {
        effect: "As an inner map, the map can have a different `max_entries` from the template.",
        ..flag("inner_map", 12, 5, 10)
    },
    MapFlag { effect: "A link registers and unregisters the struct.", ..flag("link", 13, 6, 4) },
    MapFlag {
        effect: "The path of a pin is relative to a directory that is given as a file descriptor. \
                 Maps can't be created with this flag.",
        ..flag("path_fd", 14, 6, 5)
    },
    MapFlag {
        effect: "The BTF of a kernel module describes the type of the value.",
        ..flag("vtype_btf_obj_fd", 15, 6, 9)
    },
    MapFlag {
        effect: "A BPF token gives the process the privilege to create the map. Loaders set this \
                 flag themselves.",
        ..flag("token_fd", 16, 6, 9)
    },
    MapFlag {
        effect: "User space gets SIGSEGV if it accesses a page that no program has allocated. \
                 Without the flag, the kernel allocates the page.",
        ..flag("segv_on_fault", 17, 6, 9)
    },
    MapFlag {
        effect: "Pointers that programs store in the arena are not translated to addresses of \
                 user space.",
        ..flag("no_user_conv", 18, 6, 9)
    },
    MapFlag {
        effect: "A full ring buffer overwrites its oldest records.",
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
