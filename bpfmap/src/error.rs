//! What can go wrong.

use crate::sys::{ENOTSUPP, Errno};
use core::fmt;
use std::io;

/// A `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// Why an operation failed: the operation, the map, and the kernel's errno or the difference that opening found.
///
/// A key that is absent is no error: look-ups give `Ok(None)`, deletions `Ok(false)`.
pub struct Error(Repr);

enum Repr {
    Os { operation: Operation, map: &'static str, errno: i32 },
    Told(Box<Told>),
}

struct Told {
    operation: Operation,
    map: String,
    errno: i32,
    kind: ErrorKind,
    text: String,
    source: Option<io::Error>,
}

/// What a program may want to tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The kernel, or this map type on this kernel, lacks the operation (`ENOTSUPP`, `EOPNOTSUPP`, `ENOSYS`).
    Unsupported,
    /// A privilege or a limit is missing, or the map or its descriptor is read-only or write-only (`EPERM`, `EACCES`).
    PermissionDenied,
    /// [`UpdateMode::NoExist`](crate::UpdateMode::NoExist) met a present key (`EEXIST`).
    Exists,
    /// [`UpdateMode::Exist`](crate::UpdateMode::Exist) met an absent key; no such map, path or id (`ENOENT`).
    NotFound,
    /// The object has the map, and the program that loaded it did not create the map (libbpf's
    /// `bpf_map__set_autocreate`).
    NotCreated,
    /// The map is full, or the index is out of range (`E2BIG`, `ENOSPC`).
    Full,
    /// The kernel has no memory left for it (`ENOMEM`).
    OutOfMemory,
    /// The map is not what the schema says.
    Mismatch,
    /// `/sys/devices/system/cpu/possible` does not list the CPUs that the kernel keeps values of: see
    /// [`possible_cpus`](crate::possible_cpus).
    PossibleCpus,
    /// The map kept changing so much that a walk could not reach its end.
    Disturbed,
    /// Another process, or another library in this one, uses a ring that this handle uses, and has moved its position.
    Contended,
    /// The memory of a ring holds positions or records that no kernel writes.
    Corrupted,
    /// Anything else: [`Error::errno`] tells.
    Other,
}

/// The operation that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each variant is named like the method that failed")]
pub enum Operation {
    Open,
    Create,
    Preflight,
    LoadBtf,
    Info,
    Pin,
    Unpin,
    Freeze,
    Clone,
    Lookup,
    Update,
    Delete,
    Take,
    NextKey,
    LookupBatch,
    UpdateBatch,
    DeleteBatch,
    TakeBatch,
    Push,
    Pop,
    Peek,
    Mmap,
    OpenPerfEvent,
    Wait,
    Read,
    PossibleCpus,
    Migrate,
}

impl Operation {
    /// In words, for a message.
    fn text(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Create => "create",
            Self::Preflight => "create the maps",
            Self::LoadBtf => "load the BTF of",
            Self::Info => "get the info of",
            Self::Pin => "pin",
            Self::Unpin => "unpin",
            Self::Freeze => "freeze",
            Self::Clone => "clone the descriptor of",
            Self::Lookup => "look up in",
            Self::Update => "update",
            Self::Delete => "delete from",
            Self::Take => "look up and delete in",
            Self::NextKey => "get the next key of",
            Self::LookupBatch => "look up a batch in",
            Self::UpdateBatch => "update a batch in",
            Self::DeleteBatch => "delete a batch from",
            Self::TakeBatch => "look up and delete a batch in",
            Self::Push => "push to",
            Self::Pop => "pop from",
            Self::Peek => "peek at",
            Self::Mmap => "map into memory",
            Self::OpenPerfEvent => "open a perf event for",
            Self::Wait => "wait for",
            Self::Read => "read from",
            Self::PossibleCpus => "learn the possible CPUs",
            Self::Migrate => "migrate",
        }
    }
}

impl Error {
    /// A refusal by the kernel.
    #[cold]
    #[inline(never)]
    pub(crate) fn os(operation: Operation, map: &'static str, errno: i32) -> Self {
        Self(Repr::Os { operation, map, errno })
    }

    /// A refusal by the kernel, from its [`Errno`].
    #[cold]
    #[inline(never)]
    pub(crate) fn from_errno(operation: Operation, map: &'static str, errno: Errno) -> Self {
        Self::os(operation, map, errno.0)
    }

