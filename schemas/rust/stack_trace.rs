//! Stacks of the kernel and of processes.

use bpfmap::{BpfMap, BpfMaps, BpfType, Map};

bpfmap::schema!(name = "stack_trace", min_kernel = "5.10");

/// A frame as the build id of a file and a place in it.
#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct FileFrame {
    /// 1: as said; 2: no build id, and an address.
    pub status: i32,
    pub build_id: [u8; 20],
    pub place: u64,
}

/// Addresses, the innermost first.
#[derive(BpfMap)]
#[bpf_map(stack_trace, max_entries = 1024)]
pub struct Stacks {
    value: [u64; 127],
}

/// Places in files, which stay the same from run to run.
#[derive(BpfMap)]
#[bpf_map(stack_trace, max_entries = 1024, flags(stack_build_id))]
pub struct FileStacks {
    value: [FileFrame; 32],
}

/// Of few ids two stacks have the same: a program that records another says what becomes of the first.
#[derive(BpfMap)]
#[bpf_map(stack_trace, max_entries = 8)]
pub struct FewStacks {
    value: [u64; 127],
}

/// One at a time.
#[derive(BpfMap)]
#[bpf_map(stack_trace, max_entries = 1)]
pub struct LastStack {
    value: [u64; 16],
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// Addresses, the innermost first.
    pub stacks: Map<Stacks>,
    /// Places in files, which stay the same from run to run.
    pub file_stacks: Map<FileStacks>,
    /// Of few ids two stacks have the same: a program that records another says what becomes of the first.
    pub few_stacks: Map<FewStacks>,
    /// One at a time.
    pub last_stack: Map<LastStack>,
}
