//! Reads files with a size limit. The path of a file comes from the user or from a schema.
//!
//! A schema and its includes can be untrusted. So only regular files are opened, because opening a device or a FIFO
//! without a writer could block forever or have side effects.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// The maximum size in bytes of an object file or a kernel's BTF.
pub const MAX_OBJECT_SIZE: u64 = 64 << 20;

/// Returns the contents of the file `path`, which can have at most `limit` bytes.
///
/// # Errors
///
/// Returns an error if `path` is not a regular file, if the file is larger than `limit`, or if it can't be read.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let size = check(&fs::metadata(path)?, limit)?;
    let file = open(path)?;
    // The file could have been replaced since the previous check.
    check(&file.metadata()?, limit)?;
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(too_large(limit)) } else { Ok(bytes) }
}

/// Reads a file whose path is in another file, like [`read`]. The name of the file must have the
/// extension `extension`. If the file is a symbolic link, the name of its target must have the same
/// extension. A diagnostic shows a line of the file, so a schema must not be able to include
/// arbitrary files.
///
/// # Errors
///
/// Returns an error in the same cases as [`read`], and if the extension is different.
#[cfg(any(feature = "rust", feature = "toml"))]
pub(crate) fn read_named(path: &Path, extension: &str, limit: u64) -> io::Result<Vec<u8>> {
    if path.extension().is_none_or(|found| found != extension) {
        return Err(io::Error::other(format!("expected a file whose name ends in `.{extension}`")));
    }
    read(&followed(path)?, limit)
}

/// Reads a file whose path comes from the user, like [`read`]. The file can have any name, but the target of a symbolic
/// link must have the same extension.
///
/// # Errors
///
/// Returns an error in the same cases as [`read`], and if the file is a link to a file with a different extension.
#[cfg(any(feature = "rust", feature = "toml"))]
pub(crate) fn read_given(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    // A stream, such as `/dev/stdin`, has no extension.
    if path.extension().is_some() { read(&followed(path)?, limit) } else { read(path, limit) }
}

/// Returns the target of the link `path`, or `path` itself if it is not a link. Returns an error if
/// the target has a different extension.
#[cfg(any(feature = "rust", feature = "toml"))]
fn followed(path: &Path) -> io::Result<PathBuf> {
    let file = path.canonicalize()?;
    if file.extension() == path.extension() {
        return Ok(file);
    }
    let message = format!(
        "the file is a link to `{}`, expected a file whose name ends in `.{}`",
        file.display(),
        path.extension().unwrap_or_default().to_string_lossy()
    );
    Err(io::Error::other(message))
}

fn check(metadata: &Metadata, limit: u64) -> io::Result<u64> {
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !metadata.is_file() {
        return Err(io::Error::other(format!("expected a regular file, found {}", sort(metadata))));
    }
    if metadata.len() > limit { Err(too_large(limit)) } else { Ok(metadata.len()) }
}

fn too_large(limit: u64) -> io::Error {
    io::Error::other(format!("the file is larger than {} MiB", limit >> 20))
}

#[cfg(unix)]
fn sort(metadata: &Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt as _;
    let sort = metadata.file_type();
    if sort.is_fifo() {
        "a FIFO"
    } else if sort.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(not(unix))]
fn sort(_: &Metadata) -> &'static str {
    "a file of an unknown kind"
}

/// Opens a file without blocking.
///
/// # Errors
///
/// Returns an error if the file can't be opened.
pub fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    }
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn only_regular_files_are_read() {
        use std::os::unix::net::UnixListener;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let made = std::process::Command::new("mkfifo").arg(at("fifo")).status().unwrap();
        assert!(made.success());
        let _socket = UnixListener::bind(at("socket")).unwrap();
        let error = |path: &Path| read(path, 16).unwrap_err().to_string();
        assert_eq!(error(&at("fifo")), "expected a regular file, found a FIFO");
        assert_eq!(error(&at("socket")), "expected a regular file, found a socket");
        assert_eq!(error(Path::new("/dev/zero")), "expected a regular file, found a device");
        std::os::unix::fs::symlink("/dev/zero", at("link")).unwrap();
        assert_eq!(error(&at("link")), "expected a regular file, found a device");
        assert_eq!(error(folder.path()), "is a directory");
    }

    /// Checks the case in which a FIFO replaces a regular file just before the path is opened.
    #[cfg(unix)]
    #[test]
    fn opening_does_not_wait_for_a_writer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let (done, is_done) = std::sync::mpsc::channel();
        std::thread::spawn(move || done.send(open(&path).is_ok()));
        assert_eq!(is_done.recv_timeout(std::time::Duration::from_secs(20)), Ok(true));
    }

    #[test]
    fn files_larger_than_the_limit_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, [7; 16]).unwrap();
        assert_eq!(read(&path, 16).unwrap(), [7; 16]);
        // A sparse file needs no space on the disk.
        File::options().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
        assert_eq!(read(&path, 4 << 20).unwrap_err().to_string(), "the file is larger than 4 MiB");
        // A file for which the system reports no size.
        #[cfg(target_os = "linux")]
        assert!(read(Path::new("/proc/self/maps"), 16).is_err());
    }

    #[cfg(all(unix, feature = "toml"))]
    #[test]
    fn the_target_of_a_link_has_the_same_extension() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("real.toml"), "1").unwrap();
        symlink(at("real.toml"), at("good.toml")).unwrap();
        symlink("/proc/self/environ", at("bad.toml")).unwrap();
        assert_eq!(read_named(&at("good.toml"), "toml", 16).unwrap(), b"1");
        let expected = "`, expected a file whose name ends in `.toml`";
        for read in [read_given, |path: &Path, limit| read_named(path, "toml", limit)] {
            let error = read(&at("bad.toml"), 1 << 20).unwrap_err().to_string();
            assert!(error.ends_with(expected), "{error}");
        }
        let error = read_named(Path::new("/proc/self/environ"), "toml", 1 << 20).unwrap_err();
        assert_eq!(error.to_string(), "expected a file whose name ends in `.toml`");
    }
}
