//! `rust-program INTERFACE [aya|libbpf]`: prints the traffic that an interface has received, once a
//! second. Also prints each packet of 1000 bytes or more.

use std::error::Error;
use std::thread::sleep;
use std::time::Duration;

use rust_program::{Loader, PacketCounter};

/// The minimum length of the packets that are printed.
const LARGE: u32 = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (interface, loader) = match arguments.as_slice() {
        [interface] | [interface, "aya"] => (interface, Loader::Aya),
        [interface, "libbpf"] => (interface, Loader::Libbpf),
        _ => return Err("usage: rust-program INTERFACE [aya|libbpf]".into()),
    };
    let mut counter = PacketCounter::attach(interface, loader)?;
    counter.report_from(Some(LARGE))?;
    loop {
        sleep(Duration::from_secs(1));
        counter.large_packets(|packet| {
            let protocol = packet.protocol.get();
            println!("large packet: {} bytes of protocol {protocol:#06x}", packet.length);
        })?;
        println!("{:>8} {:>12} {:>14}", "PROTOCOL", "PACKETS", "BYTES");
        for (protocol, traffic) in counter.protocols()? {
            let protocol = format!("{:#06x}", protocol.get());
            println!("{protocol:>8} {:>12} {:>14}", traffic.packets, traffic.bytes);
        }
    }
}
