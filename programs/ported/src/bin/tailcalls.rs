//! The programs of `examples/tailcalls`: a parser for each protocol. A parser reads one header and
//! jumps to the parser of the next header. If there is no such parser, the packet is counted with
//! the fields that are known at that point.
//!
//! The maps are declared here, because a program in Rust can't declare the initial values of
//! `parsers`: the application stores them.

#![no_std]
#![no_main]

use aya_ebpf::EbpfContext as _;
use aya_ebpf::bindings::xdp_action::XDP_PASS;
use aya_ebpf::macros::xdp;
use aya_ebpf::programs::XdpContext;
use bpfmap::{BpfMap, BpfType};
use bpfmap_ebpf::{Be16, Map, SharedCell, UpdateMode, field};
use bpfmap_examples_ebpf::{
    ETHERNET, IPV4, IPV4_HEADER, IPV6, IPV6_HEADER, PROTOCOL, header, license,
};

/// The state that one parser passes to the next parser.
#[derive(Clone, Copy, BpfType)]
#[repr(C)]
pub struct Cursor {
    offset: u16,
    version: u8,
    protocol: u8,
}

/// The service of a packet, as far as it was parsed.
#[derive(Clone, Copy, BpfType)]
#[repr(C)]
pub struct Service {
    version: u8,
    protocol: u8,
    port: Be16,
}

#[derive(BpfMap)]
#[bpf_map(prog_array, max_entries = 8, min_kernel = "5.10")]
pub struct Parsers {}

#[derive(BpfMap)]
#[bpf_map(percpu_array, max_entries = 1, min_kernel = "5.10")]
pub struct Cursors {
    value: Cursor,
}

#[derive(BpfMap)]
#[bpf_map(lru_percpu_hash, max_entries = 4096, min_kernel = "5.10")]
pub struct Services {
    key: Service,
    value: u64,
}

const PARSERS: Map<Parsers> = Map::new();
const CURSORS: Map<Cursors> = Map::new();
const SERVICES: Map<Services> = Map::new();

/// The parsers, by their index in the table.
const LAYER_IPV4: u32 = 0;
const LAYER_IPV6: u32 = 1;
const LAYER_TCP: u32 = 2;
const LAYER_UDP: u32 = 3;

const IPPROTO_TCP: u8 = 6;
const IPPROTO_UDP: u8 = 17;

license!(b"GPL\0");

#[inline(always)]
fn count(cursor: &SharedCell<Cursor>, port: Be16) -> Option<()> {
    let Cursor { version, protocol, .. } = cursor.load();
    let service = Service { version, protocol, port };
    match SERVICES.lookup(&service) {
        Some(packets) => packets.modify(|packets| *packets += 1),
        // If the map is full, new services are not counted.
        None => _ = SERVICES.update(&service, &1, UpdateMode::Any),
    }
    None
}

/// Jumps to the parser of a layer. Returns only if the entry of the layer is empty.
#[inline(always)]
fn parse(packet: &XdpContext, cursor: &SharedCell<Cursor>, layer: u32) -> Option<()> {
    // SAFETY: the context is the one that the program got.
    unsafe { PARSERS.tail_call(packet.as_ptr(), layer) };
    count(cursor, Be16::new(0))
}

#[inline(always)]
fn parse_transport(packet: &XdpContext, cursor: &SharedCell<Cursor>, protocol: u8) -> Option<()> {
    match protocol {
        IPPROTO_TCP => parse(packet, cursor, LAYER_TCP),
        IPPROTO_UDP => parse(packet, cursor, LAYER_UDP),
        _ => count(cursor, Be16::new(0)),
    }
}

/// The entry point: the only program that is attached.
#[xdp]
pub fn parse_ethernet(packet: XdpContext) -> u32 {
    ethernet(&packet);
    XDP_PASS
}

#[inline(always)]
fn ethernet(packet: &XdpContext) -> Option<()> {
    let cursor = CURSORS.lookup(&0)?;
    let protocol: Be16 = header(packet, ETHERNET)?.read(PROTOCOL);
    cursor.store(Cursor { offset: ETHERNET as u16, version: 0, protocol: 0 });
    if protocol == IPV4 {
        parse(packet, cursor, LAYER_IPV4)
    } else if protocol == IPV6 {
        parse(packet, cursor, LAYER_IPV6)
    } else {
        count(cursor, Be16::new(0))
    }
}

#[xdp]
pub fn parse_ipv4(packet: XdpContext) -> u32 {
    ipv4(&packet);
    XDP_PASS
}

#[inline(always)]
fn ipv4(packet: &XdpContext) -> Option<()> {
    let cursor = CURSORS.lookup(&0)?;
    let header = header(packet, ETHERNET + IPV4_HEADER)?;
    let words = header.read::<u8>(ETHERNET) & 0xf;
    let protocol: u8 = header.read(ETHERNET + 9);
    field!(cursor.offset).modify(|offset| *offset += u16::from(words) * 4);
    field!(cursor.version).store(4);
    field!(cursor.protocol).store(protocol);
    parse_transport(packet, cursor, protocol)
}

#[xdp]
pub fn parse_ipv6(packet: XdpContext) -> u32 {
    ipv6(&packet);
    XDP_PASS
}

#[inline(always)]
fn ipv6(packet: &XdpContext) -> Option<()> {
    let cursor = CURSORS.lookup(&0)?;
    let header = header(packet, ETHERNET + IPV6_HEADER)?;
    let protocol: u8 = header.read(ETHERNET + 6);
    field!(cursor.offset).modify(|offset| *offset += IPV6_HEADER as u16);
    field!(cursor.version).store(6);
    field!(cursor.protocol).store(protocol);
    parse_transport(packet, cursor, protocol)
}

#[xdp]
pub fn parse_tcp(packet: XdpContext) -> u32 {
    count_port(&packet);
    XDP_PASS
}

#[xdp]
pub fn parse_udp(packet: XdpContext) -> u32 {
    count_port(&packet);
    XDP_PASS
}

#[inline(always)]
fn count_port(packet: &XdpContext) -> Option<()> {
    let cursor = CURSORS.lookup(&0)?;
    // No header is that long, but the verifier needs the check.
    let ports = packet.data() + usize::from(field!(cursor.offset).load() & 0xff);
    if ports + 4 > packet.data_end() {
        return None;
    }
    // SAFETY: the ports are within the packet. The destination comes after the source.
    let destination = unsafe { ((ports + 2) as *const Be16).read_unaligned() };
    count(cursor, destination)
}
