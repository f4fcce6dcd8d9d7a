//! Creates packages of users, in which tests compile generated code.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The strict lints that a user's crate can enable.
pub(crate) const LINTS: &str = "\
#![deny(
    warnings,
    future_incompatible,
    let_underscore_drop,
    missing_debug_implementations,
    missing_docs,
    nonstandard_style,
    rust_2018_idioms,
    rust_2024_compatibility,
    rustdoc::all,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    unnameable_types,
    unreachable_pub,
    unsafe_code,
    unused,
    unused_lifetimes,
    unused_qualifications,
    unused_results
)]
";

/// Creates a package in the target directory. Its dependencies have the versions in this
/// repository's lock file, so that no other versions are downloaded. The package depends on
/// `bpfmap` with the derives, and on `dependencies`, which are lines of the manifest.
pub(crate) fn make(name: &str, dependencies: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(package.join("src")).unwrap();
    fs::copy(root.join("Cargo.lock"), package.join("Cargo.lock")).unwrap();
    let manifest = format!(
        "[package]\nname = \"{name}\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies]\nbpfmap = {{ path = '{}', default-features = false, features = [\"derive\"] }}\n{dependencies}\n\
         [profile.dev]\ndebug = false\nincremental = false\n",
        root.join("bpfmap").display(),
    );
    fs::write(package.join("Cargo.toml"), manifest).unwrap();
    package
}

/// Runs Cargo in the package with these environment variables, and returns its output. Warnings are
/// errors.
pub(crate) fn cargo(package: &Path, arguments: &[&str], variables: &[(&str, &Path)]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .args(["--offline", "--manifest-path"])
        .arg(package.join("Cargo.toml"))
        // The packages of all tests share a target directory, because they have the same
        // dependencies.
        .env("CARGO_TARGET_DIR", package.join("../layout_property/target"))
        .env_remove("RUSTFLAGS")
        .env_remove("RUSTDOCFLAGS")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {}: {errors}", arguments.join(" "));
    assert!(!errors.contains("warning"), "cargo {}: {errors}", arguments.join(" "));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
