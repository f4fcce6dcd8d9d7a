//! Errors that occur on the host, outside of a guest. One error type says what went wrong, where it
//! went wrong, and what to do about it.

use std::fmt;
use std::io;
use std::path::Path;

/// The result type of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

named! {
    /// The kind of an [`Error`]. Its name appears in reports.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    #[non_exhaustive]
    pub enum ErrorKind {
        /// The request is invalid.
        Usage = "usage",
        /// A file or a program does not exist.
        NotFound = "not-found",
        /// This user may not read or write a file, or the file system of the file is read-only.
        PermissionDenied = "permission-denied",
        /// The contents of a configuration or lock file are invalid.
        Configuration = "configuration",
        /// The program that should run as a guest's init uses a different protocol than this
        /// program.
        InitMismatch = "init-mismatch",
        /// A program needs a shared library that this machine does not have.
        MissingLibrary = "missing-library",
        /// The kernel's packages do not contain a requested kernel module.
        MissingModule = "missing-module",
        /// The Debian suite does not contain a requested package.
        MissingPackage = "missing-package",
        /// The interpreter that a program needs is missing. This is a dynamic linker, or the
        /// program that runs a script.
        MissingInterpreter = "missing-interpreter",
        /// A program or a root file system is for another processor.
        WrongArchitecture = "wrong-architecture",
        /// A root file system needs more memory than the guest can provide for it.
        RootTooLarge = "root-too-large",
        /// No kernel with the requested name is known.
        UnknownKernel = "unknown-kernel",
        /// A kernel image is damaged or has a wrong checksum.
        KernelCorrupt = "kernel-corrupt",
        /// A kernel or a package could not be fetched.
        Fetch = "fetch-failed",
        /// An archive or a container image contains something that it must not contain, such as a
        /// device, too much data, or a name that leads out of it.
        ArchiveRefused = "archive-refused",
        /// An archive is damaged or incomplete, or the file is not an archive.
        ArchiveDamaged = "archive-damaged",
        /// A root file system has changed while it was read.
        SourceChanged = "source-changed",
        /// A file in the cache has changed since it was written.
        CacheTampered = "cache-tampered",
        /// The directory of the cache can't be created or written to.
        CacheUnusable = "cache-unusable",
        /// Other users can write to the cache.
        CacheUnsafe = "cache-unsafe",
        /// A configuration or lock file could have been written by a different user.
        ConfigurationUnsafe = "configuration-unsafe",
        /// The package in the cache is not the package that the lock file pins.
        LockMismatch = "lock-mismatch",
        /// A file is neither a program in ELF format nor a script that names its interpreter.
        NotAProgram = "not-a-program",
        /// A path refers to something other than a regular file, or the directory of a root file
        /// system contains a device, a FIFO or a socket.
        NotAFile = "not-a-file",
        /// A file is larger than the limit for its kind.
        TooLarge = "too-large",
        /// Cargo is not installed.
        CargoMissing = "cargo-missing",
        /// Cargo could not build the tests.
        BuildFailed = "build-failed",
        /// None of the selected targets has tests.
        NoTestBinary = "no-test-binary",
        /// QEMU is not installed.
        QemuMissing = "qemu-missing",
        /// The program that a driver needs is not installed.
        DriverMissing = "driver-missing",
        /// QEMU lacks a feature that is needed.
        QemuTooOld = "qemu-too-old",
        /// A file system is full.
        NoDiskSpace = "no-disk-space",
        /// The user stopped the run.
        Interrupted = "interrupted",
        /// Another operation of the operating system failed.
        Io = "io",
    }

    /// Returns the name of this kind, as shown in reports.
    fn name;
}

