//! `profiler SECONDS FILE.svg [PID]`: samples one process or all processes, and writes a flame
//! graph.

use std::error::Error;
use std::thread::sleep;
use std::time::Duration;

use profiler::{Profiler, flame_graph};

/// The number of samples of each CPU per second.
const FREQUENCY: u64 = 99;
/// The maximum number of functions to print.
const MOST: usize = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (seconds, file, process) = match arguments.as_slice() {
        [seconds, file] => (seconds, file, None),
        [seconds, file, process] => (seconds, file, Some(process)),
        _ => return Err("usage: profiler SECONDS FILE.svg [PID]".into()),
    };
    let seconds = seconds.parse().map_err(|_| format!("{seconds:?} is not a number of seconds"))?;
    let process = process
        .map(|text| text.parse().map_err(|_| format!("{text:?} is not the ID of a process")))
        .transpose()?;
    let profiler = Profiler::start(process, FREQUENCY)?;
    sleep(Duration::from_secs(seconds));
    let profile = profiler.stop()?;

    std::fs::write(file, flame_graph(&profile)).map_err(|error| format!("{file}: {error}"))?;
    std::fs::write(format!("{file}.folded"), profile.folded())?;
    println!("{:>8} FUNCTION", "SAMPLES");
    for (samples, function) in profile.functions().into_iter().take(MOST) {
        println!("{samples:>8} {function}");
    }
    for (cpu, samples) in profile.samples_by_cpu().iter().enumerate() {
        println!("CPU {cpu}: {samples} samples");
    }
    if profile.lost > 0 {
        println!("{} samples are lost, because the map `counts` was full", profile.lost);
    }
    Ok(())
}
