//! The licences of a tool's dependencies, which its archive must contain.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use cargo_metadata::MetadataCommand;

use super::crates::{self, Selection};
use crate::Error;
use crate::cargo::root;

/// The names of licence files, in capital letters.
const NAMES: &[&str] = &["COPYING", "COPYRIGHT", "LICENCE", "LICENSE", "NOTICE", "UNLICENSE"];

/// Returns the licences of all third-party crates that are built into the package `tool`. For each
/// crate, the text contains the name, the version, the licence, and the licence texts in the crate.
///
/// # Errors
///
/// Fails if a crate specifies no licence, or if its files can't be read.
pub(crate) fn of(tool: &str, target: &str) -> Result<String, Error> {
    let mut command = MetadataCommand::new();
    command.current_dir(root());
    command.other_options(["--locked", "--filter-platform", target].map(str::to_owned));
    let metadata = command.exec()?;
    let mut text = format!("{tool} is built from these crates, under their licences.\n");
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let linked = crates::of(tool, target, Selection::Linked)?;
    let is_linked = |name: &str, version: String| linked.contains(&(name.to_owned(), version));
    let mut packages = metadata.packages;
    packages.retain(|package| is_linked(&package.name, package.version.to_string()));
    packages.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    for package in packages {
        let Some(source) = package.manifest_path.parent().filter(|_| package.source.is_some())
        else {
            continue;
        };
        let name = format!("{} {}", package.name, package.version);
        let licence = package.license.as_deref();
        let licence = licence.ok_or_else(|| format!("{name} specifies no licence"))?;
        writeln!(text, "\n{name}: {licence}")?;
        for file in licence_files(source.as_std_path())? {
            texts.entry(fs::read_to_string(&file)?).or_default().insert(name.clone());
        }
    }
    for (licence, names) in texts {
        let names: Vec<String> = names.into_iter().collect();
        let rule = "-".repeat(72);
        write!(text, "\n{rule}\n{}:\n\n{}\n", names.join(", "), licence.trim_end())?;
    }
    Ok(text)
}

fn licence_files(source: &Path) -> Result<Vec<std::path::PathBuf>, Error> {
    let mut files = vec![];
    for entry in fs::read_dir(source)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        if path.is_file() && NAMES.iter().any(|start| name.starts_with(start)) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
