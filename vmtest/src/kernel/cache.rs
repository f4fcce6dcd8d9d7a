//! The cache of fetched files, and of files that were made from fetched files. Each entry is either
//! complete or absent, even if a process is interrupted or other processes use the cache at the
//! same time.

use super::verified::{owned, private};
use crate::error::{Context as _, Error, ErrorKind, Result};
use rustix::fs::{FlockOperation, flock};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The directory `bpfmap-vmtest` in the user's cache. No other user can write to this directory.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    root: PathBuf,
}

/// The caches that this process uses, each with the lock that marks it as in use.
static IN_USE: Mutex<BTreeMap<PathBuf, File>> = Mutex::new(BTreeMap::new());

impl Cache {
    /// Opens the cache in `XDG_CACHE_HOME`, or else in `~/.cache`. From then on, [`Cache::alone`]
    /// in other processes waits until this process ends.
    ///
    /// # Errors
    /// Fails if other users can write to the directory, or if it can't be created.
    pub(crate) fn open() -> Result<Self> {
        let base = std::env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .or_else(|| Some(std::env::home_dir()?.join(".cache")))
            .ok_or_else(|| {
                Error::new(ErrorKind::Usage, "cannot determine the directory for the cache")
                    .help("set HOME or XDG_CACHE_HOME")
            })?;
        Self::at(&base).map_err(|error| match error.kind() {
            ErrorKind::Io | ErrorKind::NotFound | ErrorKind::PermissionDenied => {
                error.of("the cache is not usable").of_kind(ErrorKind::CacheUnusable)
            }
            _ => error,
        })
    }

    pub(super) fn at(base: &Path) -> Result<Self> {
        fs::create_dir_all(base).at("make the directory", base)?;
        no_one_replaces(base)?;
        let cache = Self { root: base.join("bpfmap-vmtest") };
        make_private(&cache.root)?;
        let mut in_use = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
        if !in_use.contains_key(&cache.root) {
            let (path, file) = cache.lock_file("in-use")?;
            if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
                // No other process uses the cache, so the processes that were filling these
                // directories have been killed.
                remove_unfinished(&cache.root, DEEPEST_UNFINISHED);
            }
            flock(&file, FlockOperation::LockShared).at("lock", &path)?;
            in_use.insert(cache.root.clone(), file);
        }
        Ok(cache)
    }

    /// Waits until no other process uses the cache, and then runs a function while other processes
    /// cannot use the cache. Calls `is_waited_for` first if another process uses the cache.
    pub(crate) fn alone<T>(
        &self,
        is_waited_for: impl FnOnce(),
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let in_use = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = in_use.get(&self.root).expect("a cache that was opened is in use");
        // The clone is the same lock. Only the mode of the lock changes.
        let ours = ours.try_clone().doing("share a lock")?;
        drop(in_use);
        if flock(&ours, FlockOperation::NonBlockingLockExclusive).is_err() {
            is_waited_for();
            flock(&ours, FlockOperation::LockExclusive).at("lock", &self.root)?;
        }
        let done = work();
        flock(&ours, FlockOperation::LockShared).at("lock", &self.root)?;
        done
    }

    /// Returns a path in the cache.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Creates a directory of the cache if it does not exist.
    ///
    /// # Errors
    /// Fails if the directory can't be created, or if other users can write to it or to a parent
    /// directory.
    pub(crate) fn directory(&self, name: &str) -> Result<PathBuf> {
        let mut path = self.root.clone();
        for part in Path::new(name) {
            path.push(part);
            make_private(&path)?;
        }
        Ok(path)
    }

    /// Waits until no other process holds the lock with this name. The lock is held until the
    /// returned value is dropped.
    pub(crate) fn lock(&self, name: &str) -> Result<Lock> {
        let (path, file) = self.lock_file(name)?;
        flock(&file, FlockOperation::LockExclusive).at("lock", &path)?;
        Ok(Lock { file })
    }

    fn lock_file(&self, name: &str) -> Result<(PathBuf, File)> {
        let path = self.directory("locks")?.join(name);
        let file = File::options().create(true).append(true).open(&path).at("open", &path)?;
        Ok((path, file))
    }
}

