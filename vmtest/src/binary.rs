//! A test binary and the environment that its tests run in.

use std::path::{Path, PathBuf};

/// A test binary and the environment that its tests run in. The binary is a libtest binary, or a
/// program that accepts the same options as a libtest binary.
///
/// ```
/// use bpfmap_vmtest::Binary;
///
/// let binary = Binary::at("target/debug/deps/maps-0123456789abcdef");
/// assert_eq!(binary.name, "maps");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binary {
    /// The name that reports show.
    pub name: String,
    /// The path of the file.
    pub path: PathBuf,
    /// The arguments that precede the options of a test binary. Those options are `--list --format
    /// terse [--ignored]`, or `--exact NAME --nocapture --format terse [--include-ignored]`.
    pub args: Vec<String>,
    /// The names of the tests. If this is `None`, the guest asks the binary for the names.
    pub tests: Option<Vec<String>>,
    /// The working directory of the tests, which has the same path in a guest. `None` means `/tmp`.
    /// A guest has the directory, but not the files in the directory: pass the files that the tests
    /// need with [`Matrix::files`](crate::Matrix::files).
    pub directory: Option<PathBuf>,
    /// Environment variables for the tests of this binary, in addition to the variables of all
    /// tests.
    pub env: Vec<(String, String)>,
    /// Programs that the tests run. A guest has these programs at the same paths, together with the
    /// libraries that they need.
    pub programs: Vec<PathBuf>,
    /// Directories with shared libraries. They are searched before the directories of the system.
    pub libraries: Vec<PathBuf>,
    /// Whether the binary is allowed to have no tests. Cargo builds a test binary for each target,
    /// even if the target has no tests. A matrix fails if none of its binaries has tests,
    /// regardless of this field.
    pub may_be_empty: bool,
}

impl Binary {
    /// Returns the test binary at a path. The binary is named after its file, without the hash that
    /// Cargo adds to file names.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self {
            name: name(&path),
            path,
            args: Vec::new(),
            tests: None,
            directory: None,
            env: Vec::new(),
            programs: Vec::new(),
            libraries: Vec::new(),
            may_be_empty: false,
        }
    }

    /// Returns the environment of the tests, including the variable that tells the dynamic linker
    /// where the libraries are.
    pub(crate) fn env(&self) -> Vec<(String, String)> {
        let mut env = self.env.clone();
        if !self.libraries.is_empty() {
            let folders: Vec<_> = self.libraries.iter().map(|it| it.to_string_lossy()).collect();
            let ours = std::env::var("LD_LIBRARY_PATH").ok().filter(|path| !path.is_empty());
            let path =
                folders.into_iter().chain(ours.map(Into::into)).collect::<Vec<_>>().join(":");
            env.push(("LD_LIBRARY_PATH".to_owned(), path));
        }
        env
    }
}

/// Returns the name of a test binary's file without the hash that Cargo adds.
fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    match name.rsplit_once('-') {
        Some((stem, hash))
            if hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) =>
        {
            stem.to_owned()
        }
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargos_hash_is_not_part_of_a_binarys_name() {
        assert_eq!(name(Path::new("/t/deps/maps-0123456789abcdef")), "maps");
        assert_eq!(name(Path::new("/t/deps/my-maps-0123456789abcdef")), "my-maps");
        assert_eq!(name(Path::new("my-maps")), "my-maps");
    }
}
