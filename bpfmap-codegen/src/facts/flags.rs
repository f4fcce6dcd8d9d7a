//! Map creation flags.

use super::KernelVersion;

/// A bit of `map_flags`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapFlag {
    /// Its name in a schema: `no_prealloc` for `BPF_F_NO_PREALLOC`.
    pub name: &'static str,
    /// The bit's number.
    pub bit: u32,
    /// The first mainline release that has it, on whichever map type.
    pub since: KernelVersion,
}

impl MapFlag {
    /// The flag that a schema calls `name`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        MAP_FLAGS.iter().find(|flag| flag.name == name)
    }

    /// Its value in `map_flags`.
    #[must_use]
    pub const fn value(&self) -> u32 {
        1 << self.bit
    }

    /// Its name in C.
    #[must_use]
    pub fn c_name(&self) -> String {
        format!("BPF_F_{}", self.name.to_uppercase())
    }
}

const fn flag(name: &'static str, bit: u32, major: u16, minor: u16) -> MapFlag {
    MapFlag { name, bit, since: KernelVersion::new(major, minor) }
}

/// Every flag, by bit: the anonymous enum of `BPF_F_NO_PREALLOC` in `include/uapi/linux/bpf.h`.
pub static MAP_FLAGS: &[MapFlag] = &[
    flag("no_prealloc", 0, 4, 6),
    flag("no_common_lru", 1, 4, 10),
    flag("numa_node", 2, 4, 14),
    flag("rdonly", 3, 4, 15),
    flag("wronly", 4, 4, 15),
    flag("stack_build_id", 5, 4, 17),
    flag("zero_seed", 6, 5, 0),
    flag("rdonly_prog", 7, 5, 2),
    flag("wronly_prog", 8, 5, 2),
    flag("clone", 9, 5, 4),
    flag("mmapable", 10, 5, 5),
    flag("preserve_elems", 11, 5, 10),
    flag("inner_map", 12, 5, 10),
    flag("link", 13, 6, 4),
    flag("path_fd", 14, 6, 5),
    flag("vtype_btf_obj_fd", 15, 6, 9),
    flag("token_fd", 16, 6, 9),
    flag("segv_on_fault", 17, 6, 9),
    flag("no_user_conv", 18, 6, 9),
    flag("rb_overwrite", 19, 6, 19),
];
