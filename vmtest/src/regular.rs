//! Reads files that may come from other users: only regular files, and only up to a size limit.
//! Reading other types of files may block forever (a FIFO) or never end (`/dev/zero`).

use crate::error::{Context as _, Error, ErrorKind, Result};
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// The size limit of a text: a configuration, a lock file, a list of files.
pub(crate) const TEXT: u64 = 16 << 20;
/// The size limit of a kernel image, which may contain all its debug information.
pub(crate) const IMAGE: u64 = 2 << 30;
/// The size limit of a file that is copied to a guest, and of a module.
pub(crate) const FILE: u64 = 1 << 30;

/// Opens a regular file for reading. Symbolic links are followed.
///
/// # Errors
/// Fails if the file can't be opened, or if it is not a regular file.
pub(crate) fn open(path: &Path) -> Result<File> {
    // Without `NONBLOCK`, opening a FIFO waits for a writer. For a regular file, the flag has no
    // effect.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file: File = rustix::fs::open(path, flags, Mode::empty()).at("read", path)?.into();
    if file.metadata().at("read", path)?.is_file() {
        return Ok(file);
    }
    let message = format!("{} is not a regular file", path.display());
    Err(Error::new(ErrorKind::NotAFile, message)
        .help("specify a file, not a directory or a device"))
}

/// Returns the contents of a regular file of at most `limit` bytes.
///
/// # Errors
/// Fails like [`open`], or if the file is larger than `limit`.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let file = open(path)?;
    let size = file.metadata().at("read", path)?.len();
    if size > limit {
        return Err(too_large(path, limit));
    }
    let mut data = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    // Files in `/proc` report a size of zero.
    file.take(limit + 1).read_to_end(&mut data).at("read", path)?;
    if data.len() as u64 > limit { Err(too_large(path, limit)) } else { Ok(data) }
}

/// Returns the text of a regular file of at most [`TEXT`] bytes, or `None` if it does not exist.
///
/// # Errors
/// Fails if [`read`] fails, or if the text is not UTF-8.
pub(crate) fn text_if_there(path: &Path) -> Result<Option<String>> {
    match path.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        found => found.at("read", path)?,
    };
    text(path).map(Some)
}

/// Returns the text of a regular file of at most [`TEXT`] bytes.
///
/// # Errors
/// Fails like [`read`], or if the text is not UTF-8.
pub(crate) fn text(path: &Path) -> Result<String> {
    String::from_utf8(read(path, TEXT)?).map_err(|_| {
        Error::new(ErrorKind::Configuration, format!("{} is not UTF-8", path.display()))
    })
}

fn too_large(path: &Path, limit: u64) -> Error {
    let message = format!("{} is larger than {} MiB", path.display(), limit >> 20);
    Error::new(ErrorKind::TooLarge, message).help("check that this is the right file")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_regular_is_refused_immediately() {
        let directory = tempfile::tempdir().unwrap();
        let fifo = directory.path().join("fifo");
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, Mode::RUSR).unwrap();
        let link = directory.path().join("link");
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        for path in [fifo.as_path(), &link, Path::new("/dev/zero"), directory.path()] {
            let error = read(path, TEXT).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotAFile, "{error}");
            assert!(error.to_string().contains("is not a regular file\n  help: "), "{error}");
        }
    }

    #[test]
    fn a_file_is_read_up_to_a_size_limit() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        assert_eq!(read(&path, 4).unwrap_err().kind(), ErrorKind::TooLarge);
        // A sparse file takes no disk space, but reading it would take all memory.
        File::options().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
        assert_eq!(read(&path, IMAGE).unwrap_err().kind(), ErrorKind::TooLarge);
        // A file that reports a size of zero may have contents.
        assert_eq!(
            read(Path::new("/proc/self/mounts"), 1).unwrap_err().kind(),
            ErrorKind::TooLarge
        );
        assert_eq!(text_if_there(&directory.path().join("nothing")).unwrap(), None);
    }
}
