//! `firewall CGROUP PREFIX…`: drops the packets of a cgroup from and to addresses, such as `198.51.100.0/24`, and shows
//! those that were dropped.

use std::error::Error;
use std::fs::File;
use std::net::Ipv4Addr;
use std::thread::sleep;
use std::time::Duration;

use firewall::Firewall;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let cgroup = arguments.next().ok_or("usage: firewall CGROUP PREFIX…")?;
    let mut firewall = Firewall::attach(&File::open(&cgroup)?)?;
    for prefix in arguments {
        let (address, length) = prefix.split_once('/').unwrap_or((&prefix, "32"));
        firewall.block(address.parse::<Ipv4Addr>()?, length.parse()?, None)?;
    }
    loop {
        sleep(Duration::from_secs(1));
        firewall.refusals(|refusal| {
            let service = refusal.flow.service;
            let address = Ipv4Addr::from_bits(refusal.address.get());
            println!(
                "{address:15} {:?} {:?} port {}",
                refusal.flow.direction,
                service.protocol,
                service.port.get()
            );
        })?;
    }
}
