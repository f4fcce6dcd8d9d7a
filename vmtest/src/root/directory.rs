//! A directory of this machine as a root file system.

use super::files::{Directories, Files, Node, budget, is_mounted_over};
use crate::digest::Hasher;
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::regular;
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Returns a digest of the metadata (as returned by `stat`) of all files in a directory.
pub(super) fn state(directory: &Path) -> Result<String> {
    let mut hasher = Hasher::default();
    walk(directory, "", &mut |path, _, metadata| {
        let numbers = [
            metadata.ino(),
            u64::from(metadata.mode()),
            u64::from(metadata.uid()) << 32 | u64::from(metadata.gid()),
            metadata.size(),
            metadata.mtime().cast_unsigned(),
            metadata.mtime_nsec().cast_unsigned(),
            metadata.ctime().cast_unsigned(),
            metadata.ctime_nsec().cast_unsigned(),
        ];
        hasher.update(path.as_bytes());
        hasher.update(&[0]);
        for number in numbers {
            hasher.update(&number.to_le_bytes());
        }
        Ok(())
    })?;
    Ok(hasher.finish())
}

/// Reads the files of a directory. A file that belongs to the current user belongs to root in the
/// guest.
pub(super) fn read(directory: &Path) -> Result<Files> {
    let us = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let mut files = Files::new(Directories::Replace);
    let mut left = budget();
    walk(directory, "", &mut |path, place, metadata| {
        let kind = metadata.file_type();
        let node = if kind.is_dir() {
            Node::Directory
        } else if kind.is_symlink() {
            let target = place.read_link().at("read", place)?;
            let target = target.into_os_string().into_string();
            Node::Symlink(target.map_err(|_| not_text(place))?)
        } else if kind.is_file() {
            left.kept = left.kept.checked_sub(metadata.size()).ok_or_else(|| {
                let message = format!("{} has too many bytes", directory.display());
                Error::new(ErrorKind::TooLarge, message).help(
                    "a root file system can have at most 4 GiB; check that this is the right directory",
                )
            })?;
            Node::File(regular::read(place, regular::FILE)?.into())
        } else {
            // A device, a FIFO or a socket is useless without its kernel object.
            let message = format!("{} is not a file, a directory or a link", place.display());
            return Err(Error::new(ErrorKind::NotAFile, message).help("remove it"));
        };
        let user = if metadata.uid() == us.0 { 0 } else { metadata.uid() };
        let group = if metadata.gid() == us.1 { 0 } else { metadata.gid() };
        files.put(path, node, (metadata.mode() & 0o7777, (user, group)))
    })?;
    Ok(files)
}

/// Visits everything below a directory, in the order of the names and without following links. The
/// callback receives the path relative to the directory, the path on this machine, and the
/// metadata.
fn walk(
    directory: &Path,
    below: &str,
    visit: &mut dyn FnMut(&str, &Path, &Metadata) -> Result<()>,
) -> Result<()> {
    let entries = directory.read_dir().at("list", directory)?;
    let mut entries = entries.collect::<std::io::Result<Vec<_>>>().at("list", directory)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let place = entry.path();
        let name = entry.file_name();
        let name = std::str::from_utf8(name.as_bytes()).map_err(|_| not_text(&place))?;
        let path = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
        if is_mounted_over(&path) {
            continue;
        }
        let metadata = place.symlink_metadata().at("find", &place)?;
        visit(&path, &place, &metadata)?;
        if metadata.is_dir() {
            walk(&place, &path, visit)?;
        }
    }
    Ok(())
}

fn not_text(path: &Path) -> Error {
    Error::new(ErrorKind::Usage, format!("the path {} is not UTF-8", path.display()))
        .help("rename or remove it")
}
