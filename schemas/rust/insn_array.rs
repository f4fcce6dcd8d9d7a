//! Arrays of instruction offsets: where instructions are after the verifier and the JIT moved them.

use bpfmap::{BpfMap, BpfMaps, Map};

bpfmap::schema!(name = "insn_array", min_kernel = "6.19");

/// Written and frozen before the one program that uses it is loaded.
#[derive(BpfMap)]
#[bpf_map(insn_array, max_entries = 4)]
pub struct Offsets;

/// Its indices are a type of four bytes, as those of any array.
#[derive(BpfMap)]
#[bpf_map(insn_array, max_entries = 2)]
pub struct BySign {
    key: i32,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// Written and frozen before the one program that uses it is loaded.
    pub offsets: Map<Offsets>,
    /// Its indices are a type of four bytes, as those of any array.
    pub by_sign: Map<BySign>,
}