/// Creates a directory that only this user may open, if it does not exist.
fn make_private(path: &Path) -> Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(error).at("make the directory", path)
        }
        _ => {
            let metadata = path.symlink_metadata().at("find", path)?;
            if metadata.is_symlink() {
                owned(path, &metadata)?;
            }
            private(path, &path.metadata().at("find", path)?)
        }
    }
}

/// Checks that no other user can replace a directory in `base`. If all users may write to `base`,
/// as in `/tmp`, the sticky bit must prevent the replacement.
fn no_one_replaces(base: &Path) -> Result<()> {
    let metadata = base.metadata().at("find", base)?;
    owned(base, &metadata)?;
    let mode = metadata.mode();
    if mode & 0o002 == 0 || mode & 0o1000 != 0 {
        return Ok(());
    }
    let message = format!("all users can write to {} (its mode is {mode:o})", base.display());
    Err(Error::new(ErrorKind::CacheUnsafe, message)
        .help("set XDG_CACHE_HOME to a directory that only you can write to"))
}

/// A lock that is held until it is dropped or its process ends in any way.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    /// Shares the lock with a program. The lock file becomes the program's standard input, so the
    /// program must not read input. If this process is killed, the lock is held until the program
    /// has ended.
    pub(crate) fn share_with(&self, command: &mut Command) -> Result<()> {
        let file = self.file.try_clone().doing("share a lock")?;
        command.stdin(Stdio::from(file));
        Ok(())
    }
}

/// The text that follows a directory's name until the directory is complete.
pub(crate) const UNFINISHED: &str = ".unfinished-";

/// The number of directories between the cache and the deepest directory that is filled, as in
/// `debian/6.12/6.12.1-1`.
const DEEPEST_UNFINISHED: u32 = 3;

/// Removes the unfinished directories in a directory and in its subdirectories up to a depth. Links
/// are not followed, because a different cache may use the same directory.
fn remove_unfinished(directory: &Path, depth: u32) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().contains(UNFINISHED) {
            // The next process that opens the cache tries it again.
            let _ = fs::remove_dir_all(entry.path());
        } else if depth > 0 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_unfinished(&entry.path(), depth - 1);
        }
    }
}

/// Creates the directory `target`: fills a temporary directory next to `target`, and then renames
/// it. `target` is therefore either complete or absent. Leftovers of interrupted attempts are
/// removed first. The caller must hold a lock.
pub(crate) fn fill_directory(target: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let parent = target.parent().unwrap_or(target);
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(UNFINISHED);
    for entry in fs::read_dir(parent).at("list", parent)?.flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(name.as_encoded_bytes()) {
            // A killed program may still write to its directory, so an error is ignored. The
            // temporary directory of this process has a different name.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    let unfinished = tempfile::Builder::new()
        .prefix(&name)
        .permissions(PermissionsExt::from_mode(0o700))
        .tempdir_in(parent)
        .at("make a directory in", parent)?;
    let path = unfinished.path().to_owned();
    being_filled().insert(path.clone());
    let filled = fill(&path);
    // From here on, this function itself removes the directory or renames it.
    being_filled().remove(&path);
    filled?;
    let unfinished = unfinished.keep();
    let renamed = fs::rename(&unfinished, target).at("put in place", target);
    if renamed.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_dir_all(&unfinished);
    }
    renamed
}

/// The temporary directories that this process fills.
static BEING_FILLED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn being_filled() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    BEING_FILLED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes the temporary directories that this process fills, because the process is about to end
/// without having filled them.
pub(crate) fn discard_unfinished() {
    for directory in std::mem::take(&mut *being_filled()) {
        // The next process that fills the same directory removes what is left of this one.
        let _ = fs::remove_dir_all(directory);
    }
}

/// Removes the file or directory at a path, if there is one.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match path.symlink_metadata() {
        Ok(metadata) if !metadata.is_dir() => fs::remove_file(path).at("remove", path),
        _ => remove_directory(path),
    }
}

