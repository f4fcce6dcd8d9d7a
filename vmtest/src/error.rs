//! What can go wrong on the host before or beside a guest: one type that says what, where, and
//! what to do about it.

use std::fmt;
use std::path::Path;

/// The result of what this crate does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

named! {
    /// The kind of an [`Error`]: the name a report gives it.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    #[non_exhaustive]
    pub enum ErrorKind {
        /// What was asked for makes no sense, or a file that was named is not there.
        Usage = "usage",
        /// A configuration or lock file is wrong.
        Configuration = "configuration",
        /// The program to run as a guest's init speaks another protocol than this one.
        InitMismatch = "init-mismatch",
        /// A program needs a shared library that this machine does not have.
        MissingLibrary = "missing-library",
        /// A kernel module was asked for that the kernel's packages do not have.
        MissingModule = "missing-module",
        /// A package was asked for that the suite does not have.
        MissingPackage = "missing-package",
        /// A program needs an interpreter (a dynamic linker, or the program that runs a script) that is not there.
        MissingInterpreter = "missing-interpreter",
        /// A program or a root file system is for another processor.
        WrongArchitecture = "wrong-architecture",
        /// A root file system takes more memory than the guest has for it.
        RootTooLarge = "root-too-large",
        /// No kernel by that name is known.
        UnknownKernel = "unknown-kernel",
        /// A kernel image is not what it should be.
        KernelCorrupt = "kernel-corrupt",
        /// A kernel could not be fetched.
        Fetch = "fetch-failed",
        /// An archive has what no archive of a kernel has: too much, or names that lead elsewhere.
        ArchiveRefused = "archive-refused",
        /// A file in the cache is not what was put there.
        CacheTampered = "cache-tampered",
        /// Other users can write to the cache.
        CacheUnsafe = "cache-unsafe",
        /// Another user may have put a configuration or a lock file there.
        ConfigurationUnsafe = "configuration-unsafe",
        /// The lock file pins another package than the cache has.
        LockMismatch = "lock-mismatch",
        /// What was named is something other than a regular file.
        NotAFile = "not-a-file",
        /// A file is larger than any that is needed.
        TooLarge = "too-large",
        /// Cargo is not installed.
        CargoMissing = "cargo-missing",
        /// Cargo could not build the tests.
        BuildFailed = "build-failed",
        /// Nothing that was selected has tests.
        NoTestBinary = "no-test-binary",
        /// QEMU is not installed.
        QemuMissing = "qemu-missing",
        /// The program that a driver needs is not installed.
        DriverMissing = "driver-missing",
        /// QEMU lacks something that is needed.
        QemuTooOld = "qemu-too-old",
        /// A file system is full.
        NoDiskSpace = "no-disk-space",
        /// Some other operation of the operating system failed.
        Io = "io",
    }

    /// The name that reports use.
    fn name;
}

impl ErrorKind {}

/// Something went wrong: what and where, the cause, and what to do.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    help: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error that says `message`.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), help: None, source: None }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Says first what it was that has the fault: "the package x is refused".
    #[must_use]
    pub(crate) fn of(mut self, what: impl fmt::Display) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// What kind of error it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// What went wrong with its causes, on one line and without the advice.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut text = self.message.clone();
        let mut source = self.source.as_deref().map(|error| error as &dyn std::error::Error);
        while let Some(error) = source {
            text.push_str(": ");
            text.push_str(&error.to_string());
            source = error.source();
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary())?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The message includes the causes already; a caller that prints the chain as well would
        // say them twice.
        None
    }
}

/// Gives the errors of the operating system a place.
pub(crate) trait Context<T> {
    /// Says what was being done: "cannot read".
    fn doing(self, what: impl fmt::Display) -> Result<T>;

    /// Says what was being done to which file.
    fn at(self, what: &str, path: &Path) -> Result<T>
    where
        Self: Sized,
    {
        self.doing(format_args!("{what} {}", path.display()))
    }
}

impl<T, E: Into<std::io::Error>> Context<T> for std::result::Result<T, E> {
    fn doing(self, what: impl fmt::Display) -> Result<T> {
        self.map_err(|error| {
            let error: std::io::Error = error.into();
            match error.kind() {
                std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Error::new(
                    ErrorKind::NoDiskSpace,
                    format!("cannot {what}"),
                )
                .because(error)
                .help("free some space, or set XDG_CACHE_HOME to a file system with free space"),
                _ => Error::new(ErrorKind::Io, format!("cannot {what}")).because(error),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_apart() {
        let full = std::io::Error::from_raw_os_error(28);
        let error = Err::<(), _>(full).at("write", Path::new("/x")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoDiskSpace);
        assert!(error.to_string().starts_with("cannot write /x: No space left"), "{error}");
        assert!(error.to_string().contains("\n  help: "));
    }
}
