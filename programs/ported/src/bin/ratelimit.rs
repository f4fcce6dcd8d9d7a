//! The program of `examples/ratelimit`: counts the packets of each source address, and drops those
//! over the limit.

#![no_std]
#![no_main]

mod maps {
    include!(concat!(env!("OUT_DIR"), "/ratelimit.rs"));
}

use aya_ebpf::bindings::xdp_action::{XDP_DROP, XDP_PASS};
use aya_ebpf::helpers::bpf_ktime_get_ns;
use aya_ebpf::macros::xdp;
use aya_ebpf::programs::XdpContext;
use bpfmap_ebpf::{Be16, Map, Padded, UpdateMode, field, zeroed};
use bpfmap_examples_ebpf::{
    ETHERNET, IPV4, IPV4_HEADER, IPV6, IPV6_HEADER, PROTOCOL, header, license,
};
use maps::{Settings, Source, Sources, Usage};

const SOURCES: Map<Sources> = Map::new();
const SETTINGS: Map<Settings> = Map::new();

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

/// The offsets of the source address in the headers of IPv4 and IPv6.
const IPV4_SOURCE: usize = 12;
const IPV6_SOURCE: usize = 8;

license!(b"Dual MIT/GPL\0");

/// Stores the source of an IP packet. Returns `None` if the packet is not an IP packet.
#[inline(always)]
fn read_source(packet: &XdpContext, source: &mut Source) -> Option<()> {
    let protocol: Be16 = header(packet, ETHERNET)?.read(PROTOCOL);
    if protocol == IPV4 {
        let address = header(packet, ETHERNET + IPV4_HEADER)?.read(ETHERNET + IPV4_SOURCE);
        source.addr.v4 = Padded::new(address);
        source.family = AF_INET;
    } else if protocol == IPV6 {
        source.addr.v6 = header(packet, ETHERNET + IPV6_HEADER)?.read(ETHERNET + IPV6_SOURCE);
        source.family = AF_INET6;
    } else {
        return None;
    }
    Some(())
}

#[xdp]
pub fn limit_rate(packet: XdpContext) -> u32 {
    limit(&packet).unwrap_or(XDP_PASS)
}

#[inline(always)]
fn limit(packet: &XdpContext) -> Option<u32> {
    // SAFETY: `bpf_ktime_get_ns` has no safety requirements.
    let now = unsafe { bpf_ktime_get_ns() };
    let limit = SETTINGS.lookup(&0)?;
    let mut source: Source = zeroed();
    read_source(packet, &mut source)?;
    let usage = match SOURCES.lookup(&source) {
        Some(usage) => usage,
        None => {
            let mut new: Usage = zeroed();
            new.window_start = now;
            // If another CPU has inserted an entry meanwhile, this fails, and the lookup finds that entry.
            let _ = SOURCES.update(&source, &new, UpdateMode::NoExist);
            SOURCES.lookup(&source)?
        }
    };
    if now - field!(usage.window_start).load() >= field!(limit.window_ns).load() {
        field!(usage.window_start).store(now);
        field!(usage.in_window).store(0);
    }
    field!(usage.in_window).add(1);
    if field!(usage.in_window).load() > field!(limit.packets).load() {
        field!(usage.dropped).add(1);
        return Some(XDP_DROP);
    }
    field!(usage.passed).add(1);
    Some(XDP_PASS)
}
