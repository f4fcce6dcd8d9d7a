//! Writes the additional files of `bpfmap generate` for build systems other than Cargo. The depfile
//! lists the files that the command has read. The modification time of the stamp is the time of the
//! last successful run.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bpfmap_codegen::output::{OutputError, PlannedFile, replace};
use bpfmap_schema::check::Checked;

use crate::{Failed, complain, standard_input};

/// The additional files to write.
pub(crate) struct Besides<'o> {
    /// A list of the files that were read, in the format of Make.
    pub(crate) depfile: Option<&'o Path>,
    /// An empty file, written on each run that succeeds.
    pub(crate) stamp: Option<&'o Path>,
}

impl Besides<'_> {
    /// Refuses to overwrite a file that was read or generated, and a file that is not a stamp.
    pub(crate) fn check(
        &self,
        read: &BTreeSet<&Path>,
        planned: &[PlannedFile],
    ) -> Result<(), Failed> {
        let same = |one: &Path, other: &Path| place(one) == place(other);
        for path in self.depfile.into_iter().chain(self.stamp) {
            let taken = read.iter().copied().chain(planned.iter().map(|file| file.path.as_path()));
            if taken.into_iter().any(|other| same(path, other)) {
                return Err(refuse(path, "it is a file that this command reads or generates"));
            }
        }
        match self.stamp {
            Some(stamp) if fs::metadata(stamp).is_ok_and(|there| there.len() > 0) => {
                Err(refuse(stamp, "it is not empty, and a stamp must be an empty file"))
            }
            Some(stamp) if self.depfile.is_some_and(|depfile| same(depfile, stamp)) => {
                Err(refuse(stamp, "it is also the depfile"))
            }
            _ => Ok(()),
        }
    }

    /// Writes the depfile and the stamp. The stamp is written last, because it tells the build
    /// system that all other files are complete.
    pub(crate) fn write(
        &self,
        read: &BTreeSet<&Path>,
        planned: &[PlannedFile],
    ) -> Result<(), OutputError> {
        if let Some(path) = self.depfile {
            let generated = planned.iter().map(|file| file.path.as_path());
            let targets = match self.stamp {
                Some(stamp) => escaped(stamp),
                None => generated.map(escaped).collect::<Vec<_>>().join(" "),
            };
            replace(path, depfile(&targets, read))?;
        }
        self.stamp.map_or(Ok(()), |path| replace(path, String::new()))
    }
}

/// Returns the files that schemas were read from, and `others`.
pub(crate) fn read<'s>(schemas: &'s [Checked], others: Option<&'s Path>) -> BTreeSet<&'s Path> {
    let sources = schemas.iter().flat_map(|checked| checked.schema().sources.iter());
    sources
        .map(|source| source.path.as_path())
        .filter(|path| *path != Path::new(standard_input::NAME))
        .chain(others)
        .collect()
}

/// Returns a makefile in which `targets` depend on each file of `read`. Each of these files is also
/// a target without prerequisites, so that Make does not fail if one of them is deleted.
fn depfile(targets: &str, read: &BTreeSet<&Path>) -> String {
    let (mut needs, mut alone) = (String::new(), String::new());
    for file in read.iter().map(|path| escaped(path)) {
        needs = needs + " \\\n  " + &file;
        alone = alone + "\n" + &file + ":\n";
    }
    format!("{targets}:{needs}\n{alone}")
}

/// Returns the canonical form of a path, even if the file does not exist yet.
fn place(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let within = || Some(fs::canonicalize(path.parent()?).ok()?.join(path.file_name()?));
    fs::canonicalize(&path).ok().or_else(within).unwrap_or(path)
}

fn refuse(path: &Path, why: &str) -> Failed {
    complain(&format!(
        "error: can't overwrite `{}`, because {why}: choose another file\n",
        path.display()
    ));
    Failed::Usage
}

/// Returns a path with the escapes that a makefile needs.
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
    fn make_reads_each_escaped_path_as_a_single_path() {
        assert_eq!(escaped(Path::new("a b/c#d$e")), r"a\ b/c\#d$$e");
    }
}
