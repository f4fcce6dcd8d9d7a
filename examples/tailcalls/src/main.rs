//! `tailcalls INTERFACE`: prints the number of received packets of each service, once a second.

use std::error::Error;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use bpfmap::InterfaceIndex;
use tailcalls::PacketCounter;

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
    let interface = InterfaceIndex::from_name(name)
        .map_err(|error| format!("network interface `{name}`: {error}"))?;
    Ok(interface.get().try_into()?)
}
