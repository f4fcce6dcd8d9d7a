//! Values with a timer. Linux 5.10 treats the bytes as plain data, and timers work from Linux 5.15 on.

use bpfmap::{BpfMap, BpfMaps, BpfType, Map, Timer};

bpfmap::schema!(name = "timer", min_kernel = "5.15");

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Timed {
    pub deadline: u64,
    pub timer: Timer,
}

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 16)]
pub struct Timers {
    key: u64,
    value: Timed,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    pub timers: Map<Timers>,
}
