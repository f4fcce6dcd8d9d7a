//! A clone of bpfmap's repository, from which a project uses the crates and the tools.

use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

use super::{MANIFEST, fail};
use crate::Failed;

/// The crates that an application depends on.
const CRATES: [&str; 2] = ["bpfmap", "bpfmap-codegen"];

/// The crates that a program in Rust depends on.
const CRATES_OF_PROGRAM: [&str; 2] = ["bpfmap", "bpfmap-ebpf"];

/// A clone of bpfmap's repository.
pub(super) struct LocalClone {
    /// The path from the folder of the project. The path is absolute if the clone and the project
    /// have no parent folder in common except the root folder.
    path: PathBuf,
}

impl LocalClone {
    /// Checks that `clone` contains the crates that the project in `folder` needs.
    pub(super) fn find(clone: &Path, folder: &Path) -> Result<Self, Failed> {
        for name in CRATES {
            if !clone.join(name).join(MANIFEST).is_file() {
                return Err(fail(&format!(
                    "`{}` is not a clone of bpfmap's repository: it has no `{name}/{MANIFEST}`",
                    clone.display()
                )));
            }
        }
        let real = |path: &Path| {
            resolved(path)
                .map_err(|error| fail(&format!("can't find `{}`: {error}", path.display())))
        };
        Ok(Self { path: path_from(&real(folder)?, &real(clone)?) })
    }

    /// Returns lines for the end of the application's manifest. They make Cargo use the crates of
    /// the clone.
    pub(super) fn patch(&self) -> String {
        patch(&self.path, &CRATES)
    }

    /// Returns these lines for the manifest of a program in Rust, which is one folder below the
    /// application's manifest.
    pub(super) fn patch_of_program(&self) -> String {
        // Joining an absolute path returns this path.
        patch(&Path::new("..").join(&self.path), &CRATES_OF_PROGRAM)
    }

    /// Returns the path as one word of a shell command.
    pub(super) fn shell_word(&self) -> String {
        let path = self.path.to_string_lossy();
        let is_plain = |sign: char| sign.is_ascii_alphanumeric() || "/._-+".contains(sign);
        if path.chars().all(is_plain) {
            path.into_owned()
        } else {
            format!("'{}'", path.replace('\'', r"'\''"))
        }
    }
}

/// Returns lines for the end of a manifest, with the path from the manifest to the clone.
fn patch(clone: &Path, crates: &[&str]) -> String {
    let mut patch = String::from("\n[patch.crates-io]\n");
    for name in crates {
        // A string of JSON is also a string of TOML.
        let krate = serde_json::Value::from(clone.join(name).to_string_lossy());
        let _ = writeln!(patch, "{name} = {{ path = {krate} }}");
    }
    patch
}

/// Returns the absolute path of a file or folder, without symbolic links. The last components can
/// be folders that do not exist yet.
fn resolved(path: &Path) -> std::io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let existing = path.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(&path);
    let absent = path.strip_prefix(existing).unwrap_or(Path::new(""));
    let existing = existing.canonicalize()?;
    // Joining an empty path would append a slash.
    Ok(if absent.as_os_str().is_empty() { existing } else { existing.join(absent) })
}

/// Returns the path that leads from the folder `from` to `to`. Returns `to` if the root folder is
/// the only folder that contains both.
fn path_from(from: &Path, to: &Path) -> PathBuf {
    let shared = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    // The root folder is the first component of both paths.
    if shared <= 1 {
        return to.to_owned();
    }
    let up = from.components().skip(shared).map(|_| Component::ParentDir);
    let path: PathBuf = up.chain(to.components().skip(shared)).collect();
    if path.as_os_str().is_empty() { PathBuf::from(".") } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_below_a_common_folder() {
        for (from, to, expected) in [
            ("/home/me/calls", "/home/me/bpfmap", "../bpfmap"),
            ("/home/me/work/calls", "/home/me/src/bpfmap", "../../src/bpfmap"),
            ("/home/me/bpfmap/calls", "/home/me/bpfmap", ".."),
            ("/home/me/calls", "/home/me/calls/bpfmap", "bpfmap"),
            ("/home/me/bpfmap", "/home/me/bpfmap", "."),
            ("/home/me/calls", "/opt/bpfmap", "/opt/bpfmap"),
            ("/calls", "/bpfmap", "/bpfmap"),
        ] {
            assert_eq!(path_from(Path::new(from), Path::new(to)), Path::new(expected), "{from}");
        }
    }

    #[test]
    fn paths_in_a_shell_are_one_word() {
        for (path, word) in [("../bpfmap", "../bpfmap"), ("/a b", "'/a b'"), ("it's", r"'it'\''s'")]
        {
            assert_eq!(LocalClone { path: PathBuf::from(path) }.shell_word(), word);
        }
    }
}
