//! Flags of the creation of a map.

use core::fmt;

bitflags::bitflags! {
    /// Flags of the creation of a map (`BPF_F_*` of `enum` in `include/uapi/linux/bpf.h`).
    ///
    /// Bits that have no name here are kept: a newer kernel may know them.
    #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
    pub struct MapFlags: u32 {
        /// Entries are allocated when they are made (Linux 4.6).
        const NO_PREALLOC = 1 << 0;
        /// Each CPU has its own LRU list and its share of the entries (Linux 4.10).
        const NO_COMMON_LRU = 1 << 1;
        /// The memory is on a given node (Linux 4.14).
        const NUMA_NODE = 1 << 2;
        /// The descriptor that creation returns can't write (Linux 4.15): `EPERM`, or `EACCES` and `EINVAL` where the
        /// values are to be mapped into memory. A property of the descriptor, not of the map: one that is opened by pin
        /// or id can.
        const RDONLY = 1 << 3;
        /// The descriptor that creation returns can't read (Linux 4.15): `EPERM`, or `EACCES` where the values are to be
        /// mapped into memory. A property of the descriptor, not of the map: one that is opened by pin or id can.
        const WRONLY = 1 << 4;
        /// A stack is build ids and offsets, not addresses (Linux 4.17).
        const STACK_BUILD_ID = 1 << 5;
        /// The hash's seed is zero (Linux 5.0).
        const ZERO_SEED = 1 << 6;
        /// Programs can't write (Linux 5.2): the verifier refuses them. Nor can the values be mapped into memory to be
        /// written (`EACCES`).
        const RDONLY_PROG = 1 << 7;
        /// Programs can't read a value through a pointer (Linux 5.2): the verifier refuses them. What a helper function
        /// copies, they can read.
        const WRONLY_PROG = 1 << 8;
        /// A socket's storage goes along when the socket is cloned (Linux 5.4).
        const CLONE = 1 << 9;
        /// User space can map the values into its memory (Linux 5.5).
        const MMAPABLE = 1 << 10;
        /// Entries outlive the descriptor that put them in (Linux 5.10).
        const PRESERVE_ELEMS = 1 << 11;
        /// As an inner map it may have another `max_entries` than its template (Linux 5.10).
        const INNER_MAP = 1 << 12;
        /// Registering a `struct_ops` gives a link (Linux 6.4).
        const LINK = 1 << 13;
        /// A path is relative to a directory's descriptor (Linux 6.5).
        const PATH_FD = 1 << 14;
        /// The value's BTF is a module's (Linux 6.9).
        const VTYPE_BTF_OBJ_FD = 1 << 15;
        /// A BPF token gives the privilege (Linux 6.9).
        const TOKEN_FD = 1 << 16;
        /// A fault in an arena is a signal (Linux 6.9).
        const SEGV_ON_FAULT = 1 << 17;
        /// An arena's addresses are not translated (Linux 6.9).
        const NO_USER_CONV = 1 << 18;
        /// A full ring buffer overwrites its oldest record (Linux 6.19).
        const RB_OVERWRITE = 1 << 19;
        const _ = !0;
    }
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
    use crate::map_type::{MAP_FLAGS, MapFlag};

    /// One fact in two forms: constants for code, and a row for what each of them changes.
    #[test]
    fn each_flag_has_a_row_of_its_name_and_its_bit() {
        let constants = MapFlags::all().iter_names();
        let constants = constants.map(|(name, flag)| (name.to_ascii_lowercase(), flag.bits()));
        let rows = MAP_FLAGS
            .iter()
            .map(|row: &MapFlag| (std::string::String::from(row.name), row.value()));
        assert!(constants.eq(rows));
    }
}
