//! Counts the packets that an interface receives, and reports large packets.

#![no_std]
#![no_main]

use aya_ebpf::bindings::xdp_action::XDP_PASS;
use aya_ebpf::helpers::bpf_ktime_get_ns;
use aya_ebpf::macros::xdp;
use aya_ebpf::programs::XdpContext;
use bpfmap_ebpf::{Be16, Be32};
use bpfmap_ebpf::{Map, UpdateMode, field};
use rust_program_common::{LargePacket, LargePackets, Protocols, Settings, Sources, Traffic};

const PROTOCOLS: Map<Protocols> = Map::new();
const SOURCES: Map<Sources> = Map::new();
const LARGE_PACKETS: Map<LargePackets> = Map::new();
const SETTINGS: Map<Settings> = Map::new();

/// `ETH_P_IP`, `include/uapi/linux/if_ether.h`.
const IPV4: Be16 = Be16::new(0x0800);
/// The offset of the protocol in the Ethernet header. The next constant is the offset of the source
/// address in a packet with an Ethernet header and an IPv4 header.
const PROTOCOL: usize = 12;
const SOURCE: usize = 14 + 12;

#[xdp]
pub fn count_packet(packet: XdpContext) -> u32 {
    count(&packet);
    XDP_PASS
}

/// Counts a packet. Returns `None` if the packet is too short, or if there is no space for a
/// record.
#[inline(always)]
fn count(packet: &XdpContext) -> Option<()> {
    let length = (packet.data_end() - packet.data()) as u32;
    let protocol: Be16 = read(packet, PROTOCOL)?;
    match PROTOCOLS.lookup(&protocol) {
        // This is the value of this CPU. Other CPUs do not change it.
        Some(traffic) => {
            field!(traffic.packets).modify(|packets| *packets += 1);
            field!(traffic.bytes).modify(|bytes| *bytes += u64::from(length));
        }
        None => {
            let traffic = Traffic { packets: 1, bytes: length.into() };
            // If the map is full, packets of new protocols are not counted.
            let _ = PROTOCOLS.update(&protocol, &traffic, UpdateMode::Any);
        }
    }
    if protocol == IPV4 {
        count_source(&read(packet, SOURCE)?);
    }
    let setting = SETTINGS.lookup(&0)?.load();
    if setting.large != 0 && length >= setting.large {
        // SAFETY: `bpf_ktime_get_ns` has no safety requirements.
        let time = unsafe { bpf_ktime_get_ns() };
        LARGE_PACKETS.reserve()?.submit(LargePacket::new(time, length, protocol));
    }
    Some(())
}

#[inline(always)]
fn count_source(source: &Be32) {
    if let Some(packets) = SOURCES.lookup(source) {
        // Other CPUs change the same counter, so the addition must be atomic.
        packets.add(1);
    } else if SOURCES.update(source, &1, UpdateMode::NoExist).is_err() {
        // Either another CPU has inserted the source since the lookup, or the map is full.
        if let Some(packets) = SOURCES.lookup(source) {
            packets.add(1);
        }
    }
}

/// Returns the value at this offset in the packet, or `None` if the packet is too short.
#[inline(always)]
fn read<T: bpfmap_ebpf::Plain>(packet: &XdpContext, offset: usize) -> Option<T> {
    let (start, end) = (packet.data() + offset, packet.data_end());
    if start + size_of::<T>() > end {
        return None;
    }
    // SAFETY: the value is within the packet, and any bytes are a plain value.
    Some(unsafe { (start as *const T).read_unaligned() })
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

/// Is never called, because the compiler removes every panic. If a panic remained, the loader would
/// refuse the object.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
