//! Programs from crates, which are installed when they are first needed. The programs that the user
//! has installed stay unchanged.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::Error;
use crate::cargo::{cache, cargo};
use crate::step::run as run_command;

/// Returns a `PATH` on which cargo finds its command `cargo NAME`. If the command is missing, it is
/// installed in the user's cache.
///
/// # Errors
///
/// Fails if the command can't be installed.
pub(crate) fn path_with(name: &str) -> Result<OsString, Error> {
    let tools = cache("bpfmap-tools")?;
    let before = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(tools.join("bin")).chain(std::env::split_paths(&before));
    let path = std::env::join_paths(folders)?;
    let mut version = cargo();
    version.env("PATH", &path).args([name, "--version"]);
    let there = version.stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !there.is_ok_and(|status| status.success()) {
        println!("Installing cargo-{name} in {}", tools.display());
        let mut install = cargo();
        // The program runs rarely, so a short build is more important than a fast program.
        install.args(["install", "--locked", "--debug", &format!("cargo-{name}"), "--root"]);
        run_command(install.arg(&tools))?;
    }
    Ok(path)
}

/// Returns the path of the program `name` in the user's cache. If this version of the program is
/// not there yet, it is installed from the crate of the same name, without the crate's default
/// features.
///
/// # Errors
///
/// Fails if the program can't be installed.
pub(crate) fn program(name: &str, version: &str) -> Result<PathBuf, Error> {
    let tools = cache("bpfmap-tools")?;
    let program = tools.join("bin").join(name);
    let found = Command::new(&program).arg("--version").output();
    let is_it = |output: &[u8]| String::from_utf8_lossy(output).trim().ends_with(version);
    if !found.is_ok_and(|output| is_it(&output.stdout)) {
        println!("Installing {name} {version} in {}", tools.display());
        let mut install = cargo();
        install.args(["install", "--locked", "--debug", "--no-default-features", "--root"]);
        run_command(install.arg(&tools).arg(format!("{name}@{version}")))?;
    }
    Ok(program)
}
