//! `routes TABLE ADDRESS…`: loads a table of routes into the kernel, and sends a packet to each
//! address. `TABLE` is the path of a text file or `/proc/net/route`.

use std::error::Error;
use std::net::Ipv4Addr;
use std::process::ExitCode;

use routes::{Router, parse};

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
    let path = arguments.next().ok_or("usage: routes TABLE ADDRESS…")?;
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    let table = parse(&text).map_err(|error| format!("{path}: {error}"))?;

    let mut router = Router::load()?;
    for route in &table {
        router.add(route)?;
    }
    println!("{} routes from {path}", router.len()?);
    for argument in arguments {
        let address: Ipv4Addr = argument
            .parse()
            .map_err(|_| format!("expected an IPv4 address, found `{argument}`"))?;
        router.send(address)?;
        match router.lookup(address)? {
            Some(next_hop) => println!("{address:15} {next_hop}"),
            None => println!("{address:15} has no route"),
        }
    }
    println!("\n{:>10} {:>10} NEXT HOP", "PACKETS", "BYTES");
    for (next_hop, count) in router.counts()?.into_iter().filter(|(_, count)| count.packets > 0) {
        let next_hop = next_hop.map_or("(no route)".to_owned(), ToString::to_string);
        println!("{:>10} {:>10} {next_hop}", count.packets, count.bytes);
    }
    Ok(())
}
