//! Compares files of the cache with their digests whenever they are used. After a large file has
//! passed this comparison, the metadata of the file is stored. The file is read again only if its
//! metadata has changed.

use crate::digest::{sha256, sha256_of};
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::regular;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A file's metadata as returned by `stat`. Only root can change a file and then reset the time of
/// its last change (`ctime`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// The metadata of a file, and the digest that it had.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    sha256: String,
    #[serde(flatten)]
    file: Identity,
}

impl Stamp {
    fn new(sha256: &str, metadata: &Metadata) -> Self {
        Self { sha256: sha256.to_owned(), file: Identity::of(metadata) }
    }
}

impl Identity {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// The resolution of time stamps. If a file was last changed longer ago than this, its next change
/// gives it a different time stamp.
const YOUNG: Duration = Duration::from_secs(1);

/// Compares a file with its digest. The file is not read if it has not changed since the last
/// comparison.
///
/// # Errors
/// Fails if the digest differs, if other users can write to the file, or if it can't be read.
pub(crate) fn check(path: &Path, expected: &str) -> Result<()> {
    check_at(path, expected, SystemTime::now())
}

fn check_at(path: &Path, expected: &str, now: SystemTime) -> Result<()> {
    let file = open(path)?;
    let before = file.metadata().at("read", path)?;
    let stamp = Stamp::new(expected, &before);
    let stamp_path = stamp_path(path);
    if read_stamp(&stamp_path).as_ref() == Some(&stamp) {
        return Ok(());
    }
    let found = sha256_of(&file).at("read", path)?;
    if found != expected {
        return Err(tampered(path, expected, &found));
    }
    let age = u64::try_from(before.ctime()).ok().and_then(|seconds| {
        let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        now.duration_since(changed).ok()
    });
    let is_same = Stamp::new(expected, &file.metadata().at("read", path)?) == stamp;
    if is_same && age.is_some_and(|age| age > YOUNG + YOUNG) {
        // Without the stamp, the file is read again the next time.
        let _ = write_stamp(&stamp_path, &stamp);
    }
    Ok(())
}

/// Returns the bytes of a file, if they have this digest.
///
/// # Errors
/// Fails like [`check`], or if the file is larger than `limit`.
pub(super) fn read(path: &Path, expected: &str, limit: u64) -> Result<Vec<u8>> {
    open(path)?;
    let data = regular::read(path, limit)?;
    let found = sha256(&data);
    if found == expected { Ok(data) } else { Err(tampered(path, expected, &found)) }
}

/// Returns the text of a file of the cache.
///
/// # Errors
/// Fails if other users can write to it, or if it can't be read.
pub(super) fn text(path: &Path) -> Result<String> {
    open(path)?;
    regular::text(path)
}

/// Returns the digest of a file of the cache.
///
/// # Errors
/// Fails if other users can write to it, or if it can't be read.
pub(super) fn digest(path: &Path) -> Result<String> {
    sha256_of(open(path)?).at("read", path)
}

/// Opens a file that no other user can write to.
fn open(path: &Path) -> Result<File> {
    let file = regular::open(path)?;
    private(path, &file.metadata().at("read", path)?)?;
    Ok(file)
}

/// Checks that no other user can write to a file or a directory.
///
/// # Errors
/// Fails if its owner is not the user of this process, or if its mode lets others write.
pub(super) fn private(path: &Path, metadata: &Metadata) -> Result<()> {
    owned(path, metadata)?;
    let mode = metadata.mode() & 0o7777;
    if mode & 0o022 == 0 {
        return Ok(());
    }
    let what = format!("other users can write to {} (its mode is {mode:o})", path.display());
    Err(unsafe_cache(what, "chmod -R go-w"))
}

/// Checks that no other user owns a file, a directory or a link. The user that became root by sudo
/// is accepted as an owner, because that user can do everything that root can.
///
/// # Errors
/// Fails if its owner is a different user.
pub(super) fn owned(path: &Path, metadata: &Metadata) -> Result<()> {
    let (owner, us) = (metadata.uid(), rustix::process::geteuid().as_raw());
    let by_sudo = || std::env::var("SUDO_UID").ok()?.parse().ok();
    if owner == us || owner == 0 || us == 0 && by_sudo() == Some(owner) {
        return Ok(());
    }
    let what = format!("{} belongs to the user {owner}, not to {us}", path.display());
    Err(unsafe_cache(what, "chown -R"))
}

fn unsafe_cache(what: String, repair: &str) -> Error {
    Error::new(ErrorKind::CacheUnsafe, what).help(format!(
        "set XDG_CACHE_HOME to a directory that only you can write to, or, if you trust everything in the cache, \
         repair it with {repair}"
    ))
}

fn tampered(path: &Path, expected: &str, found: &str) -> Error {
    let message = format!(
        "{} has changed in the cache: expected the SHA-256 {expected}, found {found}",
        path.display()
    );
    let directory = path.parent().unwrap_or(path).display();
    Error::new(ErrorKind::CacheTampered, message)
        .help(format!("find out what changed it; remove {directory} to create it again"))
}

fn stamp_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".verified");
    PathBuf::from(name)
}

fn read_stamp(path: &Path) -> Option<Stamp> {
    serde_json::from_str(&text(path).ok()?).ok()
}

fn write_stamp(path: &Path, stamp: &Stamp) -> std::io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(path))?;
    file.write_all(&serde_json::to_vec(stamp)?)?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_file_is_read_again_only_if_it_has_changed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, "right").unwrap();
        let right = sha256("right");
        let later = SystemTime::now() + Duration::from_secs(9);
        check_at(&path, &right, later).unwrap();
        let stamp = read_stamp(&stamp_path(&path)).unwrap();
        assert_eq!(stamp, Stamp::new(&right, &path.metadata().unwrap()));
        check(&path, &right).unwrap();
        assert_eq!(check(&path, &sha256("other")).unwrap_err().kind(), ErrorKind::CacheTampered);

        // The owner gives the file the old size and modification time.
        let modified = path.metadata().unwrap().modified().unwrap();
        let mut file = File::options().write(true).open(&path).unwrap();
        file.write_all(b"wrong").unwrap();
        file.set_modified(modified).unwrap();
        let error = check(&path, &right).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CacheTampered);
        assert!(error.to_string().contains(&format!("expected the SHA-256 {right}, found")));
        assert_eq!(read(&path, &right, 10).unwrap_err().kind(), ErrorKind::CacheTampered);
        assert_eq!(read(&path, &sha256("wrong"), 10).unwrap(), b"wrong");
    }

    #[test]
    fn a_young_file_is_not_remembered() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, "x").unwrap();
        check(&path, &sha256("x")).unwrap();
        assert!(!stamp_path(&path).exists());
    }

    #[test]
    fn what_others_can_write_to_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, "x").unwrap();
        for mode in [0o666, 0o664, 0o646] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            for found in [check(&path, &sha256("x")).err(), text(&path).err()] {
                assert_eq!(found.unwrap().kind(), ErrorKind::CacheUnsafe, "{mode:o}");
            }
        }
        // The owner can write to the file, whatever its mode. Only root can create a file that
        // belongs to a different user.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        check(&path, &sha256("x")).unwrap();
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&path, Some(65534), None).unwrap();
            assert_eq!(check(&path, &sha256("x")).unwrap_err().kind(), ErrorKind::CacheUnsafe);
        }
    }
}
