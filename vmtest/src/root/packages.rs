//! Debian packages as a root file system. The packages are unpacked, but their installation scripts
//! are not run.

use super::base;
use super::files::{Directories, Files, Node, budget};
use crate::arch::Architecture;
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::kernel::apt::Apt;
use crate::kernel::archive::{self, Item};
use crate::kernel::{Cache, Packages, deb};
use crate::regular;
use std::io::BufReader;
use std::path::Path;

/// The packages that are always included: the directories of a system, a shell, and the programs
/// that scripts expect.
const ALWAYS: [&str; 3] = ["base-files", "coreutils", "dash"];
/// The directories that are symbolic links to directories in `/usr`.
const MERGED: [&str; 4] = ["bin", "lib", "lib64", "sbin"];
/// Documentation and other files for people, which would take a third of the memory.
const LEFT_OUT: [&str; 6] = ["bug", "doc", "info", "lintian", "locale", "man"];

/// Returns the requested packages, sorted by name.
pub(super) fn wanted(packages: &[String]) -> Vec<String> {
    let mut wanted: Vec<String> = packages.to_vec();
    wanted.extend(ALWAYS.map(str::to_owned));
    wanted.sort();
    wanted.dedup();
    wanted
}

/// Fetches packages of a suite with all their dependencies, and unpacks them. Returns the files and
/// the list of all packages.
pub(super) fn read(
    suite: &str,
    names: &[String],
    sources: &Packages,
    architecture: Architecture,
    scratch: &Path,
) -> Result<(Files, Vec<String>)> {
    let cache = Cache::open()?;
    let lock = cache.lock(&format!("root-{suite}"))?;
    sources.downloads.check(format_args!("the root file system of {suite}"))?;
    let apt = Apt::new(&cache, suite, sources, architecture)?;
    let packages = apt.resolve(&wanted(names))?;
    let mut files = Files::new(Directories::Follow);
    for directory in MERGED {
        let target = Node::Symlink(format!("usr/{directory}"));
        files.put(directory, target, (0o777, (0, 0)))?;
        files.put(&format!("usr/{directory}"), Node::Directory, (0o755, (0, 0)))?;
    }
    let mut left = budget();
    let what = format!("{} packages of {suite}", packages.len());
    apt.fetch_all(&what, &packages, (scratch, &lock), |package, path| {
        let stream = BufReader::new(regular::open(path)?);
        let mut take = |mut item: Item<'_>, left: &mut archive::Budget| {
            if is_left_out(&item.name) { Ok(()) } else { files.take(&mut item, left, false) }
        };
        deb::data(stream, |archive| archive::walk(archive, &mut left, &mut take))
            .map_err(|error| error.of(format_args!("the package {}", package.name)))?;
        std::fs::remove_file(path).at("remove", path)
    })?;
    for (path, text) in base::FILES {
        files.put_if_absent(path, Node::File(text.as_bytes().into()), 0o644)?;
    }
    files.put_if_absent("bin/sh", Node::Symlink("dash".to_owned()), 0o777)?;
    files.put_if_absent("root", Node::Directory, 0o700)?;
    let said = packages.iter().map(|package| format!("{} {}", package.name, package.version));
    Ok((files, said.collect()))
}

fn is_left_out(name: &[u8]) -> bool {
    let Ok(name) = std::str::from_utf8(name) else { return false };
    let below = name.trim_start_matches("./").strip_prefix("usr/share/");
    below.and_then(|below| below.split('/').next()).is_some_and(|it| LEFT_OUT.contains(&it))
}

/// Checks that a text can be the name of a suite. The name becomes part of paths and addresses.
///
/// # Errors
/// Fails if the text cannot be such a name.
pub(super) fn check_suite(suite: &str) -> Result<()> {
    let is_right = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if suite.starts_with(|c: char| c.is_ascii_lowercase()) && suite.chars().all(is_right) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Configuration, format!("{suite:?} can't be the name of a suite"))
        .help("write the name of a release of Debian, such as `bookworm`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documentation_is_left_out() {
        for name in ["./usr/share/doc/dash/README", "usr/share/man/man1/sh.1.gz"] {
            assert!(is_left_out(name.as_bytes()), "{name}");
        }
        for name in ["./usr/share/zoneinfo/UTC", "./usr/bin/man", "usr/share/docs"] {
            assert!(!is_left_out(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn a_name_of_a_suite_that_leads_elsewhere_is_refused() {
        for suite in ["bookworm", "bookworm-backports", "sid"] {
            check_suite(suite).unwrap();
        }
        for suite in ["", "../x", "a b", "-o", "a/b", "A"] {
            assert_eq!(check_suite(suite).unwrap_err().kind(), ErrorKind::Configuration);
        }
    }
}
