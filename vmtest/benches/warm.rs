//! Measures the time of a test that runs on all kernels at the same time, from snapshots. Run the
//! benchmark with `cargo bench --package bpfmap-vmtest --bench warm -- TEST-BINARY
//! [NAME-OF-THE-TEST]`.

use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// The number of runs. The first run takes the snapshots. The minimum of the other runs is
/// reported, because other programs on this machine can only add time.
const ROUNDS: usize = 6;

fn main() -> ExitCode {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let Some((binary, filter)) = arguments.split_first() else {
        println!("usage: warm TEST-BINARY [NAME-OF-THE-TEST]");
        return ExitCode::SUCCESS;
    };
    let mut least = Duration::MAX;
    for round in 0..ROUNDS {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bpfmap-vmtest"));
        command.arg("matrix").arg(binary);
        if let Some(name) = filter.first() {
            command.args(["--exact", "--filter", name]);
        }
        let start = Instant::now();
        let output = command.stdin(Stdio::null()).output().expect("the harness can be run");
        if !output.status.success() {
            print!("{}", String::from_utf8_lossy(&output.stdout));
            return ExitCode::FAILURE;
        }
        println!("round {round}: {:.2} s", start.elapsed().as_secs_f64());
        if round > 0 {
            least = least.min(start.elapsed());
        }
    }
    println!("all kernels, from snapshots: {:.2} s", least.as_secs_f64());
    ExitCode::SUCCESS
}
