//! `cargo xtask sanitize` and `cargo xtask miri`: run the tests of the runtime under tools that
//! find undefined behaviour.
//!
//! `cargo xtask sanitize` runs the tests under `AddressSanitizer`. This sanitizer finds accesses
//! that safe code should not be able to make: reads and writes beyond a buffer, or of freed memory.
//!
//! The sanitizer is part of the stable compiler's libraries, but its option is unstable.
//! `RUSTC_BOOTSTRAP` enables the option. The sanitizer does not notice writes of the kernel. To
//! find such writes, the tests compare the bytes after a buffer.

use std::process::Command;

use crate::Error;
use crate::cargo::{cargo, root};
use crate::packages;
use crate::step::run as run_command;

/// The tests that need no kernel (layouts, rings, plans, strides). If the user is root, the tests
/// that need a kernel are run as well.
const PURE: &[&str] = &["--lib"];
const IN_KERNEL: &[&str] = &["--test", "soundness", "--test", "kernel"];

/// The target. If a target is given, flags apply only to this target. They do not apply to build
/// scripts and to macros, which the compiler loads.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Runs `cargo xtask sanitize`.
///
/// # Errors
///
/// Fails if a test fails, or if the sanitizer finds an error.
pub(crate) fn run() -> Result<(), Error> {
    packages::ensure(packages::BUILD_AND_BOOT)?;
    let mut command = cargo();
    command.args(["test", "--target", TARGET, "--package", "bpfmap", "--all-features"]);
    // With different flags in the usual directory, cargo would rebuild everything each time.
    command.arg("--target-dir").arg(root().join("target/sanitize"));
    command.args(PURE);
    if is_root()? {
        command.args(IN_KERNEL);
    } else {
        println!("The tests that need a kernel are not run, because this user is not root.");
    }
    command.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", "-Zsanitizer=address");
    command.env("CARGO_PROFILE_TEST_DEBUG", "line-tables-only");
    // libbpf keeps some allocations until the end of the process.
    command.env("ASAN_OPTIONS", "detect_leaks=0");
    run_command(&mut command)
}

/// Runs `cargo xtask miri`. Miri runs the tests of the runtime that need no kernel (rings, strides,
/// plans, cells), and finds any undefined behaviour of Rust. This is not a step of `cargo xtask
/// test`, because it needs a nightly compiler and the component `miri`.
///
/// # Errors
///
/// Fails if a test fails, if Miri finds an error, or if Miri is not installed.
pub(crate) fn miri() -> Result<(), Error> {
    let mut command = Command::new("rustup");
    command.current_dir(root()).args(["run", "nightly", "cargo", "miri", "test"]);
    // libbpf is C code. The readers of BTF contain no unsafe code, and would take an hour in Miri.
    command.args(["--package", "bpfmap", "--no-default-features", "--lib"]);
    command.arg("--target-dir").arg(root().join("target/miri"));
    command.args(["--", "--skip", "btf::"]);
    // The list of CPUs is read from a file.
    command.env("MIRIFLAGS", "-Zmiri-disable-isolation");
    // The variables of the cargo that runs this would select a different compiler.
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
    // The line contains the real, effective, saved and file-system user IDs.
    Ok(ids.and_then(|ids| ids.split_whitespace().nth(1)) == Some("0"))
}
