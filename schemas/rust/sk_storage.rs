//! Values that are attached to sockets.

use bpfmap::{Be16, Be32, BpfMap, BpfMaps, BpfType, Map, SpinLock};

bpfmap::schema!(name = "sk_storage", min_kernel = "5.10");

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Traffic {
    pub packets: u64,
    pub peer: Be32,
    pub port: Be16,
    pub state: u8,
    pub _pad0: [u8; 1],
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct GuardedTraffic {
    pub lock: SpinLock,
    pub packets: u32,
    pub bytes: u64,
}

/// The data that each socket has sent.
#[derive(BpfMap)]
#[bpf_map(sk_storage, flags(no_prealloc))]
pub struct SocketTraffic {
    value: Traffic,
}

/// If a listening socket accepts a socket, the new socket gets a copy of the value.
#[derive(BpfMap)]
#[bpf_map(sk_storage, flags(no_prealloc, clone))]
pub struct Inherited {
    value: GuardedTraffic,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// The data that each socket has sent.
    pub socket_traffic: Map<SocketTraffic>,
    /// If a listening socket accepts a socket, the new socket gets a copy of the value.
    pub inherited: Map<Inherited>,
}
