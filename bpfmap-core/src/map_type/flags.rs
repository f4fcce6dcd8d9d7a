//! Map creation flags, and what each changes of what a map can do.

use super::{CName, MapType, Operation, OperationFacts, ProgramOperation};
use crate::KernelVersion;
use crate::text::is_same;

pub use super::table::MAP_FLAGS;

/// A bit of `map_flags`.
#[derive(Debug, Clone, Copy)]
pub struct MapFlag {
    /// Its name in a schema: `no_prealloc` for `BPF_F_NO_PREALLOC`.
    pub name: &'static str,
    /// The bit's number.
    pub bit: u32,
    /// The first mainline release that has it, on whichever map type.
    pub since: KernelVersion,
    /// What it changes, in a sentence.
    pub effect: &'static str,
    /// What operations of user space answer on a map that has it, whatever the type of the map. The
    /// kernel looks at the flag first: an operation that is refused in plain is refused under each other
    /// condition too, also where the map type lacks it.
    pub operations: &'static [OperationFacts],
    /// The same of operations that the map type has, and under the conditions that are named.
    pub own_operations: &'static [OperationFacts],
    /// What programs can't do with a map that has it: the verifier refuses the program with EACCES.
    pub refused_in_programs: &'static [ProgramOperation],
}

impl MapFlag {
    /// The flag that a schema calls `name`.
    #[must_use]
    pub const fn by_name(name: &str) -> Option<&'static Self> {
        let mut index = 0;
        while index < MAP_FLAGS.len() {
            if is_same(MAP_FLAGS[index].name, name) {
                return Some(&MAP_FLAGS[index]);
            }
            index += 1;
        }
        None
    }

    /// Its value in `map_flags`.
    #[must_use]
    pub const fn value(&self) -> u32 {
        1 << self.bit
    }

    /// Its name in C.
    #[must_use]
    pub const fn c_name(&self) -> CName {
        CName { prefix: "BPF_F_", name: self.name }
    }

    /// What `operation` answers on each map that has the flag; `None` when the row of the map type
    /// stands.
    #[must_use]
    pub fn operation(&self, operation: Operation) -> Option<&'static OperationFacts> {
        self.operations.iter().find(|facts| facts.operation == operation)
    }

    /// What `operation` answers where the map type has it.
    #[must_use]
    pub fn own_operation(&self, operation: Operation) -> Option<&'static OperationFacts> {
        self.own_operations.iter().find(|facts| facts.operation == operation)
    }

    /// What programs could do with a map of this type, and can't with one that has the flag.
    pub fn refused_to_programs(
        &self,
        row: &MapType,
    ) -> impl Iterator<Item = ProgramOperation> + use<> {
        let refused = self.refused_in_programs;
        let possible = row.program_operations().iter().copied();
        possible.filter(move |operation| refused.contains(operation))
    }
}
