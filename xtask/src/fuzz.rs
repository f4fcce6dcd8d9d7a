//! `cargo xtask fuzz`: random inputs for what reads schemas, objects, rings and files from elsewhere, by
//! cargo-fuzz.
//!
//! Inputs that found something once are kept in `fuzz/seeds/`; the others that a run begins with are made
//! of what the repository has. What a run finds out goes on in `fuzz/corpus/`, which is not committed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::cargo::{cargo, out_dir, root};
use crate::packages::{self, Package};
use crate::step::run as run_command;
use crate::tools::path_with;

/// What is fuzzed: a target of `fuzz/`, and where its inputs are to begin from.
struct Target {
    name: &'static str,
    /// The feature of `fuzz/` that builds it.
    feature: &'static str,
    /// The longest input that is tried, in bytes.
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

    /// Returns the sanitizer that looks on. In safe code panics are what is looked for, and it would find nothing more.
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

/// What cargo-fuzz needs beside Rust.
const PACKAGES: &[Package] =
    &[Package { name: "g++", purpose: "compiles libFuzzer, which fuzzes the readers" }];

/// How long each target runs where nothing else is said, in seconds.
const SECONDS: u32 = 60;

/// How long one input may take, in seconds: on a busy machine a long one takes some.
const TIMEOUT: u32 = 30;

/// Runs `cargo xtask fuzz`.
///
/// # Errors
///
/// Fails if an input makes a target panic, hang or take too much memory; it is then in `fuzz/artifacts/`.
pub(crate) fn run(arguments: &[&str]) -> Result<(), Error> {
    let (seconds, names) = match arguments {
        ["--seconds", seconds, names @ ..] => {
            let number =
                seconds.parse().map_err(|_| format!("`{seconds}` is no number of seconds"))?;
            (number, names)
        }
        names => (SECONDS, names),
    };
    if let Some(unknown) =
        names.iter().find(|name| TARGETS.iter().all(|target| target.name != **name))
    {
        let known: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        return Err(format!(
            "nothing to fuzz is called `{unknown}`: there are {}",
            known.join(", ")
        )
        .into());
    }
    let wanted = |target: &&Target| names.is_empty() || names.contains(&target.name);
    all(TARGETS.iter().filter(wanted), seconds, None)
}

/// Runs every target for this many seconds, with the same random numbers in each run: what makes it fail is then what
/// was changed.
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
        // Sanitizers are not stable in Rust, but every release has them.
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

/// Returns the files of these folders of the repository whose names end so.
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

/// Nothing: such a target learns quickly what its inputs look like, or `fuzz/seeds/` has some.
#[expect(
    clippy::unnecessary_wraps,
    reason = "seeds of other targets can be missing, in the same place"
)]
fn none() -> Result<Vec<PathBuf>, Error> {
    Ok(vec![])
}

/// Returns the programs of the fixtures.
fn objects() -> Result<Vec<PathBuf>, Error> {
    let folder = out_dir("bpfmap-fixtures")?;
    files(&[&folder.to_string_lossy()], ".fixture.bpf.o")
}

/// Returns a name that no file of another folder has.
fn seed_name(seed: &Path) -> String {
    let within = seed.strip_prefix(root()).unwrap_or(seed);
    within.to_string_lossy().replace('/', "-")
}
