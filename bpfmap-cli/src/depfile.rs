//! What build systems other than Cargo ask of `bpfmap generate`: a list of what was read, and a file that says when.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use bpfmap_schema::check::Checked;

use crate::schemas::STANDARD_INPUT;

/// Writes in the format of Make that `targets` depend on each file that the schemas were read from, and on `others`.
///
/// Each of these files is also a target that depends on nothing, so that Make goes on when one is removed.
pub(crate) fn write(
    path: &Path,
    targets: &[PathBuf],
    schemas: &[Checked],
    others: Option<&PathBuf>,
) -> io::Result<()> {
    let sources = schemas.iter().flat_map(|checked| checked.schema().sources.iter());
    let read: BTreeSet<&Path> = sources
        .map(|source| source.path.as_path())
        .filter(|path| *path != Path::new(STANDARD_INPUT))
        .chain(others.map(PathBuf::as_path))
        .collect();
    let read: Vec<String> = read.into_iter().map(escaped).collect();
    let targets: Vec<String> = targets.iter().map(|path| escaped(path)).collect();
    let mut text = targets.join(" ") + ":";
    for file in &read {
        text = text + " \\\n  " + file;
    }
    text.push('\n');
    for file in &read {
        text = text + "\n" + file + ":\n";
    }
    replace(path, &text)
}

/// Writes the file `path` anew, whether or not what it says changes: that it is newer than all that was read is what
/// build systems look at.
pub(crate) fn stamp(path: &Path) -> io::Result<()> {
    replace(path, "")
}

/// Writes a file whole or not at all.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new();
    // As those of any new file, whatever the process takes away of them.
    #[cfg(unix)]
    file.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = file.tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}

/// A path as Make reads it.
fn escaped(path: &Path) -> String {
    let mut escaped = String::new();
    for character in path.to_string_lossy().chars() {
        match character {
            ' ' | '#' | '\\' | ':' | '%' => escaped.extend(['\\', character]),
            '$' => escaped.push_str("$$"),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn make_reads_each_path_as_one() {
        assert_eq!(escaped(Path::new("a b/c#d$e")), r"a\ b/c\#d$$e");
    }
}
