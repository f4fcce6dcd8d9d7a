//! `ratelimit INTERFACE PACKETS`: limits each source to `PACKETS` packets per second, and prints
//! the sources.

use std::error::Error;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use bpfmap::InterfaceIndex;
use ratelimit::RateLimiter;

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
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [interface, packets] = arguments.as_slice() else {
        return Err("usage: ratelimit INTERFACE PACKETS".into());
    };
    let packets =
        packets.parse().map_err(|_| format!("expected a number of packets, found `{packets}`"))?;
    let limiter = RateLimiter::attach(interface_number(interface)?, packets, SECOND)?;
    loop {
        sleep(SECOND);
        println!("{:40} {:>12} {:>12}", "source", "passed", "dropped");
        for (source, usage) in limiter.sources()? {
            println!("{:40} {:>12} {:>12}", source.to_string(), usage.passed, usage.dropped);
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);

fn interface_number(name: &str) -> Result<i32, Box<dyn Error>> {
    let interface = InterfaceIndex::from_name(name)
        .map_err(|error| format!("network interface `{name}`: {error}"))?;
    Ok(interface.get().try_into()?)
}
