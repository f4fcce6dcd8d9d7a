//! `cargo xtask deny`: checks the licences, sources and versions of all dependencies with
//! cargo-deny, as configured in `deny.toml`.

use crate::Error;
use crate::cargo::cargo;
use crate::step::run as run_command;
use crate::tools::path_with;

/// Runs cargo-deny. If `advisories` is set, this function also fetches the database of known
/// vulnerabilities and checks the dependencies against it.
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
