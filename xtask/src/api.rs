//! `cargo xtask api`: compares the public interface of each crate with its list in `api/`.
//!
//! rustdoc writes the interface as JSON, whose format depends on the version of the compiler. The
//! crate `public-api` reads the format of a single version. JSON output needs an unstable option of
//! rustdoc, which the stable version accepts if `RUSTC_BOOTSTRAP` is set. This variable is set only
//! for rustdoc. If it were also set for cargo, build scripts would run again.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use public_api::Builder;

use crate::Error;
use crate::cargo::{cargo, root};
use crate::step::run as run_command;

/// The crates whose interface is subject to the rules in `docs/versions.md`.
const CRATES: &[&str] = &[
    "bpfmap",
    "bpfmap-btf",
    "bpfmap-codegen",
    "bpfmap-core",
    "bpfmap-derive",
    "bpfmap-ebpf",
    "bpfmap-fixture",
    "bpfmap-vmtest",
];

/// The Rust version whose rustdoc output `public-api` reads.
const RUST: &str = "1.95";

/// The maximum number of changed lines that are shown for a crate.
const SHOWN: usize = 20;

/// Compares the interfaces with their lists.
///
/// # Errors
///
/// Fails if an interface differs from its list, or if rustdoc fails or writes a different format.
pub(crate) fn check() -> Result<(), Error> {
    let mut changed = vec![];
    for (name, now) in interfaces()? {
        let listed = fs::read_to_string(list(name)).unwrap_or_default();
        if listed == now {
            continue;
        }
        let lost = listed.lines().filter(|line| !now.lines().any(|other| other == *line));
        let new = now.lines().filter(|line| !listed.lines().any(|other| other == *line));
        let lines = lost.map(|line| format!("-{line}")).chain(new.map(|line| format!("+{line}")));
        let lines: Vec<String> = lines.collect();
        println!("The interface of {name} has changed:");
        lines.iter().take(SHOWN).for_each(|line| println!("  {line}"));
        if lines.len() > SHOWN {
            println!("  and {} more lines", lines.len() - SHOWN);
        }
        changed.push(name);
    }
    if changed.is_empty() {
        return Ok(());
    }
    Err(format!(
        "the list in `api/` does not match the interface of {}\n  help: if the change is intended, run `cargo xtask api --bless`, and list \
         it in CHANGELOG.md",
        changed.join(", ")
    )
    .into())
}

/// Writes the lists again.
///
/// # Errors
///
/// Fails if rustdoc fails or writes a different format, or if a list can't be written.
pub(crate) fn bless() -> Result<(), Error> {
    for (name, now) in interfaces()? {
        fs::create_dir_all(root().join("api"))?;
        fs::write(list(name), now)?;
    }
    Ok(())
}

/// Returns the path of the list of a crate's interface.
fn list(name: &str) -> PathBuf {
    root().join("api").join(format!("{name}.txt"))
}

/// Returns the crates and their interfaces, one item per line.
fn interfaces() -> Result<Vec<(&'static str, String)>, Error> {
    let mut command = cargo();
    command.args(["doc", "--quiet", "--lib", "--no-deps", "--all-features"]);
    for name in CRATES {
        command.args(["--package", name]);
    }
    command.env("RUSTDOC", rustdoc()?);
    command.env("RUSTDOCFLAGS", "-Zunstable-options --output-format=json --cap-lints=allow");
    run_command(&mut command)?;
    CRATES.iter().map(|name| Ok((*name, interface(name)?))).collect()
}

fn interface(name: &str) -> Result<String, Error> {
    let json = root().join("target/doc").join(format!("{}.json", name.replace('-', "_")));
    let api = Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .build()
        .map_err(|error| {
            format!("rustdoc's JSON of {name}: {error}\n  help: run this with Rust {RUST}, or update `public-api`")
        })?;
    Ok(api.items().map(|item| format!("{item}\n")).collect::<Vec<_>>().concat())
}

/// Returns a rustdoc that accepts unstable options.
fn rustdoc() -> Result<PathBuf, Error> {
    let path = root().join("target/rustdoc-unstable");
    let program = std::env::var("RUSTDOC").unwrap_or_else(|_| "rustdoc".to_owned());
    write_program(&path, &format!("#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec {program} \"$@\"\n"))?;
    Ok(path)
}

fn write_program(path: &Path, text: &str) -> Result<(), Error> {
    if fs::read_to_string(path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    fs::write(path, text)?;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o755))?)
}
