//! Finds the clang that compiles BPF programs on this machine.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::Path;

use crate::programs::distributions::CLANG;

pub use crate::programs::{Clang, ClangError};

/// The oldest clang whose BTF the generated C is for.
pub(crate) const OLDEST: u32 = 14;

/// Returns the clang command: `$CLANG` if that is set, or else the newest `clang-N` on `$PATH`, or else `clang`.
///
/// Debian installs `clang-19` without the command `clang`, so a build that only uses `clang` fails although there is a
/// compiler.
///
/// # Errors
///
/// Fails with [`NoClang`] if there is none.
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

/// Returns the newest clang in the folders of `path`.
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

/// No clang was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoClang;

impl fmt::Display for NoClang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no clang found on `PATH`\nhelp: install it with {CLANG}, or set `CLANG` to the path of one"
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
    fn the_newest_version_goes_before_the_plain_name() {
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
        assert_eq!(add(0, "clang-13", 0o755), None, "too old for what is generated");
        assert_eq!(add(0, "clang", 0o755), Some("clang".into()));
        assert_eq!(add(1, "clang-22", 0o644), Some("clang".into()), "it can't be run");
        assert_eq!(add(0, "clang-9", 0o755), Some("clang".into()));
        assert_eq!(add(1, "clang-14", 0o755), Some("clang-14".into()));
        assert_eq!(add(0, "clang-19", 0o755), Some("clang-19".into()));
    }
}
