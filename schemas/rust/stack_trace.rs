//! Stack traces of the kernel and of processes.

use bpfmap::{BpfMap, BpfMaps, BpfType, Map};

bpfmap::schema!(name = "stack_trace", min_kernel = "5.10");

/// A stack frame that consists of the build ID of a file and an offset in this file.
#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct FileFrame {
    /// 1: the frame has a build ID and an offset; 2: the frame has no build ID and contains an address.
    pub status: i32,
    pub build_id: [u8; 20],
    pub place: u64,
}

/// The addresses of the frames, beginning with the innermost frame.
#[derive(BpfMap)]
#[bpf_map(stack_trace, max_entries = 1024)]
pub struct Stacks {
    value: [u64; 127],
}

/// Offsets in files, which are the same in every run.
#[derive(BpfMap)]
#[bpf_map(stack_trace, max_entries = 1024, flags(stack_build_id))]
pub struct FileStacks {
    value: [FileFrame; 32],
}

/// A map with so few IDs that two stack traces can have the same ID. A flag determines whether a program that records the second trace replaces the first.
#[derive(BpfMap)]
#[bpf_map(stack_trace, max_entries = 8)]
pub struct FewStacks {
    value: [u64; 127],
}

/// A map for a single stack trace.
#[derive(BpfMap)]
#[bpf_map(stack_trace, max_entries = 1)]
pub struct LastStack {
    value: [u64; 16],
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// The addresses of the frames, beginning with the innermost frame.
    pub stacks: Map<Stacks>,
    /// Offsets in files, which are the same in every run.
    pub file_stacks: Map<FileStacks>,
    /// A map with so few IDs that two stack traces can have the same ID. A flag determines whether a program that records the second trace replaces the first.
    pub few_stacks: Map<FewStacks>,
    /// A map for a single stack trace.
    pub last_stack: Map<LastStack>,
}
