//! Unpacks the archives that the host packed.

use crate::cpio::{Entry, Kind, Reader};
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, BufRead};
use std::os::unix::fs::{
    DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, lchown, symlink,
};
use std::path::Path;

/// Unpacks an archive below a directory, and replaces existing files.
pub(super) fn unpack(archive: impl BufRead, below: &Path) -> io::Result<()> {
    let mut reader = Reader::new(archive);
    while let Some(entry) = reader.next()? {
        let path = below.join(&entry.name);
        one(&mut reader, &entry, &path).map_err(|error| {
            io::Error::new(error.kind(), format!("cannot unpack /{}: {error}", entry.name))
        })?;
    }
    Ok(())
}

fn one(reader: &mut Reader<impl BufRead>, entry: &Entry, path: &Path) -> io::Result<()> {
    let there = path.symlink_metadata().ok();
    match entry.kind {
        Kind::Directory => {
            reader.data(entry, &mut io::sink())?;
            // An existing symbolic link to a directory is sufficient.
            if there.is_some() && path.is_dir() {
                return Ok(());
            }
            DirBuilder::new().recursive(true).mode(0o755).create(path)?;
            return set_access(entry, path, 0o755);
        }
        Kind::CharacterDevice { .. } => return Err(io::Error::other("it is a device")),
        Kind::File | Kind::Symlink => match there {
            // The path is a link on this machine and a directory in the guest. The path leads to
            // the program in both cases.
            Some(there) if there.is_dir() => return reader.data(entry, &mut io::sink()),
            // A running program keeps the old file open.
            Some(_) => fs::remove_file(path)?,
            None => {}
        },
    }
    if entry.kind == Kind::File {
        let mut options = File::options();
        let mut file = options.write(true).create_new(true).mode(entry.mode & 0o755).open(path)?;
        reader.data(entry, &mut file)?;
        set_access(entry, path, entry.mode & 0o755)
    } else {
        let mut target = Vec::new();
        reader.data(entry, &mut target)?;
        symlink(String::from_utf8(target).map_err(io::Error::other)?, path)?;
        set_owner(entry, path)
    }
}

/// Sets the owner and the mode, if they differ from the defaults.
fn set_access(entry: &Entry, path: &Path, mode: u32) -> io::Result<()> {
    set_owner(entry, path)?;
    // A change of the owner clears the setuid and setgid bits.
    if entry.mode == mode && entry.owner == (0, 0) {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(entry.mode))
}

fn set_owner(entry: &Entry, path: &Path) -> io::Result<()> {
    let (user, group) = entry.owner;
    if entry.owner == (0, 0) { Ok(()) } else { lchown(path, Some(user), Some(group)) }
}
