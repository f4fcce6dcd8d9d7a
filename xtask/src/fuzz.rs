//! `cargo xtask fuzz`: uses cargo-fuzz to run the readers of schemas, objects, rings and downloaded
//! files with random inputs.
//!
//! Inputs that once revealed an error are kept in `fuzz/seeds/`. The other inputs that a run starts
//! with are derived from files in the repository. New inputs that a run finds are added to
//! `fuzz/corpus/`, which is not committed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::cargo::{cargo, out_dir, root};
use crate::packages::{self, Package};
use crate::step::run as run_command;
use crate::tools::path_with;

/// A fuzz target in `fuzz/`, and the source of its first inputs.
struct Target {
    name: &'static str,
    /// The feature of `fuzz/` that builds the target.
    feature: &'static str,
    /// The maximum length of an input, in bytes.
    max_length: u32,
    seeds: fn() -> Result<Vec<PathBuf>, Error>,
}

impl Target {
    const fn new(
        name: &'static str,
        feature: &'static str,
        seeds: fn() -> Result<Vec<PathBuf>, Error>,
    ) -> Self {
        Self { name, feature, max_length: 1 << 20, seeds }
    }

    /// Returns the sanitizer to use. Safe code is only tested for panics, so a sanitizer would find
    /// no additional errors.
    fn sanitizer(&self) -> &'static str {
        if self.feature == "rings" { "address" } else { "none" }
    }
}

const TARGETS: &[Target] = &[
    Target::new("toml", "schemas", || {
        files(&["schemas", "bpfmap-codegen/tests/goldens", "bpfmap-schema/tests/rules"], ".toml")
    }),
    Target::new("rust", "schemas", || {
        files(&["schemas/rust", "bpfmap-derive/tests/ui", "bpfmap-derive/tests/expand"], ".rs")
    }),
    Target::new("btf", "schemas", objects),
    Target::new("object", "schemas", objects),
    Target { max_length: 2 << 10, ..Target::new("ring", "rings", none) },
    Target::new("archive", "files", none),
    Target {
        max_length: 16 << 10,
        ..Target::new("lock", "files", || files(&["vmtest/src/kernel"], ".lock"))
    },
    Target::new("image", "files", none),
    Target { max_length: 16 << 10, ..Target::new("wire", "files", none) },
];

/// The packages that cargo-fuzz needs besides Rust.
const PACKAGES: &[Package] =
    &[Package { name: "g++", purpose: "compiles libFuzzer, which fuzzes the readers" }];

/// The default duration of each target, in seconds.
const SECONDS: u32 = 60;

/// The time limit of one input, in seconds. On a busy machine, a long input takes some time.
const TIMEOUT: u32 = 30;

/// Runs `cargo xtask fuzz`.
///
/// # Errors
///
/// Fails if an input makes a target panic, hang or use too much memory. That input is then in
/// `fuzz/artifacts/`.
pub(crate) fn run(arguments: &[&str]) -> Result<(), Error> {
    let (seconds, names) = match arguments {
        ["--seconds", seconds, names @ ..] => {
            let number =
                seconds.parse().map_err(|_| format!("`{seconds}` is not a number of seconds"))?;
            (number, names)
        }
        names => (SECONDS, names),
    };
    if let Some(unknown) =
        names.iter().find(|name| TARGETS.iter().all(|target| target.name != **name))
    {
        let known: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        return Err(format!(
            "unknown fuzz target `{unknown}`; the targets are {}",
            known.join(", ")
        )
        .into());
    }
    let wanted = |target: &&Target| names.is_empty() || names.contains(&target.name);
    all(TARGETS.iter().filter(wanted), seconds, None)
}

/// Runs every target for this number of seconds. The random numbers are the same in each run, so
/// that a new failure is caused by a change of the code.
///
/// # Errors
///
/// Fails like [`run`].
pub(crate) fn every_target(seconds: u32) -> Result<(), Error> {
    all(TARGETS.iter(), seconds, Some(1))
}

fn all<'t>(
    targets: impl Iterator<Item = &'t Target>,
    seconds: u32,
    seed: Option<u32>,
) -> Result<(), Error> {
    packages::ensure(PACKAGES)?;
    let path = path_with("fuzz")?;
    for target in targets {
        let corpus = root().join("fuzz/corpus").join(target.name);
        let kept = root().join("fuzz/seeds").join(target.name);
        for folder in [&corpus, &kept] {
            fs::create_dir_all(folder)?;
        }
        for seed in (target.seeds)()? {
            fs::copy(&seed, corpus.join(seed_name(&seed)))?;
        }
        let mut command = cargo();
        command.env("PATH", &path);
        // Sanitizers are unstable in Rust, but every release contains them.
        command.env("RUSTC_BOOTSTRAP", "1");
        command.args(["fuzz", "run", "--sanitizer", target.sanitizer()]);
        command.args(["--features", target.feature, target.name]).args([&corpus, &kept]);
        command.args(["--", "-print_final_stats=1", "-verbosity=0"]);
        command.arg(format!("-max_total_time={seconds}"));
        command.arg(format!("-max_len={}", target.max_length));
        command.arg(format!("-timeout={TIMEOUT}"));
        command.args(seed.map(|seed| format!("-seed={seed}")));
        run_command(&mut command)?;
    }
    Ok(())
}

/// Returns the files in these directories of the repository whose names have this ending.
fn files(folders: &[&str], end: &str) -> Result<Vec<PathBuf>, Error> {
    let mut files = vec![];
    for folder in folders {
        for entry in fs::read_dir(root().join(folder))? {
            let path = entry?.path();
            if path.to_string_lossy().ends_with(end) {
                files.push(path);
            }
        }
    }
    Ok(files)
}

/// Returns no inputs. This is for targets that learn the form of their inputs quickly, or that have
/// inputs in `fuzz/seeds/`.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the functions of other targets can fail, and all have the same type"
)]
fn none() -> Result<Vec<PathBuf>, Error> {
    Ok(vec![])
}

/// Returns the programs of the fixtures.
fn objects() -> Result<Vec<PathBuf>, Error> {
    let folder = out_dir("bpfmap-fixtures")?;
    files(&[&folder.to_string_lossy()], ".fixture.bpf.o")
}

/// Returns a name that is unique across directories.
fn seed_name(seed: &Path) -> String {
    let within = seed.strip_prefix(root()).unwrap_or(seed);
    within.to_string_lossy().replace('/', "-")
}
