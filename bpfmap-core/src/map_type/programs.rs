//! What programs do with the plain data of a map.

use super::{KeyRule, MapExtraRule, MapType, ValueRule};

/// What a program does with the entries of a map that holds plain data, as far as a creation flag can
/// keep it from that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProgramOperation {
    /// Reads a value through the pointer that a lookup returned.
    Read,
    /// Writes a value through that pointer.
    Write,
    /// `bpf_map_update_elem`.
    Update,
    /// `bpf_map_delete_elem`.
    Delete,
    /// `bpf_map_push_elem`.
    Push,
    /// `bpf_map_pop_elem`.
    Pop,
}

impl ProgramOperation {
    /// Each of them.
    pub const ALL: &'static [Self] =
        &[Self::Read, Self::Write, Self::Update, Self::Delete, Self::Push, Self::Pop];

    /// Its name: that of the helper function, or what is done through a pointer.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "a read through a pointer",
            Self::Write => "a write through a pointer",
            Self::Update => "bpf_map_update_elem",
            Self::Delete => "bpf_map_delete_elem",
            Self::Push => "bpf_map_push_elem",
            Self::Pop => "bpf_map_pop_elem",
        }
    }
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
