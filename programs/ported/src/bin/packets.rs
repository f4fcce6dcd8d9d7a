//! The program of `examples/aya-loader`: counts the packets that an interface receives, and reports
//! large packets.

#![no_std]
#![no_main]

mod maps {
    include!(concat!(env!("OUT_DIR"), "/packets.rs"));
}

use aya_ebpf::bindings::xdp_action::XDP_PASS;
use aya_ebpf::helpers::bpf_ktime_get_ns;
use aya_ebpf::macros::xdp;
use aya_ebpf::programs::XdpContext;
use bpfmap_ebpf::{Be16, Map, UpdateMode, field};
use bpfmap_examples_ebpf::{ETHERNET, PROTOCOL, header, license};
use maps::{LargePacket, LargePackets, Protocols, Settings, Traffic};

const PROTOCOLS: Map<Protocols> = Map::new();
const LARGE_PACKETS: Map<LargePackets> = Map::new();
const SETTINGS: Map<Settings> = Map::new();

license!(b"Dual MIT/GPL\0");

#[xdp]
pub fn count_packet(packet: XdpContext) -> u32 {
    count(&packet);
    XDP_PASS
}

#[inline(always)]
fn count(packet: &XdpContext) -> Option<()> {
    let length = (packet.data_end() - packet.data()) as u32;
    let protocol: Be16 = header(packet, ETHERNET)?.read(PROTOCOL);
    match PROTOCOLS.lookup(&protocol) {
        Some(traffic) => {
            field!(traffic.packets).modify(|packets| *packets += 1);
            field!(traffic.bytes).modify(|bytes| *bytes += u64::from(length));
        }
        None => {
            let one = Traffic { packets: 1, bytes: length.into() };
            // If the map is full, packets of new protocols are not counted.
            let _ = PROTOCOLS.update(&protocol, &one, UpdateMode::Any);
        }
    }
    let large = SETTINGS.lookup(&0)?.load().large;
    if large != 0 && length >= large {
        let record = LARGE_PACKETS.reserve()?;
        // SAFETY: `bpf_ktime_get_ns` has no safety requirements.
        let time = unsafe { bpf_ktime_get_ns() };
        record.submit(LargePacket { time, length, protocol, _pad0: [0; 2] });
    }
    Some(())
}
