//! Values with a spin lock, which user space can also acquire (BPF_F_LOCK).

use bpfmap::{BpfMap, BpfMaps, BpfType, Map, SpinLock};

bpfmap::schema!(name = "spin_lock", min_kernel = "5.10");

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Balance {
    pub lock: SpinLock,
    pub transfers: u32,
    pub credit: i64,
    pub debit: i64,
}

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 16)]
pub struct Balances {
    key: u32,
    value: Balance,
}

#[derive(BpfMap)]
#[bpf_map(array, max_entries = 4)]
pub struct BalanceCells {
    value: Balance,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    pub balances: Map<Balances>,
    pub balance_cells: Map<BalanceCells>,
}
