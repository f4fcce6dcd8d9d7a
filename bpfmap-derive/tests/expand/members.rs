//! Members of every sort.

#[derive(Clone, Copy, BpfType)]
#[repr(C, align(8))]
#[bpf_type(name = "flow_state", align = 8, crate = other::path)]
pub(crate) struct Flow {
    address: net::Address,
    /// Which way, and what became of it.
    #[bpf(bits(
        direction: u8 = 1,
        /// What became of it.
        verdict: Enum<Verdict> = 3,
        seen: bool = 1,
        _: u8 = 3,
    ))]
    bits0: [u8; 1],
    last: Enum<Verdict>,
    #[bpf(name = "type")]
    kind: u8,
    #[bpf(char)]
    label: [[u8; LEN]; 2],
    names: [CharArray<LEN>; 2],
    #[bpf(anonymous)]
    ports: FlowPorts,
    _pad: [u8; 3],
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(in_place)]
union FlowPorts {
    port: Padded<u16, 2>,
    both: u32,
}

#[derive(Clone, Copy, BpfType)]
#[repr(u8)]
enum Verdict {
    Pass,
    #[bpf(name = "dropped")]
    Drop = 5,
}

#[derive(Clone, Copy, BpfType)]
#[repr(transparent)]
struct Name(#[bpf(char)] [u8; 16]);

#[derive(Clone, Copy, BpfType)]
#[repr(C, packed)]
struct Packed {
    tag: u8,
    #[bpf(holds(timer: Other))]
    timer_bytes: [u8; 16],
}

/// How urgent.
#[derive(Clone, Copy, BpfType)]
#[repr(transparent)]
#[bpf_type(variants(low = 1, /// At once. 
    high = 2, highest = 2))]
pub struct Level(u8);
