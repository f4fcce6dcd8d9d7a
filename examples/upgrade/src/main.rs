//! `upgrade COMMAND FOLDER`: runs a version of the program, or migrates the map to the layout of
//! version 2. The map is pinned in `FOLDER`.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::ExitCode;

use bpfmap::migrate::{Outcome, Progress, Stage};
use upgrade::{Counter, Result, V1, V2, migrate};

const USAGE: &str = "usage: upgrade v1 FOLDER       count 5 packets with version 1
       upgrade migrate FOLDER [copying|checking|comparing|pinned|swapped]
                              move the map to the layout of version 2, or abort at a stage
       upgrade v2 FOLDER       count 5 packets with version 2";

/// The source address of the packets.
const SOURCE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

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
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments.as_slice() {
        ["v1", folder] => run_v1(Path::new(folder)),
        ["v2", folder] => run_v2(Path::new(folder)),
        ["migrate", folder] => run_migration(Path::new(folder), None),
        ["migrate", folder, stage] => run_migration(Path::new(folder), Some(parse_stage(stage)?)),
        _ => Err(USAGE.into()),
    }
}

fn run_v1(folder: &Path) -> Result<()> {
    let counter = Counter::<V1>::load(folder)?;
    for _ in 0..5 {
        counter.send(SOURCE)?;
    }
    for entry in counter.sources() {
        let (address, source) = entry?;
        println!("{}: {} packets, {} bytes", Ipv4Addr::from(address), source.packets, source.bytes);
    }
    Ok(())
}

fn run_v2(folder: &Path) -> Result<()> {
    let counter = Counter::<V2>::load(folder)?;
    for _ in 0..5 {
        counter.send(SOURCE)?;
    }
    for entry in counter.sources() {
        let (address, source) = entry?;
        let upgrade::v2::Source { packets, rx_bytes, limit } = source;
        println!(
            "{}: {packets} packets of at most {limit}, {rx_bytes} bytes",
            Ipv4Addr::from(address)
        );
    }
    Ok(())
}

fn run_migration(folder: &Path, abort_at: Option<Stage>) -> Result<()> {
    let progress = |progress: Progress| {
        if abort_at == Some(progress.stage) {
            // The process ends here without cleaning up, as if it were killed.
            std::process::abort();
        }
    };
    match migrate(folder, progress)? {
        Outcome::Migrated(done) => println!("entries migrated: {}", done.entries),
        Outcome::AlreadyNew => println!("the map already has the layout of version 2"),
        other => println!("{other:?}"),
    }
    Ok(())
}

fn parse_stage(text: &str) -> Result<Stage> {
    Ok(match text {
        "copying" => Stage::Copying,
        "checking" => Stage::Checking,
        "comparing" => Stage::Comparing,
        "pinned" => Stage::Pinned,
        "swapped" => Stage::Swapped,
        _ => return Err(format!("unknown stage `{text}`\n{USAGE}").into()),
    })
}
