//! A ring buffer that drops its oldest events instead of the newest.

use bpfmap::{BpfMap, BpfMaps, BpfType, Map};

bpfmap::schema!(name = "ringbuf_overwrite", min_kernel = "6.19");

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct RecordedStep {
    pub time: u64,
    pub place: u32,
    pub flags: u8,
    pub _pad0: [u8; 3],
}

/// The last steps before an error.
#[derive(BpfMap)]
#[bpf_map(ringbuf, max_entries = 4096, flags(rb_overwrite))]
pub struct Recorder {
    event: RecordedStep,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// The last steps before an error.
    pub recorder: Map<Recorder>,
}
