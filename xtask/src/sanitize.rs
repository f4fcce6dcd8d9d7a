//! `cargo xtask sanitize` and `cargo xtask miri`: the tests of the runtime, watched.
//!
//! The first runs them under `AddressSanitizer`, which notices what safe code should not be able
//! to do: a read or a write beyond a buffer, or of memory that is free.
//!
//! It is part of the stable compiler's libraries, though not of its stable options: `RUSTC_BOOTSTRAP` lets it take the
//! option. What the kernel itself writes is not seen by it; for that the tests compare what is behind.

use std::process::Command;

use crate::Error;
use crate::cargo::{cargo, root};
use crate::packages;
use crate::step::run as run_command;

/// What runs: the parts that need no kernel (layouts, rings, plans, strides), and, for root, those that do.
const PURE: &[&str] = &["--lib"];
const IN_KERNEL: &[&str] = &["--test", "soundness", "--test", "kernel"];

/// With `--target`, flags are for the target alone, not for build scripts and macros, which the compiler loads.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Runs `cargo xtask sanitize`.
///
/// # Errors
///
/// Fails if a test fails, or the sanitizer finds something.
pub(crate) fn run() -> Result<(), Error> {
    packages::ensure(packages::BUILD_AND_BOOT)?;
    let mut command = cargo();
    command.args(["test", "--target", TARGET, "--package", "bpfmap", "--all-features"]);
    // Other flags would have cargo build everything again in the usual folder, each time.
    command.arg("--target-dir").arg(root().join("target/sanitize"));
    command.args(PURE);
    if is_root()? {
        command.args(IN_KERNEL);
    } else {
        println!("Not root: the tests that need a kernel are left to `sudo` and to the matrix.");
    }
    command.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", "-Zsanitizer=address");
    command.env("CARGO_PROFILE_TEST_DEBUG", "line-tables-only");
    // libbpf keeps some things to the end of the process.
    command.env("ASAN_OPTIONS", "detect_leaks=0");
    run_command(&mut command)
}

/// Runs `cargo xtask miri`: the parts of the runtime that need no kernel (rings, strides, plans, cells) in Miri, which
/// notices any undefined behaviour of Rust. It needs a nightly compiler and its component `miri`, so that it is no step of
/// `cargo xtask test`.
///
/// # Errors
///
/// Fails if a test fails, if Miri finds something, or if it is not installed.
pub(crate) fn miri() -> Result<(), Error> {
    let mut command = Command::new("rustup");
    command.current_dir(root()).args(["run", "nightly", "cargo", "miri", "test"]);
    // libbpf is C, and what reads BTF has no unsafe code, and takes Miri an hour.
    command.args(["--package", "bpfmap", "--no-default-features", "--lib"]);
    command.arg("--target-dir").arg(root().join("target/miri"));
    command.args(["--", "--skip", "btf::"]);
    // The list of CPUs is read from a file.
    command.env("MIRIFLAGS", "-Zmiri-disable-isolation");
    // Those of the cargo that runs this would be for another compiler.
    command.env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN");
    run_command(&mut command).map_err(|error| {
        let help =
            "if Miri is missing: `rustup toolchain install nightly --component miri,rust-src`";
        format!("{error} (help: {help})").into()
    })
}

/// Returns whether this user is root.
pub(crate) fn is_root() -> Result<bool, Error> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let ids = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    // Real, effective, saved, file system.
    Ok(ids.and_then(|ids| ids.split_whitespace().nth(1)) == Some("0"))
}
