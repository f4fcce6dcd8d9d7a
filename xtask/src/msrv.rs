//! `cargo xtask msrv`: builds and tests the published crates with the oldest compiler that these
//! crates support.
//!
//! Debian 13 contains Rust 1.85.1. Lints are not sufficient: `incompatible_msrv` knows when each part
//! of the standard library was added, but does not check whether the compiler supports the syntax and
//! the dependencies.

use serde_json::Value;

use crate::Error;
use crate::cargo::{cargo, root};
use crate::packages::OLDEST_RUST;
use crate::step::{Steps, output, run as run_command};
use crate::system::{Recipe, System};

const COMPILER: &str = "rustc 1.85.1 ";

const RECIPE: Recipe = Recipe {
    cache: "bpfmap-msrv",
    compiler: COMPILER,
    architectures: &["amd64"],
    packages: OLDEST_RUST,
    backports: &[],
};

/// The crates that are compiled when a user builds a project with bpfmap.
///
/// The list lacks `bpfmap-ebpf`, which needs Rust 1.87, like aya and aya-ebpf. A program in Rust needs
/// a nightly compiler, or a newer compiler with `RUSTC_BOOTSTRAP`.
const CRATES: &[&str] = &[
    "bpfmap",
    "bpfmap-btf",
    "bpfmap-codegen",
    "bpfmap-core",
    "bpfmap-derive",
    "bpfmap-fixture",
    "bpfmap-schema",
];

/// Features that need a newer compiler, as their documentation says.
const NEWER: &[&str] = &["bpfmap/aya"];

/// The test targets that need neither a kernel nor clang, and that do not compare messages of a
/// newer compiler. Unit tests are run as well.
const TESTS: &[&str] = &[
    "accepted",
    "accessors",
    "build_script",
    "builder",
    "evolve",
    "goldens_rust",
    "hygiene",
    "invariants",
    "migration_plan",
    "new_types",
    "rules",
    "rules_in_rust",
    "rust_cfg",
    "rust_source",
    "schemas",
    "std_traits",
    "twins",
    "user_crate",
];

/// Runs `cargo xtask msrv`.
///
/// # Errors
///
/// Fails if the user is not root, if mmdebstrap can't be installed or fails, if the old compiler
/// rejects something, or if a test fails.
pub(crate) fn run() -> Result<(), Error> {
    let mut steps = Steps::new(5);
    steps.next("A system with the oldest compiler");
    let system = System::ensure(&RECIPE)?;

    steps.next("Sources of dependencies");
    run_command(cargo().args(["fetch", "--locked"]))?;

    let features = features()?;
    steps.next("Every crate with every feature");
    run_cargo(&system, "build", &features, &[])?;

    steps.next("Tests");
    let mut targets = vec!["--no-fail-fast", "--lib"];
    for test in TESTS {
        targets.extend(["--test", test]);
    }
    run_cargo(&system, "test", &features, &targets)?;

    steps.next("Examples in documentation");
    run_cargo(&system, "test", &features, &["--doc"])
}

/// Returns the features of the crates in the form of cargo's arguments.
fn features() -> Result<String, Error> {
    let metadata = output(cargo().args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    let mut features = vec![];
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let of_package = package["features"].as_object().into_iter().flatten();
        features.extend(of_package.map(|(feature, _)| format!("{name}/{feature}")));
    }
    features.retain(|feature| {
        let package = feature.split('/').next().unwrap_or_default();
        CRATES.contains(&package) && !NEWER.contains(&feature.as_str())
    });
    Ok(features.join(","))
}

/// Runs the system's cargo on the checkout. The build directory is `target/msrv`.
fn run_cargo(
    system: &System,
    command: &str,
    features: &str,
    targets: &[&str],
) -> Result<(), Error> {
    let mut run = system.command(&root().join("target/msrv"))?;
    run.args(["cargo", command, "--locked", "--features", features]);
    for name in CRATES {
        run.args(["--package", name]);
    }
    // The command is long, and its output contains the error.
    let failed = |_| format!("`cargo {command} {}` with {COMPILER}failed", targets.join(" "));
    Ok(run_command(run.args(targets)).map_err(failed)?)
}
