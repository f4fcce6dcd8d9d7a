//! `hotswap [GENERATIONS]`: filters packets in one thread. In another thread, replaces the rules
//! `GENERATIONS` times.

use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use hotswap::{Counts, Filter, Result, Verdict};

const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const SERVER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
/// The number of packets that are sent at a time.
const PACKETS: u32 = 1000;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let generations: u32 = match std::env::args().nth(1) {
        None => 10,
        Some(text) => {
            text.parse().map_err(|_| format!("expected a number of generations, found `{text}`"))?
        }
    };
    let filter = Filter::load()?;
    let rules = [(CLIENT, Verdict::Pass), (SERVER, Verdict::Pass)];
    filter.replace(0, &rules)?;

    let stop = AtomicBool::new(false);
    let (counted, sent) = thread::scope(|scope| -> Result<_> {
        let traffic = scope.spawn(|| -> Result<u64> {
            let mut sent = 0;
            while !stop.load(Ordering::Relaxed) {
                filter.send(CLIENT, SERVER, PACKETS)?;
                sent += u64::from(PACKETS);
            }
            Ok(sent)
        });
        let counted = replace_often(&filter, generations, &rules);
        stop.store(true, Ordering::Relaxed);
        let sent = traffic.join().expect("the thread does not panic")?;
        Ok((counted?, sent))
    })?;
    let last = to_server(&filter.replace(generations + 1, &rules)?);
    println!("{:>10} {:>10}", "GENERATION", "PACKETS");
    for (generation, packets) in counted.iter().chain([&last]).enumerate() {
        println!("{generation:>10} {packets:>10}");
    }
    println!("\n{sent} packets sent, {} counted", counted.iter().sum::<u64>() + last);
    println!("{} packets saw rules of two generations", filter.mixed()?);
    Ok(())
}

/// Replaces the rules repeatedly. Returns the number of packets that each generation of rules has
/// counted, except the last generation.
fn replace_often(
    filter: &Filter,
    generations: u32,
    rules: &[(Ipv4Addr, Verdict)],
) -> bpfmap::Result<Vec<u64>> {
    let replace = |generation| {
        thread::sleep(Duration::from_millis(50));
        Ok(to_server(&filter.replace(generation, rules)?))
    };
    (1..=generations).map(replace).collect()
}

fn to_server(counts: &Counts) -> u64 {
    counts.iter().filter(|(address, _)| *address == SERVER).map(|(_, packets)| packets).sum()
}
