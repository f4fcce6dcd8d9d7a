//! The operations of programs on maps of plain data.

use super::{KeyRule, MapExtraRule, MapType, ValueRule};

named! {
    /// An operation of a program on the entries of a map of plain data. This enum contains only operations that a
    /// creation flag can forbid.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum ProgramOperation {
        /// The program reads a value through the pointer that a lookup returned.
        Read = "a read through a pointer",
        /// The program writes a value through the pointer that a lookup returned.
        Write = "a write through a pointer",
        /// The program calls `bpf_map_update_elem`.
        Update = "bpf_map_update_elem",
        /// The program calls `bpf_map_delete_elem`.
        Delete = "bpf_map_delete_elem",
        /// The program calls `bpf_map_push_elem`.
        Push = "bpf_map_push_elem",
        /// The program calls `bpf_map_pop_elem`.
        Pop = "bpf_map_pop_elem",
    }

    /// Returns the name of the helper function, or a description of the access through a pointer.
    fn name;
}

impl MapType {
    /// Returns the operations that programs can perform on a map of this type without flags.
    ///
    /// Source: `kernel/bpf/verifier.c`, `check_map_func_compatibility`.
    #[must_use]
    pub const fn program_operations(&self) -> &'static [ProgramOperation] {
        use ProgramOperation::{Delete, Pop, Push, Read, Update, Write};
        if !matches!(self.value, ValueRule::Plain { .. }) {
            return &[];
        }
        match (self.key, self.map_extra) {
            (KeyRule::Keyless, MapExtraRule::HashFunctions { .. }) => &[Push],
            (KeyRule::Keyless, _) => &[Push, Pop],
            // A program's own cgroup storage, and values that a program looks up by the object to which they are
            // attached.
            (KeyRule::CgroupStorage | KeyRule::Descriptor(_), _) => &[Read, Write],
            _ => &[Read, Write, Update, Delete],
        }
    }
}
