//! Hash tables of sockets. Programs can read and redirect the data of these sockets.

use bpfmap::{Be16, Be32, BpfMap, BpfMaps, BpfType, Map};

bpfmap::schema!(name = "sockhash", min_kernel = "5.10");

/// A connection over IPv4.
#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct FiveTuple {
    pub local_address: Be32,
    pub remote_address: Be32,
    pub local_port: Be16,
    pub remote_port: Be16,
    pub protocol: u8,
    pub _pad0: [u8; 3],
}

/// The socket of each connection.
#[derive(BpfMap)]
#[bpf_map(sockhash, max_entries = 64)]
pub struct Connections {
    key: FiveTuple,
}

/// The socket of each connection. With values of 4 bytes, user space can't look up the sockets.
#[derive(BpfMap)]
#[bpf_map(sockhash, max_entries = 64)]
pub struct BlindConnections {
    key: u64,
    value: u32,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// The socket of each connection.
    pub connections: Map<Connections>,
    /// The socket of each connection. With values of 4 bytes, user space can't look up the sockets.
    pub blind_connections: Map<BlindConnections>,
}
