//! `cargo xtask deny`: licences, sources and versions of all dependencies, compared with `deny.toml` by cargo-deny.

use crate::Error;
use crate::cargo::cargo;
use crate::step::run as run_command;
use crate::tools::path_with;

/// Runs cargo-deny. With `advisories`, this includes the checks against the database of known
/// vulnerabilities, which is fetched.
///
/// # Errors
///
/// Fails if a dependency violates `deny.toml`, or if cargo-deny can't be installed.
pub(crate) fn run(advisories: bool) -> Result<(), Error> {
    let mut command = cargo();
    command.env("PATH", path_with("deny")?);
    command.args([
        "deny",
        "--locked",
        "check",
        "--hide-inclusion-graph",
        "bans",
        "licenses",
        "sources",
    ]);
    if advisories {
        command.arg("advisories");
    }
    run_command(&mut command)
}
