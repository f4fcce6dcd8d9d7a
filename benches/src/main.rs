//! Compares bpfmap with the bare system call, libbpf and aya, in one process.
//!
//! Usage, as root: `cargo run --release -p bpfmap-bench [-- --json FILE] [--rounds N]`. For each
//! operation and each contender, the benchmark prints the ratio of the contender's time to the time
//! of the bare system call with buffers on the stack. It also measures a second copy of this system
//! call, to show how large a difference is only noise.

mod allocations;
mod bulk;
mod floor;
mod maps;
mod measure;
mod report;
mod ring;
mod single;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bpfmap-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let mut rounds = 2000;
    let mut json = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--rounds" => rounds = value()?.parse()?,
            "--json" => json = Some(value()?),
            _ => {
                return Err(format!(
                    "unknown argument `{argument}`: expected `--rounds N` or `--json FILE`"
                )
                .into());
            }
        }
    }
    measure::pin_to_one_cpu();
    let mut jobs = single::jobs(rounds)?;
    println!(
        "Single operations: time relative to the bare system call [allocations per operation]\n"
    );
    report::print(&jobs);
    let bulk = bulk::jobs((rounds / 200).max(3))?;
    println!(
        "\nOperations on {} entries: time relative to a loop of bare system calls\n",
        bulk::ENTRIES
    );
    report::print(&bulk);
    let ring = ring::jobs(rounds)?;
    println!("\nEvents: time relative to a loop over the mapped memory\n");
    report::print(&ring);
    jobs.extend(bulk);
    jobs.extend(ring);
    if let Some(path) = json {
        std::fs::write(path, report::json(&jobs))?;
    }
    Ok(())
}
