//! `cargo xtask make-c`: uses the Makefile of the example `make-c`, which needs no Rust, to build
//! the example. It then runs the test of the example on every kernel.

use std::path::Path;
use std::process::Command;

use bpfmap_vmtest::kernel;

use crate::cargo::{self, root};
use crate::step::run as run_command;
use crate::{Error, matrix};

/// Runs `cargo xtask make-c`.
///
/// # Errors
///
/// Fails if something does not compile, or if the test fails on a kernel.
pub(crate) fn run() -> Result<(), Error> {
    on_every_kernel(&matrix::build_harness()?)
}

/// Builds the example and runs its test on every kernel.
///
/// # Errors
///
/// Fails if something does not compile, or if the test fails on a kernel. The other kernels are
/// tested nevertheless.
pub(crate) fn on_every_kernel(harness: &Path) -> Result<(), Error> {
    let built = cargo::build(&["--package", "bpfmap-cli"])?;
    let bpfmap = built.iter().find(|executable| executable.target == "bpfmap");
    let bpfmap = &bpfmap.ok_or("cargo built no bpfmap")?.path;
    let out = root().join("target/make-c");
    let test = out.join("check");
    let mut make = Command::new("make");
    make.arg("--directory").arg(root().join("examples/make-c")).arg("CLANG=clang-19");
    make.arg(format!("BPFMAP={}", bpfmap.display())).arg(format!("OUT={}", out.display()));
    run_command(make.arg("all").arg(&test))?;

    let mut failed = vec![];
    for kernel in kernel::lines() {
        println!("make-c on {kernel}:");
        // It is not a libtest binary: its exit status is the result.
        let mut command = Command::new(harness);
        command.args(["run", "--kernel", kernel, "--time-out", "120", "--"]).arg(&test);
        if let Err(error) = run_command(&mut command) {
            println!("{error}");
            failed.push(kernel);
        }
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(format!("the test of examples/make-c fails on {}", failed.join(", ")).into())
    }
}