    /// A refusal with a story: `errno` is 0 where no system call failed.
    #[cold]
    pub(crate) fn told(
        operation: Operation,
        map: &str,
        kind: ErrorKind,
        errno: i32,
        text: String,
    ) -> Self {
        let map = map.to_owned();
        Self(Repr::Told(Box::new(Told { operation, map, errno, kind, text, source: None })))
    }

    /// What another library failed with: a system call, or something of its own, which becomes the
    /// [`source`](core::error::Error::source).
    #[cold]
    pub(crate) fn caused(operation: Operation, map: &str, error: io::Error) -> Self {
        if let Some(errno) = error.raw_os_error() {
            return Self::refused(operation, map, Errno(errno), String::new());
        }
        let mut caused = Self::told(operation, map, ErrorKind::Other, 0, String::new());
        if let Repr::Told(told) = &mut caused.0 {
            told.source = Some(error);
        }
        caused
    }

    /// A refusal by the kernel, and what it was about; an empty text adds nothing.
    #[cold]
    pub(crate) fn refused(operation: Operation, map: &str, errno: Errno, text: String) -> Self {
        Self::told(operation, map, kind_of(errno.0), errno.0, text)
    }

    /// The operation that failed.
    #[must_use]
    pub fn operation(&self) -> Operation {
        match &self.0 {
            Repr::Os { operation, .. } => *operation,
            Repr::Told(told) => told.operation,
        }
    }

    /// The name of the map, as the schema has it.
    #[must_use]
    pub fn map(&self) -> &str {
        match &self.0 {
            Repr::Os { map, .. } => map,
            Repr::Told(told) => &told.map,
        }
    }

    /// The errno of the system call that failed; `None` where none did. 524 is the kernel's `ENOTSUPP`.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        match &self.0 {
            Repr::Os { errno, .. } => Some(*errno),
            Repr::Told(told) => (told.errno != 0).then_some(told.errno),
        }
    }

    /// What a program may want to tell apart.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match &self.0 {
            Repr::Os { errno, .. } => kind_of(*errno),
            Repr::Told(told) => told.kind,
        }
    }
}

fn kind_of(errno: i32) -> ErrorKind {
    match errno {
        ENOTSUPP | libc::EOPNOTSUPP | libc::ENOSYS => ErrorKind::Unsupported,
        libc::EPERM | libc::EACCES => ErrorKind::PermissionDenied,
        libc::EEXIST => ErrorKind::Exists,
        libc::ENOENT => ErrorKind::NotFound,
        libc::E2BIG | libc::ENOSPC => ErrorKind::Full,
        libc::ENOMEM => ErrorKind::OutOfMemory,
        _ => ErrorKind::Other,
    }
}

/// Name and meaning of an errno: `ENOENT (No such file or directory)`.
struct ErrnoText(i32);

impl fmt::Display for ErrnoText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == ENOTSUPP {
            return f.write_str("ENOTSUPP (524, operation not supported)");
        }
        // "No such file or directory (os error 2)": the number is told once, and only when there is no name.
        let text = io::Error::from_raw_os_error(self.0).to_string();
        let text = text.split(" (os error").next().unwrap_or_default();
        match bpfmap_core::Errno(self.0).name() {
            Some(name) => write!(f, "{name} ({text})"),
            None => write!(f, "errno {} ({text})", self.0),
        }
    }
}

