//! `cargo xtask test`: every test of the repository.

use std::path::PathBuf;

use crate::cargo::{Executable, build, cargo};
use crate::step::{Steps, run as run_command};
use crate::table::{by_binary, by_map_type, draw};
use crate::{Error, matrix, packages};

/// Packages whose tests need a kernel to try maps on: they run in the matrix.
const IN_KERNELS: &[&str] = &["bpfmap", "bpfmap-fixtures", "ratelimit"];

/// Test targets of those packages that run on the host all the same: they call cargo.
const ON_HOST: &[(&str, &str)] = &[("bpfmap", "compile_fail")];

/// Runs every test.
///
/// # Errors
///
/// When a step fails, or a kernel answers otherwise than expected.
pub(crate) fn run() -> Result<(), Error> {
    let mut steps = Steps::new(6);
    steps.next("Packages");
    packages::ensure(packages::BUILD_AND_BOOT)?;
    packages::ensure(packages::TESTS)?;

    steps.next("Format");
    run_command(cargo().args(["fmt", "--all", "--check"]))?;

    steps.next("The harness, and kernels to boot");
    let harness = matrix::build_harness()?;
    let fetching = matrix::start_fetching(&harness, &[])?;

    steps.next("Lints");
    let lints = ["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"];
    run_command(cargo().args(lints))?;

    steps.next("Tests on this machine");
    on_host()?;
    matrix::finish_fetching(fetching)?;

    steps.next("Tests on every kernel");
    let binaries = for_kernels()?;
    let report = matrix::run(&harness, &[], &binaries)?;
    println!("\n{}", draw(&report.tests, by_map_type));
    println!("{}", draw(&report.tests, by_binary));
    println!("Reports: {}", report.folder.display());
    if report.green { Ok(()) } else { Err("not everything is green: see above".into()) }
}

fn on_host() -> Result<(), Error> {
    // A golden file that is stale is an error here, and no reason to write a new one.
    let mut command = cargo();
    command.env("INSTA_UPDATE", "no").args(["test", "--workspace"]);
    for package in IN_KERNELS {
        command.args(["--exclude", package]);
    }
    run_command(&mut command)?;
    run_command(cargo().args(["test", "--package", "bpfmap", "--doc"]))?;
    for (package, target) in ON_HOST {
        run_command(cargo().args(["test", "--package", package, "--test", target]))?;
    }
    Ok(())
}

fn for_kernels() -> Result<Vec<PathBuf>, Error> {
    let mut arguments = vec!["test", "--no-run", "--all-features"];
    for package in IN_KERNELS {
        arguments.extend(["--package", package]);
    }
    let on_host =
        |executable: &Executable| ON_HOST.iter().any(|(_, target)| executable.target == *target);
    let built = build(&arguments)?;
    Ok(built.into_iter().filter(|built| !on_host(built)).map(|built| built.path).collect())
}
