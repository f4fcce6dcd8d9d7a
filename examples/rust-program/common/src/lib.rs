//! The types and maps that the program and the application share. Both compile this crate.

#![no_std]

use bpfmap::{Be16, Be32, BpfMap, BpfType};

/// The number of packets, and their total size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BpfType)]
#[repr(C)]
pub struct Traffic {
    /// The number of packets.
    pub packets: u64,
    /// The number of bytes in these packets.
    pub bytes: u64,
}

/// The report of a large packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BpfType)]
#[repr(C)]
pub struct LargePacket {
    /// Nanoseconds since boot.
    pub time: u64,
    /// The length in bytes.
    pub length: u32,
    /// The protocol in the Ethernet header, such as 0x0800 for IPv4.
    pub protocol: Be16,
    _pad: [u8; 2],
}

impl LargePacket {
    /// Returns the report of a packet.
    #[inline]
    #[must_use]
    pub const fn new(time: u64, length: u32, protocol: Be16) -> Self {
        // The padding must be initialised, because it is also sent to user space.
        Self { time, length, protocol, _pad: [0; 2] }
    }
}

/// The setting with which the application controls the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BpfType)]
#[repr(C)]
pub struct Setting {
    /// The minimum length of the packets that the program reports. If it is 0, the program reports
    /// no packets.
    pub large: u32,
}

/// The traffic of each protocol. The key is the protocol in the Ethernet header.
#[derive(Debug, BpfMap)]
#[bpf_map(percpu_hash, max_entries = 1024, min_kernel = "5.10")]
pub struct Protocols {
    key: Be16,
    value: Traffic,
}

/// The number of packets from each IPv4 source address.
#[derive(Debug, BpfMap)]
#[bpf_map(hash, max_entries = 10_240, min_kernel = "5.10")]
pub struct Sources {
    key: Be32,
    value: u64,
}

/// Large packets.
#[derive(Debug, BpfMap)]
#[bpf_map(ringbuf, max_entries = 65_536, min_kernel = "5.10")]
pub struct LargePackets {
    event: LargePacket,
}

/// The setting, at index 0.
#[derive(Debug, BpfMap)]
#[bpf_map(array, max_entries = 1, min_kernel = "5.10")]
pub struct Settings {
    value: Setting,
}
