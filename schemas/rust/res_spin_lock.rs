//! Values with a resilient spin lock. If acquiring the lock would cause a deadlock, it fails instead.

use bpfmap::{BpfMap, BpfMaps, BpfType, Map, ResSpinLock};

bpfmap::schema!(name = "res_spin_lock", min_kernel = "6.15");

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Reserve {
    pub lock: ResSpinLock,
    pub taken: u32,
    pub amount: u64,
}

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 16)]
pub struct Reserves {
    key: u32,
    value: Reserve,
}

#[derive(BpfMap)]
#[bpf_map(array, max_entries = 4)]
pub struct ReserveCells {
    value: Reserve,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    pub reserves: Map<Reserves>,
    pub reserve_cells: Map<ReserveCells>,
}
