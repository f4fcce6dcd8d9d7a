//! Map creation flags and their effects.

use super::{CName, MapType, Operation, OperationFacts, ProgramOperation};
use crate::KernelVersion;
use crate::text::is_same;

pub use super::table::MAP_FLAGS;

/// A bit of `map_flags`.
#[derive(Debug, Clone, Copy)]
pub struct MapFlag {
    /// The name of the flag in a schema, such as `no_prealloc` for `BPF_F_NO_PREALLOC`.
    pub name: &'static str,
    /// The number of the bit in `map_flags`.
    pub bit: u32,
    /// The first mainline release in which any map type supports the flag.
    pub since: KernelVersion,
    /// A description of the flag's effect.
    pub effect: &'static str,
    /// The answers to operations of user space on a map that has the flag. These answers are the
    /// same for every map type. The kernel checks the flag first. If it refuses a valid call
    /// because of the flag, it also refuses the call under every other condition, even if the map
    /// type does not support the operation.
    pub operations: &'static [OperationFacts],
    /// The answers to operations on a map that has the flag. These answers apply only if the map
    /// type supports the operation, and only under the listed conditions.
    pub own_operations: &'static [OperationFacts],
    /// The operations that programs can't perform on a map with the flag. If a program contains such an
    /// operation, the verifier refuses the program with EACCES.
    pub refused_in_programs: &'static [ProgramOperation],
}

impl MapFlag {
    /// Returns the flag with this name in a schema, or `None` if there is no such flag.
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

    /// Returns the value of the flag in `map_flags`.
    #[must_use]
    pub const fn value(&self) -> u32 {
        1 << self.bit
    }

    /// Returns the name of the flag in C, such as `BPF_F_NO_PREALLOC`.
    #[must_use]
    pub const fn c_name(&self) -> CName {
        CName { prefix: "BPF_F_", name: self.name }
    }

    /// Returns the answers to `operation` on every map with the flag. Returns `None` if the answers of the map type
    /// apply.
    #[must_use]
    pub fn operation(&self, operation: Operation) -> Option<&'static OperationFacts> {
        self.operations.iter().find(|facts| facts.operation == operation)
    }

    /// Returns the answers to `operation` on maps with the flag whose type supports the operation. Returns `None` if
    /// the answers of the map type apply.
    #[must_use]
    pub fn own_operation(&self, operation: Operation) -> Option<&'static OperationFacts> {
        self.own_operations.iter().find(|facts| facts.operation == operation)
    }

    /// Returns the operations that programs can perform on a map of the type `row` only if the map
    /// does not have the flag.
    pub fn refused_to_programs(
        &self,
        row: &MapType,
    ) -> impl Iterator<Item = ProgramOperation> + use<> {
        let refused = self.refused_in_programs;
        let possible = row.program_operations().iter().copied();
        possible.filter(move |operation| refused.contains(operation))
    }
}
