//! The cache of everything that was fetched or made from it: each entry is there whole or not at
//! all, whoever is interrupted, and whoever else is at it.

use crate::error::{Context as _, Error, ErrorKind, Result};
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// The directory `bpfmap-vmtest` in the user's cache.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    root: PathBuf,
}

impl Cache {
    /// The cache in `XDG_CACHE_HOME`, or else `~/.cache`.
    pub(crate) fn open() -> Result<Self> {
        let base = std::env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .or_else(|| Some(std::env::home_dir()?.join(".cache")))
            .ok_or_else(|| {
                Error::new(ErrorKind::Usage, "there is no directory for a cache")
                    .help("set HOME or XDG_CACHE_HOME")
            })?;
        Ok(Self { root: base.join("bpfmap-vmtest") })
    }

    /// A path in the cache.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Makes a directory of the cache, if it is not there.
    pub(crate) fn directory(&self, name: &str) -> Result<PathBuf> {
        let path = self.path(name);
        fs::create_dir_all(&path).at("make the directory", &path)?;
        Ok(path)
    }

    /// Waits until no other process holds the lock of this name, and holds it until dropped.
    pub(crate) fn lock(&self, name: &str) -> Result<Lock> {
        let path = self.directory("locks")?.join(name);
        let file = File::options().create(true).append(true).open(&path).at("open", &path)?;
        flock(&file, FlockOperation::LockExclusive).at("lock", &path)?;
        Ok(Lock { _file: file })
    }
}

/// A lock that is held until it is dropped, or its process ends however it may.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Makes the directory `target` by filling another beside it and renaming that: it is there whole
/// or not at all. What an interrupted attempt left is removed first; the caller holds a lock.
pub(crate) fn fill_directory(target: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let mut unfinished = target.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = PathBuf::from(unfinished);
    remove_directory(&unfinished)?;
    fs::create_dir_all(&unfinished).at("make the directory", &unfinished)?;
    let filled =
        fill(&unfinished).and_then(|()| fs::rename(&unfinished, target).at("put in place", target));
    if filled.is_err() {
        // The first error is the one to tell.
        let _ = remove_directory(&unfinished);
    }
    filled
}

/// Removes a directory, if it is there.
pub(crate) fn remove_directory(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).at("remove", path),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_whole_or_absent() {
        let temporary = tempfile::tempdir().unwrap();
        let target = temporary.path().join("kernel");
        let failed = fill_directory(&target, |path| {
            fs::write(path.join("half"), "").unwrap();
            Err(Error::new(ErrorKind::Io, "no"))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0);

        // As if a process had been killed half-way.
        fs::create_dir(temporary.path().join("kernel.unfinished")).unwrap();
        fs::write(temporary.path().join("kernel.unfinished/half"), "").unwrap();
        fill_directory(&target, |path| fs::write(path.join("whole"), "").at("write", path))
            .unwrap();
        let names: Vec<_> =
            fs::read_dir(&target).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["whole"]);
    }
}
