//! The flags with which a map is created.

use core::fmt;

use crate::map_type::MapFlag;

bitflags::bitflags! {
    /// The flags with which a map is created (`BPF_F_*` in `include/uapi/linux/bpf.h`).
    ///
    /// A value can contain bits that have no constant here, because a newer kernel might support them.
    #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
    pub struct MapFlags: u32 {
        /// The kernel allocates the memory of an entry when the entry is created, not when the map is created (Linux
        /// 4.6).
        const NO_PREALLOC = bit("no_prealloc");
        /// Each CPU has its own LRU list with its own share of the entries (Linux 4.10).
        const NO_COMMON_LRU = bit("no_common_lru");
        /// The memory of the map is on the NUMA node `numa_node` (Linux 4.14).
        const NUMA_NODE = bit("numa_node");
        /// User space can't write to the map through the descriptor that creation returns (Linux 4.15). Operations that
        /// write fail with `EPERM`, and mapping the values into memory fails with `EACCES` or `EINVAL`. This is a
        /// property of the descriptor and not of the map: a descriptor that is opened from a pin or by ID can write.
        const RDONLY = bit("rdonly");
        /// User space can't read the map through the descriptor that creation returns (Linux 4.15). Operations that
        /// read fail with `EPERM`, and mapping the values into memory fails with `EACCES`. This is a property of the
        /// descriptor and not of the map: a descriptor that is opened from a pin or by ID can read.
        const WRONLY = bit("wronly");
        /// The frames of a stack are build IDs and file offsets instead of addresses (Linux 4.17).
        const STACK_BUILD_ID = bit("stack_build_id");
        /// The seed of the hash function is zero (Linux 5.0).
        const ZERO_SEED = bit("zero_seed");
        /// Programs can't write to the map (Linux 5.2): the verifier refuses a program that writes. User space can't
        /// map the values into its memory for writing (`EACCES`).
        const RDONLY_PROG = bit("rdonly_prog");
        /// Programs can't read a value through a pointer (Linux 5.2): the verifier refuses such a program. A program
        /// can read a value that a helper function copies.
        const WRONLY_PROG = bit("wronly_prog");
        /// Cloning a socket also copies its storage (Linux 5.4).
        const CLONE = bit("clone");
        /// User space can map the values into its memory (Linux 5.5).
        const MMAPABLE = bit("mmapable");
        /// Entries are kept when the descriptor through which they were stored is closed (Linux 5.10).
        const PRESERVE_ELEMS = bit("preserve_elems");
        /// An inner map can have a different `max_entries` from its template (Linux 5.10).
        const INNER_MAP = bit("inner_map");
        /// Registering a `struct_ops` map returns a link (Linux 6.4).
        const LINK = bit("link");
        /// The path of a pin is relative to a directory that is given as a descriptor (Linux 6.5).
        const PATH_FD = bit("path_fd");
        /// The BTF of a kernel module describes the type of the value (Linux 6.9).
        const VTYPE_BTF_OBJ_FD = bit("vtype_btf_obj_fd");
        /// A BPF token gives the process the privilege to create the map (Linux 6.9).
        const TOKEN_FD = bit("token_fd");
        /// If a process accesses a page of an arena that no program has allocated, the process gets a signal (Linux
        /// 6.9).
        const SEGV_ON_FAULT = bit("segv_on_fault");
        /// Pointers that programs store in an arena are not translated to addresses of user space (Linux 6.9).
        const NO_USER_CONV = bit("no_user_conv");
        /// A full ring buffer overwrites its oldest record (Linux 6.19).
        const RB_OVERWRITE = bit("rb_overwrite");
        const _ = !0;
    }
}

/// Returns the value of the flag `name` from its row in [`MAP_FLAGS`](crate::map_type::MAP_FLAGS).
const fn bit(name: &str) -> u32 {
    MapFlag::by_name(name).expect("each flag has a row").value()
}

impl fmt::Display for MapFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        let mut names = self.iter_names();
        let mut separator = "";
        for (name, _) in names.by_ref() {
            write!(f, "{separator}{name}")?;
            separator = " | ";
        }
        let rest = names.remaining();
        if !rest.is_empty() {
            write!(f, "{separator}{:#x}", rest.bits())?;
        }
        Ok(())
    }
}

impl fmt::Debug for MapFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MapFlags({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::MapFlags;
    use crate::map_type::MAP_FLAGS;

    #[test]
    fn each_row_has_a_constant_of_its_name() {
        let constants = MapFlags::all().iter_names().map(|(name, _)| name.to_ascii_lowercase());
        assert!(constants.eq(MAP_FLAGS.iter().map(|row| row.name)));
    }
}
