//! The program of `examples/routes`: looks up the route of each IPv4 packet, and counts the packet
//! for the next hop.

#![no_std]
#![no_main]

mod maps {
    include!(concat!(env!("OUT_DIR"), "/routes.rs"));
}

use aya_ebpf::bindings::xdp_action::{XDP_DROP, XDP_PASS};
use aya_ebpf::macros::xdp;
use aya_ebpf::programs::XdpContext;
use bpfmap_ebpf::{Be16, Map, field};
use bpfmap_examples_ebpf::{ETHERNET, IPV4, IPV4_HEADER, PROTOCOL, header, license};
use maps::{Counts, Prefix, Routes};

const ROUTES: Map<Routes> = Map::new();
const COUNTS: Map<Counts> = Map::new();

/// The number that counts packets without a route.
const NO_ROUTE: u32 = 0;

/// The offset of the destination address in the IPv4 header.
const DESTINATION: usize = 16;

license!(b"Dual MIT/GPL\0");

#[xdp]
pub fn route(packet: XdpContext) -> u32 {
    let length = packet.data_end() - packet.data();
    let Some(header) = header(&packet, ETHERNET + IPV4_HEADER) else { return XDP_PASS };
    if header.read::<Be16>(PROTOCOL) != IPV4 {
        return XDP_PASS;
    }
    let address = Prefix { length: 32, address: header.read(ETHERNET + DESTINATION) };
    let number = ROUTES.lookup(&address).map_or(NO_ROUTE, |next_hop| next_hop.load());
    if let Some(count) = COUNTS.lookup(&number) {
        // Each CPU has its own count, so no other CPU writes to this count.
        field!(count.packets).modify(|packets| *packets += 1);
        field!(count.bytes).modify(|bytes| *bytes += length as u64);
    }
    if number == NO_ROUTE { XDP_DROP } else { XDP_PASS }
}