/// Removes a directory, if it exists.
pub(crate) fn remove_directory(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).at("remove", path),
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

        // This is what a killed process leaves behind.
        let left = temporary.path().join("kernel.unfinished-x");
        fs::create_dir(&left).unwrap();
        fs::write(left.join("half"), "").unwrap();
        fill_directory(&target, |path| fs::write(path.join("whole"), "").at("write", path))
            .unwrap();
        let names: Vec<_> =
            fs::read_dir(&target).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["whole"]);
        assert!(!left.exists());
    }

    #[test]
    fn directories_of_killed_processes_are_removed_when_nothing_else_uses_the_cache() {
        let temporary = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let path = temporary.path().join("bpfmap-vmtest").join(name);
            DirBuilder::new().recursive(true).mode(0o700).create(&path).unwrap();
            fs::write(path.join("half"), "").unwrap();
            path
        };
        let names = ["roots/x.unfinished-a", "debian/6.12/x.unfinished-b", "debian/6.12/whole"];
        let [root, kernel, whole] = names.map(make);
        let path = temporary.path().join("bpfmap-vmtest/locks");
        DirBuilder::new().mode(0o700).create(&path).unwrap();
        let in_use = File::create(path.join("in-use")).unwrap();
        // Another process uses the cache.
        flock(&in_use, FlockOperation::LockShared).unwrap();
        Cache::at(temporary.path()).unwrap();
        assert!(root.exists() && kernel.exists());
        // Opening the cache again in the same process changes nothing, so the entry is removed.
        IN_USE.lock().unwrap().remove(&temporary.path().join("bpfmap-vmtest"));
        drop(in_use);
        Cache::at(temporary.path()).unwrap();
        assert!(!root.exists() && !kernel.exists() && whole.exists());
    }

    #[test]
    fn a_cache_that_others_can_write_to_is_refused() {
        let temporary = tempfile::tempdir().unwrap();
        let base = temporary.path().join("cache");
        let cache = Cache::at(&base).unwrap();
        cache.directory("debian/6.12").unwrap();
        for name in ["", "debian", "debian/6.12"] {
            let path = cache.path(name);
            assert_eq!(path.metadata().unwrap().mode() & 0o7777, 0o700);
            for mode in [0o777, 0o770, 0o702] {
                fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
                let found = Cache::at(&base).and_then(|cache| cache.directory("debian/6.12"));
                assert_eq!(found.unwrap_err().kind(), ErrorKind::CacheUnsafe, "{name} {mode:o}");
            }
            fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        }
        for (mode, is_right) in [(0o777, false), (0o1777, true), (0o775, true)] {
            fs::set_permissions(&base, PermissionsExt::from_mode(mode)).unwrap();
            assert_eq!(Cache::at(&base).is_ok(), is_right, "{mode:o}");
        }
        let open_to_all = tempfile::tempdir().unwrap();
        fs::set_permissions(open_to_all.path(), PermissionsExt::from_mode(0o777)).unwrap();
        std::os::unix::fs::symlink(open_to_all.path(), cache.path("images")).unwrap();
        assert_eq!(cache.directory("images").unwrap_err().kind(), ErrorKind::CacheUnsafe);
        // A home directory may contain symbolic links to directories on a larger disk.
        fs::set_permissions(open_to_all.path(), PermissionsExt::from_mode(0o700)).unwrap();
        cache.directory("images").unwrap();
        // The owner of a link can change its target at any time. Only root can create a link that
        // belongs to a different user.
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::lchown(cache.path("images"), Some(65534), None).unwrap();
            assert_eq!(cache.directory("images").unwrap_err().kind(), ErrorKind::CacheUnsafe);
        }
    }

    #[test]
    fn a_lock_is_held_until_the_program_that_shares_it_has_ended() {
        let temporary = tempfile::tempdir().unwrap();
        let cache = Cache::at(temporary.path()).unwrap();
        let lock = cache.lock("x").unwrap();
        let mut command = Command::new("sleep");
        lock.share_with(command.arg("1000")).unwrap();
        let mut child = command.spawn().unwrap();
        drop((lock, command));
        let (_, other) = cache.lock_file("x").unwrap();
        assert!(flock(&other, FlockOperation::NonBlockingLockExclusive).is_err());
        child.kill().unwrap();
        child.wait().unwrap();
        flock(&other, FlockOperation::NonBlockingLockExclusive).unwrap();
    }
}
