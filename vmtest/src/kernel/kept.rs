//! Files that were extracted from untrusted archives, with a list of their digests. A file is
//! compared with its digest whenever it is used.

use super::archive::{Entry, Visits};
use crate::digest::Hasher;
use crate::error::{Context as _, Error, ErrorKind, Result};
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Files by their paths below a directory, each with the SHA-256 of its contents.
pub(crate) type List = BTreeMap<String, String>;

/// Writes files below a directory that nothing else writes to.
pub(crate) struct Keeper<'a> {
    directory: &'a Path,
    /// The digests of the files, and the layers that contained them.
    files: BTreeMap<String, (String, u32)>,
    layer: u32,
    visits: Visits,
}

impl<'a> Keeper<'a> {
    pub(crate) fn new(directory: &'a Path) -> Self {
        Self { directory, files: BTreeMap::new(), layer: 0, visits: Visits::default() }
    }

    /// Continues with the next layer of a container image.
    pub(crate) fn next_layer(&mut self) {
        self.layer += 1;
    }

    /// Applies an entry of an archive.
    pub(crate) fn take(&mut self, entry: Entry<'_>) -> Result<()> {
        match entry {
            Entry::File { path, data } => {
                if self.files.contains_key(path) {
                    let old = self.directory.join(path);
                    fs::remove_file(&old).at("remove", &old)?;
                }
                let digest = write(&self.directory.join(path), path, data)?;
                self.files.insert(path.to_owned(), (digest, self.layer));
                Ok(())
            }
            Entry::Removed { path } => {
                let layer = self.layer;
                self.visits.take(self.files.len())?;
                self.remove(|other, of| {
                    let rest = other.strip_prefix(path);
                    let is_below = rest.is_some_and(|it| it.is_empty() || it.starts_with('/'));
                    of < layer && (path.is_empty() || is_below)
                })
            }
        }
    }

    fn remove(&mut self, is: impl Fn(&str, u32) -> bool) -> Result<()> {
        let files = self.files.iter().filter(|(path, (_, layer))| is(path, *layer));
        let gone: Vec<String> = files.map(|(path, _)| path.clone()).collect();
        for path in gone {
            self.files.remove(&path);
            let path = self.directory.join(path);
            fs::remove_file(&path).at("remove", &path)?;
        }
        Ok(())
    }

    /// Returns the list of the extracted files.
    pub(crate) fn list(self) -> List {
        self.files.into_iter().map(|(path, (digest, _))| (path, digest)).collect()
    }
}

/// Writes a new file, with the directories above it. Returns its digest.
fn write(target: &Path, path: &str, data: &mut dyn Read) -> Result<String> {
    let placed = |error: io::Error| match error.kind() {
        // The same name is used for a file and for a directory.
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            Error::new(ErrorKind::ArchiveRefused, format!("{path} is both a file and a directory"))
        }
        _ => Err::<(), _>(error).at("write", target).unwrap_err(),
    };
    let parent = target.parent().unwrap_or(target);
    DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(placed)?;
    let mut options = File::options();
    let mut file = options.write(true).create_new(true).mode(0o600).open(target).map_err(placed)?;
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match data.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(count) => {
                hasher.update(&buffer[..count]);
                file.write_all(&buffer[..count]).at("write", target)?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(super::archive::damaged(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_layers_replace_and_remove_files_of_earlier_layers() {
        let directory = tempfile::tempdir().unwrap();
        let mut keeper = Keeper::new(directory.path());
        let put = |keeper: &mut Keeper<'_>, path: &str, contents: &str| {
            let mut data = contents.as_bytes();
            keeper.take(Entry::File { path, data: &mut data })
        };
        put(&mut keeper, "a/x", "1").unwrap();
        put(&mut keeper, "a/y", "1").unwrap();
        put(&mut keeper, "ab", "1").unwrap();
        keeper.next_layer();
        put(&mut keeper, "a/y", "2").unwrap();
        keeper.take(Entry::Removed { path: "a" }).unwrap();
        let error = put(&mut keeper, "ab/c", "").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ArchiveRefused, "{error}");
        let error = put(&mut keeper, "a", "").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ArchiveRefused, "{error}");
        let list = keeper.list();
        assert_eq!(list.keys().collect::<Vec<_>>(), ["a/y", "ab"]);
        assert_eq!(list["a/y"], crate::digest::sha256("2"));
        assert_eq!(fs::read(directory.path().join("a/y")).unwrap(), b"2");
        assert!(!directory.path().join("a/x").exists());
    }

    #[test]
    fn whiteouts_that_visit_too_many_files_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let mut keeper = Keeper::new(directory.path());
        for path in ["a", "b"] {
            keeper.take(Entry::File { path, data: &mut &b""[..] }).unwrap();
        }
        keeper.visits = Visits(5);
        let mut remove = || keeper.take(Entry::Removed { path: "" });
        remove().unwrap();
        remove().unwrap();
        assert_eq!(remove().unwrap_err().kind(), ErrorKind::ArchiveRefused);
    }
}
