//! Hash tables with the kinds of keys that real programs use.

use bpfmap::{
    Be16, Be32, Bool, BpfMap, BpfMaps, BpfType, CharArray, Enum, KernelPtr, Map, Padded, SpinLock,
};

bpfmap::schema!(name = "hash", min_kernel = "5.10");

/// An IPv4 or IPv6 address. The address family determines which member is valid.
#[derive(Clone, Copy, BpfType)]
#[repr(C, align(4))]
#[bpf_type(std_traits)]
pub union IpAddr {
    pub v4: Padded<Be32, 12>,
    pub v6: [u8; 16],
}

/// The action for a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BpfType)]
#[repr(u8)]
pub enum Verdict {
    Pass = 0,
    Drop = 1,
    Mark = 2,
}

/// One direction of a connection.
#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct FlowKey {
    pub source: IpAddr,
    pub destination: IpAddr,
    #[bpf(anonymous)]
    pub anon0: FlowKeyAnon0,
    /// AF_INET or AF_INET6.
    pub family: u8,
    pub protocol: u8,
    #[bpf(bits(direction: u8 = 1, zone: u8 = 5))]
    pub bits0: [u8; 1],
    pub _pad0: [u8; 1],
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(in_place, std_traits)]
pub union FlowKeyAnon0 {
    #[bpf(anonymous)]
    pub anon0: FlowKeyAnon0Anon0,
    pub icmp_id: u32,
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(in_place, std_traits)]
pub struct FlowKeyAnon0Anon0 {
    pub source_port: Be16,
    pub destination_port: Be16,
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct ConnectionStats {
    pub packets: u64,
    pub bytes: u64,
    /// A time in nanoseconds since boot.
    pub first_seen: u64,
    pub verdict: Enum<Verdict>,
    pub marked: Bool,
    pub _pad0: [u8; 2],
    pub rtt: [u32; 3],
    pub label: CharArray<16>,
}

#[derive(Clone, Copy, BpfType)]
#[repr(C, packed)]
#[bpf_type(std_traits)]
pub struct PackedKey {
    pub kind: u8,
    pub id: u64,
    pub port: Be16,
}

#[derive(Clone, Copy, BpfType)]
#[repr(C, align(32))]
#[bpf_type(align = 32, std_traits)]
pub struct Wide {
    pub sum: u128,
    #[bpf(bits(low: u128 = 37, high: u128 = 90))]
    pub bits0: [u8; 16],
    pub delta: i64,
    pub matrix: [[i16; 3]; 2],
    pub _pad0: [u8; 4],
    #[bpf(points_to = "task_struct")]
    pub task: KernelPtr,
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct LockedCounter {
    pub lock: SpinLock,
    pub generation: u32,
    pub count: u64,
}

/// The state of each connection.
#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 1024)]
pub struct Flows {
    key: FlowKey,
    value: ConnectionStats,
}

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 64, flags(no_prealloc))]
pub struct Packed {
    key: PackedKey,
    value: Wide,
}

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 128)]
pub struct ByName {
    key: CharArray<16>,
    value: i32,
}

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 256)]
pub struct ByByte {
    key: u8,
    value: u64,
}

/// Counters that programs and user space change while they hold the lock.
#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 16)]
pub struct Locked {
    key: u32,
    value: LockedCounter,
}

/// A key and a value with sizes but without types.
#[derive(BpfMap)]
#[bpf_map(hash, key_size = 12, value_size = 24, max_entries = 32, btf = false)]
pub struct Opaque;

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// The state of each connection.
    pub flows: Map<Flows>,
    pub packed: Map<Packed>,
    pub by_name: Map<ByName>,
    pub by_byte: Map<ByByte>,
    /// Counters that programs and user space change while they hold the lock.
    pub locked: Map<Locked>,
    /// A key and a value with sizes but without types.
    pub opaque: Map<Opaque>,
}
