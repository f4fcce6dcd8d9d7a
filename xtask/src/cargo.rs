//! Runs cargo, and finds the executables that it built.

use std::path::{Path, PathBuf};
use std::process::Command;

use bpfmap_vmtest::Binary;
use serde_json::Value;

use crate::Error;
use crate::step::output;

/// Returns the cargo that runs this program.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Returns the directory of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this crate is in a directory of the workspace")
}

/// Returns a directory with this name in the user's cache, for downloaded files.
pub(crate) fn cache(name: &str) -> Result<PathBuf, Error> {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| Some(std::env::home_dir()?.join(".cache")))
        .ok_or("cannot find a directory for the cache: set HOME or XDG_CACHE_HOME")?;
    let cache = base.join(name);
    std::fs::create_dir_all(&cache)?;
    Ok(cache)
}

/// Returns cargo's own directory, which contains the sources of dependencies and the installed
/// programs.
pub(crate) fn cargo_home() -> Result<PathBuf, Error> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    Ok(home.ok_or("cannot find cargo's directory: set HOME or CARGO_HOME")?)
}

/// An executable that cargo built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Executable {
    /// The name of the target.
    pub(crate) target: String,
    /// The path of the file.
    pub(crate) path: PathBuf,
}

/// Builds the targets that `arguments` select, and returns their programs.
pub(crate) fn build(arguments: &[&str]) -> Result<Vec<Executable>, Error> {
    Ok(executables(&messages(arguments)?))
}

/// Builds the tests that `arguments` select, and returns their binaries.
pub(crate) fn build_tests(arguments: &[&str]) -> Result<Vec<Binary>, Error> {
    Ok(bpfmap_vmtest::cargo::build_tests(root(), arguments)?)
}

/// Builds a package, and returns the directory that its build script writes to.
pub(crate) fn out_dir(package: &str) -> Result<PathBuf, Error> {
    let messages = messages(&["--package", package])?;
    let mut messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let folder = messages.find_map(|message| {
        let is_own = message.get("package_id")?.as_str()?.contains(package);
        Some(PathBuf::from(message.get("out_dir")?.as_str().filter(|_| is_own)?))
    });
    Ok(folder.ok_or_else(|| format!("{package} has no build script"))?)
}

fn messages(arguments: &[&str]) -> Result<String, Error> {
    let mut cargo = cargo();
    output(cargo.arg("build").args(arguments).arg("--message-format=json-render-diagnostics"))
}

/// Returns the programs that cargo's messages mention.
fn executables(messages: &str) -> Vec<Executable> {
    let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let executables = artifacts.filter_map(|message| {
        let path = message.get("executable")?.as_str()?;
        let target = message.get("target")?.get("name")?.as_str()?;
        Some(Executable { target: target.to_owned(), path: path.into() })
    });
    executables.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGES: &str = r#"
        {"reason":"compiler-artifact","target":{"name":"bpfmap"},"profile":{"test":false},"executable":null}
        {"reason":"compiler-artifact","target":{"name":"ratelimit"},"profile":{"test":false},"executable":"/t/ratelimit"}
        {"reason":"build-finished","success":true}
        no JSON
    "#;

    fn executable(target: &str, path: &str) -> Executable {
        Executable { target: target.to_owned(), path: path.into() }
    }

    #[test]
    fn libraries_are_no_programs() {
        assert_eq!(executables(MESSAGES), [executable("ratelimit", "/t/ratelimit")]);
    }
}
