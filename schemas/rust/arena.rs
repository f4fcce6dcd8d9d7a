//! Arenas: memory that programs and user space share, with pointers that mean the same to both.

use bpfmap::BpfMap;

bpfmap::schema!(name = "arena", min_kernel = "6.9");

/// Sixteen pages, at an address that the kernel chooses.
#[derive(BpfMap)]
#[bpf_map(arena, max_entries = 16, flags(mmapable))]
pub struct Pool;
