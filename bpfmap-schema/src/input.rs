//! Reads files that a user or a schema names, up to a size limit.
//!
//! A schema and its includes may be untrusted. So only regular files are opened: a FIFO without a writer or a device
//! could block the reader forever or have side effects.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// The largest object file, or BTF of a kernel, that is read, in bytes.
pub const MAX_OBJECT_SIZE: u64 = 64 << 20;

/// Returns the contents of the file `path`, of at most `limit` bytes.
///
/// # Errors
///
/// Fails if it is not a regular file, is larger, or can't be read.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let size = check(&fs::metadata(path)?, limit)?;
    let file = open(path)?;
    // The file may have been replaced since the previous check.
    check(&file.metadata()?, limit)?;
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(too_large(limit)) } else { Ok(bytes) }
}

/// Does the same for a file that is named in another file. Its name must have this `extension`, and
/// so must the target if it is a link: a message about a file shows a line of it, which the author
/// of the schema may not be allowed to see.
///
/// # Errors
///
/// Also fails if the extension differs.
#[cfg(any(feature = "rust", feature = "toml"))]
pub(crate) fn read_named(path: &Path, extension: &str, limit: u64) -> io::Result<Vec<u8>> {
    if path.extension().is_none_or(|found| found != extension) {
        return Err(io::Error::other(format!("expected a name that ends in `.{extension}`")));
    }
    read(&followed(path)?, limit)
}

/// Does the same for a file that a user names. It may have any name, but the target of a link must have the same
/// extension.
///
/// # Errors
///
/// Fails if it is not a regular file, is larger, is a link to a name with another extension, or
/// can't be read.
#[cfg(any(feature = "rust", feature = "toml"))]
pub(crate) fn read_given(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    // A stream, such as `/dev/stdin`, has no extension.
    if path.extension().is_some() { read(&followed(path)?, limit) } else { read(path, limit) }
}

/// Returns the target of `path`, whose name has the same extension.
#[cfg(any(feature = "rust", feature = "toml"))]
fn followed(path: &Path) -> io::Result<PathBuf> {
    let file = path.canonicalize()?;
    if file.extension() == path.extension() {
        return Ok(file);
    }
    let message = format!(
        "it is a link to `{}`, expected a file whose name ends in `.{}`",
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
    io::Error::other(format!("it is larger than {} MiB", limit >> 20))
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
    "something else"
}

/// Opens a file without waiting for it.
///
/// # Errors
///
/// Fails if the file can't be opened.
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

    /// Simulates that a FIFO replaces a regular file just before the path is opened.
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
    fn no_more_than_the_limit_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, [7; 16]).unwrap();
        assert_eq!(read(&path, 16).unwrap(), [7; 16]);
        // A sparse file needs no space on the disk.
        File::options().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
        assert_eq!(read(&path, 4 << 20).unwrap_err().to_string(), "it is larger than 4 MiB");
        // A file for which the system reports no size.
        #[cfg(target_os = "linux")]
        assert!(read(Path::new("/proc/self/maps"), 16).is_err());
    }

    #[cfg(all(unix, feature = "toml"))]
    #[test]
    fn a_link_leads_to_a_file_that_is_called_alike() {
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
        assert_eq!(error.to_string(), "expected a name that ends in `.toml`");
    }
}
