//! Measures the time of a run in a kernel, and compares it with the floor: a minimal static init
//! that exits immediately, on the same machine. Run the benchmark with `cargo bench --package
//! bpfmap-vmtest`. Its arguments are kernels.

use bpfmap_vmtest::kernel::{self, Kernel, Packages};
use bpfmap_vmtest::{Ended, Error, FailureKind, Guest, Init, Machine, Result, Run};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The source of an init that immediately exits through the port that ends the machine.
const BARE_INIT: &str = r#"
fn main() {
    unsafe {
        core::arch::asm!("syscall", inlateout("rax") 173_u64 => _, in("rdi") 0xf4, in("rsi") 4, in("rdx") 1,
            lateout("rcx") _, lateout("r11") _);
        core::arch::asm!("out dx, al", in("dx") 0xf4_u16, in("al") 0x10_u8);
    }
}
"#;

/// The number of runs of each program. The minimum is reported, because other programs on this
/// machine can only add time.
const ROUNDS: usize = 5;

fn main() -> Result<()> {
    let lines: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let all = || kernel::lines().into_iter().map(str::to_owned).collect();
    let directory = tempfile::tempdir().expect("a directory can be made");
    let bare = Init::pack(&build_bare_init(directory.path()))?;
    let init = Init::find()?;
    let packages = Packages::configured();
    println!("{:>6}  {:>7} {:>7} {:>6} {:>7}", "kernel", "floor", "cold", "ratio", "warm");
    for line in if lines.is_empty() { all() } else { lines } {
        let kernel = Kernel::debian(&line, &packages)?;
        let mut floor = Machine::new(kernel.clone(), bare.clone())?;
        let mut machine = Machine::new(kernel, init.clone())?;
        machine.choose_engine()?;
        (floor.engine, floor.snapshots) = (machine.engine, false);
        let mut least = [Duration::MAX; 3];
        for _ in 0..ROUNDS {
            machine.snapshots = false;
            least[0] = least[0].min(time(&floor)?);
            least[1] = least[1].min(time(&machine)?);
            machine.snapshots = true;
            least[2] = least[2].min(time(&machine)?);
        }
        let [floor, cold, warm] = least.map(|time| time.as_secs_f64());
        println!("{line:>6}  {floor:>5.2} s {cold:>5.2} s {:>6.2} {warm:>5.2} s", cold / floor);
    }
    Ok(())
}

/// Returns the time that `uname -r` takes in a machine, or the time of the minimal init.
fn time(machine: &Machine) -> Result<Duration> {
    let start = Instant::now();
    let run = Run { args: vec!["-r".to_owned()], ..Run::new("uname") };
    let output = Guest::start(machine, &run)?.wait_with_output()?;
    match output.ended {
        Ended::Exited(0) => Ok(start.elapsed()),
        // The minimal init sends no records before it exits in the right way.
        Ended::Failed(failure, _) if failure.kind == FailureKind::ResultsCutShort => {
            Ok(start.elapsed())
        }
        other => {
            let message = format!("{other:?}\n{}", output.console);
            Err(Error::new(bpfmap_vmtest::ErrorKind::Io, message))
        }
    }
}

fn build_bare_init(directory: &Path) -> PathBuf {
    let (source, program) = (directory.join("init.rs"), directory.join("init"));
    std::fs::write(&source, BARE_INIT).expect("a file can be written");
    let status = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--edition", "2024", "-O", "-C", "target-feature=+crt-static"])
        .args(["--target", "x86_64-unknown-linux-gnu", "-C", "strip=symbols", "-o"])
        .args([&program, &source])
        .status()
        .expect("rustc is there");
    assert!(status.success(), "the bare init does not build");
    program
}
