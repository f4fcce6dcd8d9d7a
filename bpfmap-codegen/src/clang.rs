//! Finds the clang that compiles BPF programs on this machine.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::Path;

use crate::programs::distributions::CLANG;

pub use crate::programs::{Clang, ClangError};

/// The major version of the oldest clang that can compile the generated C.
pub(crate) const OLDEST: u32 = 14;

/// Returns the command that runs clang. The command is `$CLANG` if this variable is set. Otherwise,
/// it is the newest `clang-N` on `$PATH`, or `clang` if there is no `clang-N`.
///
/// Debian's package `clang-19` does not contain the command `clang`. A build that only tries
/// `clang` would therefore fail on a system with this package.
///
/// # Errors
///
/// Fails with [`NoClang`] if no clang is found.
///
/// # Examples
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let clang = bpfmap_codegen::clang::find()?;
/// std::process::Command::new(clang).args(["--target=bpf", "-g", "-O2", "-c", "probe.bpf.c"]).status()?;
/// # Ok(())
/// # }
/// ```
pub fn find() -> Result<OsString, NoClang> {
    let named = env::var_os("CLANG").filter(|clang| !clang.is_empty());
    named.or_else(|| newest(&env::var_os("PATH").unwrap_or_default())).ok_or(NoClang)
}

/// Returns the newest clang in the folders that `path` lists.
fn newest(path: &OsStr) -> Option<OsString> {
    let mut newest = None;
    let mut plain = false;
    for entry in
        env::split_paths(path).filter_map(|folder| folder.read_dir().ok()).flatten().flatten()
    {
        let name = entry.file_name();
        if !is_executable(&entry.path()) {
            continue;
        }
        plain |= name == "clang";
        let version = name.to_str().and_then(|name| name.strip_prefix("clang-")?.parse().ok());
        newest = newest.max(version.filter(|version: &u32| *version >= OLDEST));
    }
    match newest {
        Some(version) => Some(format!("clang-{version}").into()),
        None => plain.then(|| "clang".into()),
    }
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// The error that no clang was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoClang;

impl fmt::Display for NoClang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no clang found on `PATH`\nhelp: install clang with {CLANG}, or set `CLANG` to the path of a clang"
        )
    }
}

impl std::error::Error for NoClang {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_newest_version_is_preferred_to_the_plain_name() {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let path = env::join_paths(folders.iter().map(|folder| folder.path().to_owned())).unwrap();
        let add = |folder: usize, name: &str, mode| {
            let file = folders[folder].path().join(name);
            fs::write(&file, "").unwrap();
            fs::set_permissions(file, PermissionsExt::from_mode(mode)).unwrap();
            newest(&path)
        };
        assert_eq!(newest(&path), None);
        assert_eq!(add(0, "clang-tidy-22", 0o755), None);
        assert_eq!(add(0, "clang-13", 0o755), None, "clang 13 is too old for the generated C");
        assert_eq!(add(0, "clang", 0o755), Some("clang".into()));
        assert_eq!(add(1, "clang-22", 0o644), Some("clang".into()), "`clang-22` is not executable");
        assert_eq!(add(0, "clang-9", 0o755), Some("clang".into()));
        assert_eq!(add(1, "clang-14", 0o755), Some("clang-14".into()));
        assert_eq!(add(0, "clang-19", 0o755), Some("clang-19".into()));
    }
}
