//! What programs do with the plain data of a map.

use super::{KeyRule, MapExtraRule, MapType, ValueRule};

named! {
    /// What a program does with the entries of a map that holds plain data, as far as a creation flag can
    /// keep it from that.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum ProgramOperation {
        /// Reads a value through the pointer that a lookup returned.
        Read = "a read through a pointer",
        /// Writes a value through that pointer.
        Write = "a write through a pointer",
        /// `bpf_map_update_elem`.
        Update = "bpf_map_update_elem",
        /// `bpf_map_delete_elem`.
        Delete = "bpf_map_delete_elem",
        /// `bpf_map_push_elem`.
        Push = "bpf_map_push_elem",
        /// `bpf_map_pop_elem`.
        Pop = "bpf_map_pop_elem",
    }

    /// Its name: that of the helper function, or what is done through a pointer.
    fn name;
}

impl MapType {
    /// What programs can do with a map of this type that has no flags.
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
            // A program's own storage, and what it asks for by the object that has it.
            (KeyRule::CgroupStorage | KeyRule::Descriptor(_), _) => &[Read, Write],
            _ => &[Read, Write, Update, Delete],
        }
    }
}
