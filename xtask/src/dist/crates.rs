//! The crates that a tool is built from.
//!
//! `cargo metadata` resolves the whole workspace together, so that the features of one package can
//! add dependencies to other packages. `cargo tree` resolves only one package, like a build of this
//! package.

use std::collections::BTreeSet;

use crate::Error;
use crate::cargo::cargo;
use crate::step::output;

/// Crates, by name and version.
pub(crate) type Crates = BTreeSet<(String, String)>;

/// A selection of crates.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Selection {
    /// The crates that are linked into the program.
    Linked,
    /// The crates that are linked into the program, and the crates that run during its build: build
    /// scripts, macros and their dependencies.
    All,
}

/// Returns the crates that the package `tool` is built from for a target, including the package
/// itself.
pub(crate) fn of(tool: &str, target: &str, selection: Selection) -> Result<Crates, Error> {
    let edges = match selection {
        Selection::Linked => "normal,no-proc-macro",
        Selection::All => "normal,build",
    };
    let mut command = cargo();
    command.args(["tree", "--locked", "--prefix", "none", "--format", "{p}", "--package", tool]);
    let tree = output(command.args(["--target", target, "--edges", edges]))?;
    Ok(tree.lines().filter_map(parse).collect())
}

/// Parses a line of `cargo tree`, such as `adler2 v2.0.1`.
fn parse(line: &str) -> Option<(String, String)> {
    let mut words = line.split_whitespace();
    let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
    Some((name.to_owned(), version.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_cargo_tree_names_a_crate() {
        let own = |name: &str, version: &str| Some((name.to_owned(), version.to_owned()));
        assert_eq!(parse("adler2 v2.0.1"), own("adler2", "2.0.1"));
        assert_eq!(parse("clap_derive v4.6.9 (proc-macro) (*)"), own("clap_derive", "4.6.9"));
        assert_eq!(parse("bpfmap v0.1.0 (/src/bpfmap)"), own("bpfmap", "0.1.0"));
        assert_eq!(parse(""), None);
    }
}
