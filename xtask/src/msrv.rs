//! `cargo xtask msrv`: builds and tests the published crates with the oldest compiler that these
//! crates support.
//!
//! Debian 13 contains Rust 1.85.1. debootstrap installs Debian's packages into a separate
//! directory, so that nothing on this machine is changed. Lints are not sufficient:
//! `incompatible_msrv` knows when each part of the standard library was added, but does not check
//! whether the compiler supports the syntax and the dependencies.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bpfmap_vmtest::kernel::Mirror;
use serde_json::Value;

use crate::Error;
use crate::cargo::{cache, cargo, cargo_home, root};
use crate::packages::{self, OLDEST_RUST, Package};
use crate::sanitize::is_root;
use crate::step::{Steps, output, run as run_command};

/// The Debian release that contains the oldest supported compiler.
const SUITE: &str = "trixie";
const COMPILER: &str = "rustc 1.85.1 ";

/// The crates that are compiled when a user builds a project with bpfmap.
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

/// A script that runs in a separate mount namespace, so that its mounts end with its last process.
/// `$1` is the directory of the system, `$2` the checkout, `$3` the build directory, and `$4`
/// cargo's directory. The command follows. Only the build directory is writable.
const ENTER: &str = r#"
set -e
system=$1 checkout=$2 target=$3 cargo=$4
shift 4
mount -t proc proc "$system/proc"
mount --rbind /dev "$system/dev"
mount --bind /sys "$system/sys"
mount -o remount,bind,ro "$system/sys"
mount --bind "$checkout" "$system/src"
mount -o remount,bind,ro "$system/src"
mount --bind "$cargo/registry" "$system/root/.cargo/registry"
mount -o remount,bind,ro "$system/root/.cargo/registry"
mount --bind "$target" "$system/target"
exec chroot "$system" /usr/bin/env --ignore-environment --chdir=/src HOME=/root PATH=/usr/bin:/bin:/usr/sbin:/sbin \
    CARGO_TARGET_DIR=/target CARGO_NET_OFFLINE=true INSTA_UPDATE=no "$@"
"#;

/// Runs `cargo xtask msrv`.
///
/// # Errors
///
/// Fails if the user is not root, if debootstrap can't be installed or fails, if the old compiler
/// rejects something, or if a test fails.
pub(crate) fn run() -> Result<(), Error> {
    if !is_root()? {
        return Err("debootstrap, mount and chroot need root, and this user is not root\n  \
                    help: run `cargo xtask msrv` as root"
            .into());
    }
    let mut steps = Steps::new(5);
    steps.next("A system with the oldest compiler");
    let system = System::ensure()?;

    steps.next("Sources of dependencies");
    run_command(cargo().args(["fetch", "--locked"]))?;

    let features = features()?;
    steps.next("Every crate with every feature");
    system.cargo("build", &features, &[])?;

    steps.next("Tests");
    let mut targets = vec!["--no-fail-fast", "--lib"];
    for test in TESTS {
        targets.extend(["--test", test]);
    }
    system.cargo("test", &features, &targets)?;

    steps.next("Examples in documentation");
    system.cargo("test", &features, &["--doc"])
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

/// A Debian system in a directory.
struct System {
    folder: PathBuf,
}

impl System {
    /// Returns the system in the cache directory, and creates it if it does not exist.
    fn ensure() -> Result<Self, Error> {
        let cache = cache("bpfmap-msrv")?;
        let system = Self { folder: cache.join(SUITE) };
        if !system.folder.exists() {
            packages::ensure(packages::BOOTSTRAP)?;
            println!("Installing in {}:", system.folder.display());
            packages::show(OLDEST_RUST);
            system.make(&cache.join(format!("{SUITE}.part")))?;
        }
        let compiler =
            output(Command::new("chroot").arg(&system.folder).args(["rustc", "--version"]))?;
        if !compiler.starts_with(COMPILER) {
            let folder = system.folder.display();
            let help = format!("remove {folder}, and run this again");
            return Err(
                format!("expected {COMPILER}in {folder}, found {compiler}  help: {help}").into()
            );
        }
        println!("{}: {}", system.folder.display(), compiler.trim_end());
        Ok(system)
    }

    /// Creates the system in `part`, and renames it when it is complete.
    fn make(&self, part: &Path) -> Result<(), Error> {
        if part.exists() {
            fs::remove_dir_all(part)?;
        }
        let names: Vec<&str> = OLDEST_RUST.iter().map(|Package { name, .. }| *name).collect();
        let mirror = Mirror::configured(None, None);
        // The mounts of debootstrap end with its namespace.
        let mut debootstrap = Command::new("unshare");
        debootstrap.args(["--mount", "debootstrap", "--variant=minbase"]);
        debootstrap.arg(format!("--include={}", names.join(",")));
        debootstrap.arg(SUITE).arg(part).arg(mirror.of(SUITE)?);
        run_command(&mut debootstrap)?;
        for folder in ["src", "target", "root/.cargo/registry"] {
            fs::create_dir_all(part.join(folder))?;
        }
        Ok(fs::rename(part, &self.folder)?)
    }

    /// Runs the system's cargo on the checkout. The build directory is `target/msrv`.
    fn cargo(&self, command: &str, features: &str, targets: &[&str]) -> Result<(), Error> {
        let target = root().join("target/msrv");
        fs::create_dir_all(&target)?;
        let home = cargo_home()?;
        let mut run = Command::new("unshare");
        run.args(["--mount", "sh", "-c", ENTER, "sh"]);
        run.args([self.folder.as_path(), root(), &target, &home]);
        run.args(["cargo", command, "--locked", "--features", features]);
        for name in CRATES {
            run.args(["--package", name]);
        }
        // The command is long, and its output contains the error.
        let failed = |_| format!("`cargo {command} {}` with {COMPILER}failed", targets.join(" "));
        Ok(run_command(run.args(targets)).map_err(failed)?)
    }
}
