//! Events from user space to programs.

use bpfmap::{Be32, Bool, BpfMap, BpfMaps, BpfType, Map};

bpfmap::schema!(name = "user_ringbuf", min_kernel = "6.1");

/// The new rule for a source.
#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct SourceRule {
    pub source: Be32,
    pub _pad0: [u8; 4],
    pub limit: u64,
    pub drop: Bool,
    pub _pad1: [u8; 7],
}

/// The changes to the rules, in order.
#[derive(BpfMap)]
#[bpf_map(user_ringbuf, max_entries = 4096)]
pub struct Rules {
    event: SourceRule,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// The changes to the rules, in order.
    pub rules: Map<Rules>,
}
