//! A struct of integers, and a hash map.

/// Where a packet comes from.
#[derive(Clone, Copy, BpfType)]
#[repr(C)]
pub struct Source {
    address: Be32,
    port: Be16,
    _pad: [u8; 2],
}

/// Packets by source.
#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 1024, flags(no_prealloc), pinning = by_name)]
struct Packets {
    key: Source,
    value: u64,
}
