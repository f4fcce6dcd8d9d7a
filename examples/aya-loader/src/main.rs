//! `aya-loader INTERFACE [LENGTH]`: prints the traffic that an interface has received, once a
//! second. Also prints each packet that has at least this length.

use std::error::Error;
use std::thread::sleep;
use std::time::Duration;

use aya_loader::PacketCounter;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (interface, large) = match arguments.as_slice() {
        [interface] => (interface, None),
        [interface, length] => (interface, Some(length)),
        _ => return Err("usage: aya-loader INTERFACE [LENGTH]".into()),
    };
    let large = large
        .map(|text| text.parse().map_err(|_| format!("{text:?} is not a length in bytes")))
        .transpose()?;
    let mut counter = PacketCounter::attach(interface)?;
    counter.report_from(large)?;
    loop {
        sleep(Duration::from_secs(1));
        counter.large_packets(|packet| {
            println!(
                "large packet: {} bytes of protocol {:#06x}",
                packet.length,
                packet.protocol.get()
            );
        })?;
        println!("{:>8} {:>12} {:>14}", "PROTOCOL", "PACKETS", "BYTES");
        for (protocol, traffic) in counter.protocols()? {
            let protocol = format!("{:#06x}", protocol.get());
            println!("{protocol:>8} {:>12} {:>14}", traffic.packets, traffic.bytes);
        }
    }
}
