//! `cargo xtask arm64`: the fixtures of all map types, and the tests of the runtime, on kernels for
//! arm64.
//!
//! The tests are built in a Debian system with a cross compiler, and run in emulated guests. Their
//! shared libraries come from Debian's packages for arm64, as the root file system of the guests.

use std::path::{Path, PathBuf};
use std::process::Command;

use bpfmap_vmtest::{Architecture, kernel};
use serde_json::Value;

use crate::cargo::{cargo, root};
use crate::packages::{self, CROSS, CROSS_RUST};
use crate::sanitize::is_root;
use crate::step::{Steps, output, run as run_command};
use crate::system::{Recipe, System};
use crate::table::{by_binary, by_map_type};
use crate::{Error, matrix};

/// The lines of the daily test: the oldest two of Debian's releases for arm64 with cloud images, and
/// the newest.
pub(crate) const DAILY: &[&str] = &["6.1-arm64", "6.12-arm64", "7.3-arm64"];

/// The root file system of the guests: the libraries that the tests are linked with.
const ROOT: &str = "debian:trixie/libc6,libelf1t64,libgcc-s1,zlib1g";

/// The tests that run in the guests: arguments of `cargo test`.
const TESTS: &[&[&str]] = &[
    &["--package", "bpfmap-fixtures"],
    &[
        "--package",
        "bpfmap",
        "--features",
        "derive,libbpf-rs",
        "--test",
        "kernel",
        "--test",
        "soundness",
    ],
];

const TARGET: &str = "aarch64-unknown-linux-gnu";

const RECIPE: Recipe = Recipe {
    cache: "bpfmap-arm64",
    // Any version that the backports have.
    compiler: "rustc ",
    architectures: &["amd64", "arm64"],
    packages: CROSS,
    backports: CROSS_RUST,
};

/// The tests that run on kernels for arm64.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// The tests of the harness.
    Harness,
    /// The tests of the harness, and the fixtures of all map types.
    All,
}

/// Runs `cargo xtask arm64 [--harness] [--kernel KERNEL]…`. Without kernels, those of the daily test
/// are used, and with `--all` all of Debian's lines. With `--harness`, no fixtures run.
///
/// # Errors
///
/// Fails if the user is not root, if something does not compile, or if a test fails.
pub(crate) fn run(arguments: &[&str]) -> Result<(), Error> {
    let (mut kernels, mut extent) = (vec![], Extent::All);
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match *word {
            "--kernel" => kernels.push(*words.next().ok_or("--kernel needs a kernel")?),
            "--harness" => extent = Extent::Harness,
            "--all" => kernels.extend(kernel::lines_for(Architecture::Aarch64)),
            word => return Err(format!("unknown argument {word}").into()),
        }
    }
    let mut steps = Steps::new(if extent == Extent::All { 5 } else { 4 });
    steps.next("Packages");
    packages::ensure(packages::BUILD_AND_BOOT)?;
    packages::ensure(packages::BOOT_ARM64)?;

    steps.next("The harness");
    let harness = matrix::build_harness()?;
    let kernels = if kernels.is_empty() { DAILY } else { &kernels };
    on_kernels(&harness, kernels, extent, &mut |what| steps.next(what))
}

/// Runs the daily test, as a step of `cargo xtask test`.
///
/// # Errors
///
/// Fails if something does not compile, or if a test fails.
pub(crate) fn daily(harness: &Path) -> Result<(), Error> {
    if !is_root()? {
        println!(
            "These tests are not run, because this user is not root: only root can create the system that compiles them."
        );
        return Ok(());
    }
    packages::ensure(packages::BOOT_ARM64)?;
    on_kernels(harness, DAILY, Extent::All, &mut |what| println!("\n{what}"))
}

/// Builds the tests and runs them on kernels. `step` is called when a step begins.
///
/// # Errors
///
/// Fails if something does not compile, or if a test fails.
fn on_kernels(
    harness: &Path,
    kernels: &[&str],
    extent: Extent,
    step: &mut dyn FnMut(&str),
) -> Result<(), Error> {
    step("A system with a cross compiler, and the tests for arm64");
    let fetching = matrix::start_fetching(harness, kernels)?;
    let system = System::ensure(&RECIPE)?;
    run_command(cargo().args(["fetch", "--locked"]))?;
    let init = build(&system, &["build", "--package", "bpfmap-vmtest"], true)?;
    let init = init.into_iter().find(|path| path.ends_with("bpfmap-vmtest"));
    let init = init.ok_or("cargo built no bpfmap-vmtest for arm64")?;
    // The harness looks for it there.
    std::fs::copy(&init, harness.with_file_name("bpfmap-vmtest-arm64"))?;
    let victim =
        build(&system, &["build", "--package", "bpfmap-vmtest", "--example", "victim"], true)?;
    let victim = victim.into_iter().find(|path| path.ends_with("examples/victim"));
    let victim = victim.ok_or("cargo built no victim for arm64")?;
    let tests = match extent {
        Extent::Harness => vec![],
        Extent::All => {
            let mut tests = vec![];
            for arguments in TESTS {
                tests.extend(build(&system, &[&["test", "--no-run"], *arguments].concat(), false)?);
            }
            tests
        }
    };
    matrix::finish_fetching(fetching)?;

    step("The harness on kernels for arm64");
    let mut faults = cargo();
    faults.args(["test", "--package", "bpfmap-vmtest", "--test", "arm64"]);
    run_command(faults.env("VMTEST_ARM64_VICTIM", victim))?;
    if extent == Extent::Harness {
        return Ok(());
    }

    step("The fixtures on kernels for arm64");
    let report = matrix::run_with(harness, kernels, &tests, "matrix-arm64", &["--root", ROOT])?;
    println!("\n{}", bpfmap_vmtest::report::draw(&report.tests, by_map_type));
    println!("{}", bpfmap_vmtest::report::draw(&report.tests, by_binary));
    println!("Reports: {}", report.folder.display());
    if report.green { Ok(()) } else { Err("not everything is green on arm64: see above".into()) }
}

/// Runs the system's cargo, and returns the programs that it builds for arm64. The build directory is
/// `target/arm64`.
fn build(system: &System, arguments: &[&str], is_static: bool) -> Result<Vec<PathBuf>, Error> {
    let target = root().join("target/arm64");
    let mut command: Command = system.command(&target)?;
    command.args([
        "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc",
        "CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc",
        "PKG_CONFIG_ALLOW_CROSS=1",
        "PKG_CONFIG_PATH=/usr/lib/aarch64-linux-gnu/pkgconfig",
        "CARGO_PROFILE_DEV_DEBUG=0",
    ]);
    if is_static {
        command
            .arg("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS=-Ctarget-feature=+crt-static");
    }
    command.arg("cargo").args(arguments).args(["--locked", "--target", TARGET]);
    let messages = output(command.arg("--message-format=json-render-diagnostics"))?;
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let executables = messages.filter_map(|message| {
        let path = message.get("executable")?.as_str()?.strip_prefix("/target/")?;
        Some(target.join(path))
    });
    Ok(executables.collect())
}
