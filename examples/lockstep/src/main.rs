//! `lockstep [TIMES]`: changes a value `TIMES` times on each of two CPUs. During that time, reads
//! the value with and without the lock. Finally, prints the results.

use std::process::ExitCode;

use lockstep::{Lockstep, Result, Storage};

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
    let times = match std::env::args().nth(1) {
        None => 1_000_000,
        Some(text) => {
            text.parse().map_err(|_| format!("expected a number of changes, found `{text}`"))?
        }
    };
    let lockstep = Lockstep::load()?;
    println!("{:8} {:16} {:>10} {:>10}", "MAP", "READ WITH", "READS", "TORN");
    for (name, storage) in [("array", Storage::Array), ("hash", Storage::Hash)] {
        let report = lockstep.contend(storage, times)?;
        for (read_with, reads) in [("lookup", report.plain), ("lookup_locked", report.locked)] {
            println!("{name:8} {read_with:16} {:>10} {:>10}", reads.total, reads.torn);
        }
        println!("{name:8} {} changes, of {}", report.end, 2 * u64::from(times));
    }
    Ok(())
}