impl ErrorKind {
    /// Returns general advice on what to do about errors of this kind. The advice of an [`Error`] is
    /// more specific.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::Usage => "read `--help`, and correct the command line",
            Self::NotFound => "check the spelling of the path or the name, or create the file",
            Self::PermissionDenied => PERMISSIONS,
            Self::Configuration => {
                "correct the configuration or lock file; the error shows the position"
            }
            Self::InitMismatch => {
                "build bpfmap-vmtest and the program that uses it from the same sources"
            }
            Self::MissingLibrary => "install the library, or link the program statically",
            Self::MissingModule => {
                "run only tests that need no module on this kernel, or write `?` after the name of the module"
            }
            Self::MissingPackage => {
                "check the spelling, search for the package on packages.debian.org, or choose another Debian suite"
            }
            Self::MissingInterpreter => {
                "add the interpreter to the guest, with `--host-programs` or in the root file system"
            }
            Self::WrongArchitecture => {
                "build the program for the guest, or select the other architecture with `--arch`"
            }
            Self::RootTooLarge => {
                "give the guest more memory with `--memory`, or use a smaller root file system"
            }
            Self::UnknownKernel => {
                "use one of the kernels that `bpfmap-vmtest kernels list` shows, or describe the kernel in bpfmap-vmtest.toml"
            }
            Self::KernelCorrupt => {
                "fetch or build the kernel again; `bpfmap-vmtest kernels prune` removes unused kernels from the cache"
            }
            Self::Fetch => {
                "check the network; choose another mirror with `--mirror` and `--security-mirror`; or fetch the kernels on \
                 another machine and copy the cache (`~/.cache/bpfmap-vmtest`). Debian's kernels can only be fetched with \
                 apt, so apt, dpkg and debian-archive-keyring must be installed. Kernels in the cache need no network: see \
                 `--offline`"
            }
            Self::ArchiveRefused => {
                "do not use the archive unless you trust its author; create it again without the part that the error names"
            }
            Self::ArchiveDamaged => "fetch or create the archive again",
            Self::SourceChanged => "repeat the run when no program writes to the source",
            Self::CacheTampered => {
                "find out which program changed the file; then remove the directory that the error names"
            }
            Self::CacheUnusable => "set XDG_CACHE_HOME to a directory that you can write to",
            Self::CacheUnsafe => "set XDG_CACHE_HOME to a directory that only you can write to",
            Self::ConfigurationUnsafe => {
                "read the file; if you trust it, copy it into your own directory; if not, use another directory"
            }
            Self::LockMismatch => {
                "find out whether the lock file or the cache has changed; to fetch the package again, remove its directory from \
                 the cache"
            }
            Self::NotAProgram => "specify a program; a script begins with `#!` and its interpreter",
            Self::NotAFile => {
                "specify the path of a regular file; remove devices, FIFOs and sockets from the directory"
            }
            Self::TooLarge => "use a smaller file, or check whether the path is the intended one",
            Self::CargoMissing => {
                "install Cargo, or use `bpfmap-vmtest matrix` with test binaries that are already built"
            }
            Self::BuildFailed => "read the compiler's messages above the error",
            Self::NoTestBinary => "select a package or target that has tests",
            Self::QemuMissing => {
                "install qemu-system-x86 (Fedora: qemu-system-x86-core); for guests for arm64, qemu-system-arm"
            }
            Self::DriverMissing => "install the program of the driver, or use the driver `guest`",
            Self::QemuTooOld => {
                "install QEMU 5.0 or newer; guests for arm64 need QEMU 8.1 or newer"
            }
            Self::NoDiskSpace => {
                "free some space, or set XDG_CACHE_HOME to a file system with free space"
            }
            Self::Interrupted => "start the run again",
            Self::Io => "read the message of the operating system in the error",
        }
    }
}

/// Advice if an operation is not permitted.
const PERMISSIONS: &str =
    "change the owner or the mode of the file, or use a file system that is not mounted read-only";

/// An error: what went wrong, where, why, and what to do about it.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    help: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// Returns an error with the given message.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), help: None, source: None }
    }

    /// Adds advice on what to do about the error.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a sentence to the advice.
    #[must_use]
    pub(crate) fn also(mut self, help: impl fmt::Display) -> Self {
        self.help = Some(match self.help.take() {
            Some(before) => format!("{before}; {help}"),
            None => help.to_string(),
        });
        self
    }

    /// Adds the cause of the error.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Puts the name of the faulty thing in front of the message. The result is, for example, "the
    /// package x: it is damaged".
    #[must_use]
    pub(crate) fn of(mut self, what: impl fmt::Display) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// Changes the kind of the error, and replaces its advice by the general advice of that kind.
    #[must_use]
    pub(crate) fn of_kind(self, kind: ErrorKind) -> Self {
        Self { kind, help: Some(kind.advice().to_owned()), ..self }
    }

    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns the advice on what to do about the error, if there is any.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// Returns the message with its causes, on one line and without the advice.
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
        // The message already includes the causes. If they were returned here, a caller that prints
        // the chain would show them twice.
        None
    }
}

/// Adds context to errors of the operating system.
pub(crate) trait Context<T> {
    /// Adds the name of the operation that failed, as in "cannot read".
    fn doing(self, what: impl fmt::Display) -> Result<T>;

    /// Adds the name of the operation that failed, and the path of the file.
    fn at(self, what: &str, path: &Path) -> Result<T>
    where
        Self: Sized,
    {
        self.doing(format_args!("{what} {}", path.display()))
    }
}

impl<T, E: Into<io::Error>> Context<T> for std::result::Result<T, E> {
    fn doing(self, what: impl fmt::Display) -> Result<T> {
        self.map_err(|error| {
            let error: io::Error = error.into();
            let kind = match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::NoDiskSpace,
                io::ErrorKind::NotFound => ErrorKind::NotFound,
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    ErrorKind::PermissionDenied
                }
                _ => return Error::new(ErrorKind::Io, format!("cannot {what}")).because(error),
            };
            Error::new(kind, format!("cannot {what}")).because(error).help(kind.advice())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_operating_system_have_names() {
        for (number, kind, message) in [
            (libc::ENOSPC, ErrorKind::NoDiskSpace, "No space left"),
            (libc::EDQUOT, ErrorKind::NoDiskSpace, ""),
            (libc::ENOENT, ErrorKind::NotFound, "No such file"),
            (libc::EACCES, ErrorKind::PermissionDenied, "Permission denied"),
            (libc::EROFS, ErrorKind::PermissionDenied, "Read-only file system"),
        ] {
            let found = io::Error::from_raw_os_error(number);
            let error = Err::<(), _>(found).at("write", Path::new("/x")).unwrap_err();
            assert_eq!(error.kind(), kind);
            let said = error.to_string();
            assert!(said.starts_with(&format!("cannot write /x: {message}")), "{said}");
            assert!(said.contains("\n  help: "), "{said}");
        }
    }
}
