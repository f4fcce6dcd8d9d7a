//! Events from programs to user space, in a buffer for each CPU.

use bpfmap::{Bool, BpfMap, BpfMaps, BpfType, CharArray, Map};

bpfmap::schema!(name = "perf_event_array", min_kernel = "5.10");

/// A sample of the code that a CPU executes.
#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct CpuSample {
    pub address: u64,
    pub pid: u32,
    pub user: Bool,
    pub _pad0: [u8; 3],
}

/// A record that is small enough to be read in place.
#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct CpuMark {
    pub id: u32,
    pub name: CharArray<7>,
    pub _pad0: [u8; 1],
}

/// A map with as many entries as there are CPUs.
#[derive(BpfMap)]
#[bpf_map(perf_event_array)]
pub struct Samples {
    event: CpuSample,
}

#[derive(BpfMap)]
#[bpf_map(perf_event_array, max_entries = 64)]
pub struct Marks {
    event: CpuMark,
}

/// Counters that programs read.
#[derive(BpfMap)]
#[bpf_map(perf_event_array)]
pub struct Cycles;

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// A map with as many entries as there are CPUs.
    pub samples: Map<Samples>,
    pub marks: Map<Marks>,
    /// Counters that programs read.
    pub cycles: Map<Cycles>,
}
