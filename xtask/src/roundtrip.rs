//! `cargo xtask roundtrip`: tests every stage, from C to the kernel and back, with many schemas.
//!
//! The stages are in the package `bpfmap-roundtrip`. This module builds that package. Then it runs
//! the stages with the paths of the crates to link, and with the BTF of some kernels. The programs
//! are compiled with the types of these kernels.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use bpfmap_core::MATRIX;
use bpfmap_vmtest::Kernel;
use bpfmap_vmtest::kernel::Packages;
use serde_json::Value;

use crate::cargo::{cargo, root};
use crate::step::{output, run as run_command};
use crate::{Error, packages};

/// The number of random schemas of a daily run.
const DAILY: u64 = 300;

const PACKAGES: [&str; 4] = ["--package", "bpfmap-roundtrip", "--package", "bpfmap-cli"];

/// Runs `cargo xtask roundtrip`.
///
/// # Errors
///
/// Fails if a schema fails in a stage, or if the arguments are not `[--schemas N] [--seed N]
/// [--verbose]`.
pub(crate) fn run(arguments: &[&str]) -> Result<(), Error> {
    packages::ensure(packages::BUILD_AND_BOOT)?;
    packages::ensure(packages::TESTS)?;
    let (mut schemas, mut seed, mut more) = (DAILY, 1, vec![]);
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut number = || -> Result<u64, Error> {
            let value = arguments.next().ok_or_else(|| format!("`{argument}` needs a number"))?;
            value.parse().map_err(|_| format!("expected a number, found `{value}`").into())
        };
        match *argument {
            "--schemas" => schemas = number()?,
            "--seed" => seed = number()?,
            "--verbose" => more.push("--verbose"),
            _ => return Err(format!("unknown argument `{argument}`").into()),
        }
    }
    // A run with a single schema only repeats a schema of an earlier run.
    if schemas > 1 {
        more.push("--corpus");
    }
    stages(schemas, seed, &more)
}

/// Tests the schemas of this repository and random schemas. The random numbers are the same in each
/// run, so a new failure is caused by a change of the code.
///
/// # Errors
///
/// Fails like [`run`].
pub(crate) fn daily() -> Result<(), Error> {
    stages(DAILY, 1, &["--corpus"])
}

fn stages(schemas: u64, seed: u64, more: &[&str]) -> Result<(), Error> {
    let built = Built::new()?;
    let mut command = Command::new(&built.program);
    command.current_dir(root());
    command.arg("--bpfmap").arg(&built.bpfmap);
    for (name, path) in &built.libraries {
        command.arg("--library").arg(format!("{name}={}", path.display()));
    }
    for path in &built.search {
        command.args(["--search", path]);
    }
    command.arg("--work").arg(root().join("target/roundtrip"));
    for version in [MATRIX.first(), MATRIX.last()].into_iter().flatten() {
        let name = version.to_string();
        let types = root().join("target").join(format!("vmlinux-{name}.btf"));
        fs::write(&types, Kernel::debian(&name, &Packages::configured())?.btf()?)?;
        command.arg("--kernel").arg(format!("{name}={}", types.display()));
    }
    command.args(["--schemas", &schemas.to_string(), "--seed", &seed.to_string()]);
    run_command(command.args(more))
}

/// The files that cargo built from the packages.
struct Built {
    program: PathBuf,
    /// The command `bpfmap`.
    bpfmap: PathBuf,
    /// The crates that the stages link, by name.
    libraries: Vec<(&'static str, PathBuf)>,
    /// The directories in which rustc finds the dependencies of these crates.
    search: Vec<String>,
}

impl Built {
    fn new() -> Result<Self, Error> {
        let build = ["build", "--message-format=json-render-diagnostics"];
        let text = output(cargo().args(build).args(PACKAGES))?;
        let messages: Vec<Value> =
            text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let executable = |name: &str| {
            let found = messages.iter().find_map(|message| {
                let path = message.get("executable")?.as_str()?;
                (message.get("target")?.get("name")?.as_str()? == name).then(|| path.into())
            });
            found.ok_or_else(|| format!("cargo built no {name}"))
        };
        let library = |name: &'static str| {
            let is_it = |message: &&Value| {
                let target = message.get("target");
                let named = target.and_then(|target| target.get("name")?.as_str());
                let kind = target.and_then(|target| target.get("kind")?.get(0)?.as_str());
                named == Some(name) && kind == Some("lib")
            };
            messages
                .iter()
                .filter(is_it)
                .filter_map(|message| message.get("filenames")?.as_array())
                .flatten()
                .filter_map(|file| file.as_str().map(PathBuf::from))
                .rfind(|file| file.extension().is_some_and(|extension| extension == "rlib"))
                .map(|path| (name, path))
                .ok_or_else(|| format!("cargo built no library {name}"))
        };
        let libraries = vec![library("bpfmap")?, library("bpfmap_fixture")?];
        // The libraries are in the same directory as their dependencies, because cargo built them
        // only as dependencies of the selected packages.
        let dependencies = libraries[0].1.parent().ok_or("a library has a folder")?;
        let mut search = vec![format!("dependency={}", dependencies.display())];
        let linked = messages.iter().filter_map(|message| message.get("linked_paths")?.as_array());
        search.extend(linked.flatten().filter_map(|path| path.as_str().map(str::to_owned)));
        Ok(Self {
            program: executable("bpfmap-roundtrip")?,
            bpfmap: executable("bpfmap")?,
            libraries,
            search,
        })
    }
}
