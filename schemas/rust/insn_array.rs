//! Arrays of the offsets that instructions have after the verifier and the JIT compiler have moved them.

use bpfmap::{BpfMap, BpfMaps, Map};

bpfmap::schema!(name = "insn_array", min_kernel = "6.19");

/// An array that is written and frozen before the program that uses it is loaded.
#[derive(BpfMap)]
#[bpf_map(insn_array, max_entries = 4)]
pub struct Offsets;

/// An array with an explicit index type of 4 bytes.
#[derive(BpfMap)]
#[bpf_map(insn_array, max_entries = 2)]
pub struct BySign {
    key: i32,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// An array that is written and frozen before the program that uses it is loaded.
    pub offsets: Map<Offsets>,
    /// An array with an explicit index type of 4 bytes.
    pub by_sign: Map<BySign>,
}
