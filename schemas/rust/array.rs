//! Arrays. All elements exist from the start and are initially zero.

use bpfmap::{Bool, BpfMap, BpfMaps, BpfType, Map, SpinLock};

bpfmap::schema!(name = "array", min_kernel = "5.10");

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Settings {
    pub enabled: Bool,
    pub _pad0: [u8; 3],
    pub sample_rate: u32,
    pub burst: u16,
    pub _pad1: [u8; 2],
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct LockedTotal {
    pub lock: SpinLock,
    pub _pad0: [u8; 4],
    pub total: u64,
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Block {
    pub bytes: [u8; 4096],
}

/// The settings of the program.
#[derive(BpfMap)]
#[bpf_map(array, max_entries = 1, name = "settings")]
pub struct SettingsMap {
    value: Settings,
}

#[derive(BpfMap)]
#[bpf_map(array, max_entries = 8)]
pub struct Totals {
    value: u64,
}

/// Elements whose size is not a multiple of 8.
#[derive(BpfMap)]
#[bpf_map(array, max_entries = 5)]
pub struct Odd {
    value: [u8; 3],
}

/// Values that do not fit on the stack of a program.
#[derive(BpfMap)]
#[bpf_map(array, max_entries = 2)]
pub struct Blocks {
    value: Block,
}

#[derive(BpfMap)]
#[bpf_map(array, max_entries = 4)]
pub struct Locked {
    value: LockedTotal,
}

#[derive(BpfMap)]
#[bpf_map(array, max_entries = 512, flags(mmapable))]
pub struct Shared {
    value: u64,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// The settings of the program.
    pub settings: Map<SettingsMap>,
    pub totals: Map<Totals>,
    /// Elements whose size is not a multiple of 8.
    pub odd: Map<Odd>,
    /// Values that do not fit on the stack of a program.
    pub blocks: Map<Blocks>,
    pub locked: Map<Locked>,
    pub shared: Map<Shared>,
}
