//! Finds the BPF programs of a package. Cargo watches all of them, including the programs that the
//! builder does not compile.

use std::ffi::OsStr;
use std::fs::DirEntry;
use std::path::{Path, PathBuf};

/// The maximum number of files and folders to search in a package.
const MAX_ENTRIES: usize = 10_000;

/// The maximum depth of the folders to search.
const MAX_DEPTH: usize = 16;

/// Returns the BPF programs (`.bpf.c`) in the package `folder`, and the headers in the folders of
/// these programs. The paths are sorted.
///
/// The search leaves out symbolic links, hidden folders, the folder `target`, and other packages
/// inside the package. It ends after 10,000 files and folders.
pub(crate) fn of_package(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut budget = MAX_ENTRIES;
    look_into(folder, MAX_DEPTH, &mut budget, &mut found);
    found.sort_unstable();
    found
}

fn look_into(folder: &Path, depth: usize, budget: &mut usize, found: &mut Vec<PathBuf>) {
    let Ok(entries) = folder.read_dir() else { return };
    let (mut folders, mut programs, mut headers) = (Vec::new(), Vec::new(), Vec::new());
    for entry in entries.flatten() {
        let Some(left) = budget.checked_sub(1) else { break };
        *budget = left;
        let Ok(sort) = entry.file_type() else { continue };
        let name = entry.file_name();
        let ends_in = |ending: &str| name.as_encoded_bytes().ends_with(ending.as_bytes());
        if sort.is_dir() && is_of_the_package(&entry, &name) {
            folders.push(entry.path());
        } else if sort.is_file() && ends_in(".bpf.c") {
            programs.push(entry.path());
        } else if sort.is_file() && ends_in(".h") {
            headers.push(entry.path());
        }
    }
    if !programs.is_empty() {
        found.append(&mut programs);
        found.append(&mut headers);
    }
    let Some(depth) = depth.checked_sub(1) else { return };
    for folder in folders {
        look_into(&folder, depth, budget, found);
    }
}

fn is_of_the_package(folder: &DirEntry, name: &OsStr) -> bool {
    name != "target"
        && !name.as_encoded_bytes().starts_with(b".")
        && !folder.path().join("Cargo.toml").exists()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn finds_programs_and_the_headers_in_their_folders() {
        let package = tempfile::tempdir().unwrap();
        let root = package.path();
        for file in [
            "Cargo.toml",
            "src/main.rs",
            "src/probe.bpf.c",
            "src/probe.h",
            "src/bpf/net/filter.bpf.c",
            "src/bpf/other.h",
            "native/code.c",
            "native/code.h",
            "target/debug/build/old.bpf.c",
            ".git/hidden.bpf.c",
            "inner/Cargo.toml",
            "inner/theirs.bpf.c",
        ] {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        std::os::unix::fs::symlink(root, root.join("src/again")).unwrap();
        let found: Vec<String> = of_package(root)
            .iter()
            .map(|path| path.strip_prefix(root).unwrap().display().to_string())
            .collect();
        assert_eq!(found, ["src/bpf/net/filter.bpf.c", "src/probe.bpf.c", "src/probe.h"]);
    }

    #[test]
    fn folders_that_are_too_deep_are_left_out() {
        let package = tempfile::tempdir().unwrap();
        let mut folder = package.path().to_owned();
        for _ in 0..MAX_DEPTH + 2 {
            folder.push("f");
        }
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("deep.bpf.c"), "").unwrap();
        assert!(of_package(package.path()).is_empty());
        assert!(of_package(&package.path().join("nowhere")).is_empty());
    }
}
