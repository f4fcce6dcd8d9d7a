//! Events from programs to user space, in one buffer for all CPUs.

use bpfmap::{Be16, Be32, Bool, BpfMap, BpfMaps, BpfType, CharArray, Enum, Map, Padded};

bpfmap::schema!(name = "ringbuf", min_kernel = "5.10");

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BpfType)]
#[repr(u8)]
pub enum Protocol {
    Tcp = 6,
    Udp = 17,
}

#[derive(Clone, Copy, BpfType)]
#[repr(C, align(4))]
#[bpf_type(std_traits)]
pub union Address {
    pub v4: Padded<Be32, 12>,
    pub v6: [u8; 16],
}

/// A connection was opened.
#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Connection {
    /// A time in nanoseconds since boot.
    pub time: u64,
    pub source: Address,
    pub destination: Address,
    pub port: Be16,
    pub protocol: Enum<Protocol>,
    pub accepted: Bool,
    pub command: CharArray<16>,
    pub _pad0: [u8; 4],
}

/// The connections, in the order in which they were opened.
#[derive(BpfMap)]
#[bpf_map(ringbuf, max_entries = 65536)]
pub struct Connections {
    event: Connection,
}

/// Numbers.
#[derive(BpfMap)]
#[bpf_map(ringbuf, max_entries = 4096)]
pub struct Ticks {
    event: u64,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// The connections, in the order in which they were opened.
    pub connections: Map<Connections>,
    /// Numbers.
    pub ticks: Map<Ticks>,
}
