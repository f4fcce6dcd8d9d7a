//! `firewall CGROUP PREFIX…`: drops the packets of a cgroup from and to addresses such as
//! `198.51.100.0/24`, and prints the dropped packets.

use std::error::Error;
use std::fs::File;
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use firewall::Firewall;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let cgroup = arguments.next().ok_or("usage: firewall CGROUP PREFIX…")?;
    let cgroup = File::open(&cgroup).map_err(|error| format!("{cgroup}: {error}"))?;
    let mut firewall = Firewall::attach(&cgroup)?;
    for prefix in arguments {
        let (address, length) = parse_prefix(&prefix).ok_or_else(|| {
            format!("expected an IPv4 address with a prefix length, found `{prefix}`")
        })?;
        firewall.block(address, length, None)?;
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

/// Parses a prefix such as `198.51.100.0/24`. Without a length, the prefix is a single address.
fn parse_prefix(text: &str) -> Option<(Ipv4Addr, u32)> {
    let (address, length) = text.split_once('/').unwrap_or((text, "32"));
    let length = length.parse().ok().filter(|length| *length <= 32)?;
    Some((address.parse().ok()?, length))
}