/// What to do about the well-known refusals.
fn remedy(operation: Operation, errno: i32) -> Option<&'static str> {
    use Operation as Op;
    Some(match (operation, errno) {
        (Op::Create, libc::EPERM) => {
            "creating a map needs CAP_BPF (CAP_SYS_ADMIN before Linux 5.8); up to Linux 5.10 also an RLIMIT_MEMLOCK that has room for it, for root too: raise it before"
        }
        (Op::LoadBtf, libc::EPERM) => "loading BTF needs CAP_BPF (CAP_SYS_ADMIN before Linux 5.8)",
        (Op::Create, libc::EINVAL) => {
            "the kernel refuses this type with these sizes, max_entries or flags, or doesn't know the type"
        }
        (Op::Create, libc::E2BIG) => "key, value or max_entries is larger than the kernel allows",
        (Op::Open, libc::EPERM) => {
            "opening a map by id needs CAP_SYS_ADMIN; opening a pin, permission on the file and CAP_BPF where unprivileged BPF is disabled"
        }
        (Op::Open | Op::Pin, libc::EINVAL) => "is the path on a BPF file system (/sys/fs/bpf)?",
        (Op::Pin, libc::EPERM) => "the path must be on a mounted BPF file system (/sys/fs/bpf)",
        (Op::Update | Op::Delete | Op::Push | Op::UpdateBatch | Op::DeleteBatch, libc::EPERM) => {
            "the map is frozen, or its descriptor is read-only, as the flag `rdonly` makes the one that creation returns: open the map by pin or id to write"
        }
        (Op::Pop | Op::Take | Op::TakeBatch, libc::EPERM) => {
            "the map is frozen, or its descriptor is read-only or write-only, as the flags `rdonly` and `wronly` make the one that creation returns: open the map by pin or id"
        }
        (Op::Lookup | Op::NextKey | Op::LookupBatch | Op::Peek, libc::EPERM) => {
            "the map's descriptor is write-only, as the flag `wronly` makes the one that creation returns: open the map by pin or id to read"
        }
        (Op::Mmap, libc::EPERM) => "the map is frozen",
        (Op::Mmap, libc::EACCES) => {
            "the map's descriptor is read-only or write-only, or the map has the flag `rdonly_prog`, with which its values are mapped to be read only"
        }
        (Op::Freeze, libc::EBUSY) => "the map is frozen already, or mapped into memory for writing",
        (Op::Take, ENOTSUPP) => {
            "hash maps look up and delete in one step from Linux 5.14 on: before, look up and then delete"
        }
        (Op::LookupBatch | Op::UpdateBatch | Op::DeleteBatch | Op::TakeBatch, ENOTSUPP) => {
            "this kernel has no batch operations for the map type"
        }
        (Op::Update | Op::Push, libc::E2BIG) => "the map is full, or the index is out of range",
        (Op::Update, libc::ENOSPC) => "the map is full",
        (Op::OpenPerfEvent, libc::EACCES | libc::EPERM) => {
            "opening a perf event for a CPU needs CAP_PERFMON (CAP_SYS_ADMIN before Linux 5.8), and memory within kernel.perf_event_mlock_kb and RLIMIT_MEMLOCK without it"
        }
        (Op::PossibleCpus, _) => {
            "/sys/devices/system/cpu/possible must be readable: is /sys mounted?"
        }
        _ => return None,
    })
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "can't {}", self.operation().text())?;
        if !self.map().is_empty() {
            write!(f, " map `{}`", self.map())?;
        }
        if let Repr::Told(told) = &self.0 {
            if !told.text.is_empty() {
                write!(f, ": {}", told.text)?;
            }
        }
        if let Some(errno) = self.errno() {
            write!(f, ": {}", ErrnoText(errno))?;
            if let Some(remedy) = remedy(self.operation(), errno) {
                write!(f, ": {remedy}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What `unwrap` and a failing `main` print.
        write!(f, "Error({self})")
    }
}

impl core::error::Error for Error {
    /// Returns the error of another library that this one comes from, such as that of a
    /// [`MapSource`](crate::MapSource). An errno is part of the message and no source.
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match &self.0 {
            Repr::Os { .. } => None,
            Repr::Told(told) => told.source.as_ref().map(|error| error as _),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_small_and_crosses_threads() {
        fn crosses<T: Send + Sync + 'static>() {}
        crosses::<Error>();
        assert!(size_of::<Error>() <= 24);
        assert!(size_of::<Result<Option<u64>>>() <= 32);
    }

    #[test]
    fn the_kernels_own_errno_has_its_name() {
        let error = Error::os(Operation::Take, "flows", 524);
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(
            error.to_string(),
            "can't look up and delete in map `flows`: ENOTSUPP (524, operation not supported): hash maps look up and \
             delete in one step from Linux 5.14 on: before, look up and then delete"
        );
    }

    #[test]
    fn other_errnos_are_named_or_numbered() {
        let named = Error::os(Operation::Freeze, "m", libc::EBADF).to_string();
        assert_eq!(named, "can't freeze map `m`: EBADF (Bad file descriptor)");
        let numbered = Error::os(Operation::Freeze, "m", libc::EXDEV).to_string();
        assert_eq!(numbered, "can't freeze map `m`: errno 18 (Invalid cross-device link)");
    }
}
