//! `tailcalls INTERFACE`: shows each second what the packets are for that an interface received.

use std::error::Error;
use std::thread::sleep;
use std::time::Duration;

use tailcalls::PacketCounter;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [interface] = arguments.as_slice() else {
        return Err("usage: tailcalls INTERFACE".into());
    };
    let counter = PacketCounter::attach(interface_number(interface)?)?;
    loop {
        sleep(Duration::from_secs(1));
        println!("{:>3} {:>8} {:>6} {:>12}", "ip", "protocol", "port", "packets");
        for (service, packets) in counter.services()? {
            let port = service.port.get();
            println!("{:>3} {:>8} {port:>6} {packets:>12}", service.version, service.protocol);
        }
    }
}

fn interface_number(name: &str) -> Result<i32, Box<dyn Error>> {
    let path = format!("/sys/class/net/{name}/ifindex");
    let text = std::fs::read_to_string(path)
        .map_err(|_| format!("there is no network interface {name:?}"))?;
    Ok(text.trim().parse()?)
}
