//! Errors of this crate.

use crate::user_space::sys::{ENOTSUPP, Errno};
use core::fmt;
use std::io;

/// A `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// An error of an action on a map. The error contains the action, the name of the map, and the
/// kernel's errno or an explanation, such as the differences between the map and the schema.
///
/// An absent key is not an error: a lookup returns `Ok(None)`, and a deletion returns `Ok(false)`.
///
/// ```
/// # #[cfg(feature = "derive")] fn main() -> bpfmap::Result<()> {
/// use bpfmap::{BpfMap, Error, ErrorKind, Map, Action, UpdateMode};
///
/// #[derive(BpfMap)]
/// #[bpf_map(hash, max_entries = 1)]
/// struct Seen {
///     key: u32,
///     value: u64,
/// }
///
/// let seen = Map::<Seen>::create()?;
/// seen.update(&1, &0, UpdateMode::Any)?;
/// let error: Error = seen.update(&2, &0, UpdateMode::Any).unwrap_err();
/// assert_eq!((error.kind(), error.action()), (ErrorKind::Full, Action::Update));
/// // 7 is `E2BIG`.
/// assert_eq!((error.map(), error.errno()), ("seen", Some(7)));
/// println!("{error}");
/// # Ok(()) }
/// # #[cfg(not(feature = "derive"))] fn main() {}
/// ```
pub struct Error(Repr);

enum Repr {
    Os { action: Action, map: &'static str, errno: i32 },
    Told(Box<Told>),
}

struct Told {
    action: Action,
    map: String,
    errno: i32,
    kind: ErrorKind,
    text: String,
    source: Option<io::Error>,
}

/// The kinds of errors that a program may want to distinguish.
///
/// ```
/// use bpfmap::{Error, ErrorKind};
///
/// /// Returns advice for the operator about an error.
/// fn advice(error: &Error) -> &'static str {
///     match error.kind() {
///         ErrorKind::Unsupported => "run a newer kernel",
///         ErrorKind::PermissionDenied => "run as root, or with CAP_BPF",
///         ErrorKind::Exists | ErrorKind::NotFound => {
///             "check which process creates the entry or the pin"
///         }
///         ErrorKind::NotCreated => "start the program with the option that creates the map",
///         ErrorKind::Full => "increase max_entries",
///         ErrorKind::OutOfMemory => "free memory, or decrease max_entries",
///         ErrorKind::Mismatch => "compile programs and application from the same schema",
///         ErrorKind::PossibleCpus => "unmount what hides /sys/devices/system/cpu/possible",
///         ErrorKind::Disturbed => "try again, or stop the programs that write to the map",
///         ErrorKind::Contended | ErrorKind::Corrupted => "stop the other process that uses the ring",
///         ErrorKind::Other => "look up the errno",
///         _ => "upgrade this tool",
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The kernel does not support the operation, either for all map types or for this map type
    /// (`ENOTSUPP`, `EOPNOTSUPP`, `ENOSYS`).
    Unsupported,
    /// A privilege is missing, a limit is exceeded, or the map or its descriptor is read-only or write-only (`EPERM`,
    /// `EACCES`).
    PermissionDenied,
    /// The key is present, and the mode is [`UpdateMode::NoExist`](crate::UpdateMode::NoExist); or
    /// a file already exists at the path of a new pin (`EEXIST`).
    Exists,
    /// The key is absent, and the mode is [`UpdateMode::Exist`](crate::UpdateMode::Exist); or the
    /// map, the path or the id does not exist (`ENOENT`).
    NotFound,
    /// The object declares the map, but the program that loaded the object turned off the creation
    /// of the map (libbpf's `bpf_map__set_autocreate`).
    NotCreated,
    /// The map is full, or the index is out of range (`E2BIG`, `ENOSPC`).
    Full,
    /// The kernel does not have enough memory (`ENOMEM`).
    OutOfMemory,
    /// The map does not match the schema.
    Mismatch,
    /// `/sys/devices/system/cpu/possible` does not list the CPUs for which the kernel keeps values; see
    /// [`possible_cpus`](crate::possible_cpus).
    PossibleCpus,
    /// The map changed so often that an iteration or a migration could not finish, or another
    /// process replaced the pin during a migration.
    Disturbed,
    /// Another process, or another library in this process, uses the same ring and has moved the
    /// position in the ring.
    Contended,
    /// The memory of a ring contains positions or records that the kernel never writes.
    Corrupted,
    /// Any other error. [`Error::errno`] returns more information.
    Other,
}

/// The action that failed: an operation on a map, or another one, such as opening or pinning it.
///
/// ```
/// use bpfmap::Action;
///
/// /// Returns the label of the counter for errors of this operation.
/// fn label(action: Action) -> &'static str {
///     match action {
///         Action::Open | Action::Create | Action::Preflight | Action::LoadBtf => "start",
///         Action::Info | Action::Clone | Action::PossibleCpus => "information",
///         Action::Pin | Action::Unpin | Action::Freeze | Action::Migrate => {
///             "administration"
///         }
///         Action::Lookup | Action::NextKey | Action::LookupBatch | Action::Peek => "read",
///         Action::Update | Action::UpdateBatch | Action::Push => "write",
///         Action::Delete | Action::DeleteBatch => "delete",
///         Action::Take | Action::TakeBatch | Action::Pop => "take",
///         Action::Mmap | Action::OpenPerfEvent | Action::Wait | Action::Read => "events",
///         _ => "other",
///     }
/// }
///
/// assert_eq!((label(Action::Pop), label(Action::Mmap)), ("take", "events"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each variant is named like the method that failed")]
pub enum Action {
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

impl Action {
    /// Returns a description for the message.
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
            Self::Mmap => "map the memory of",
            Self::OpenPerfEvent => "open a perf event for",
            Self::Wait => "wait for",
            Self::Read => "read from",
            Self::PossibleCpus => "read the number of possible CPUs for",
            Self::Migrate => "migrate",
        }
    }
}

impl Error {
    /// Returns the error for an errno of the kernel.
    #[cold]
    #[inline(never)]
    pub(crate) fn os(action: Action, map: &'static str, errno: i32) -> Self {
        Self(Repr::Os { action, map, errno })
    }

    /// Returns the error for an [`Errno`] of the kernel.
    #[cold]
    #[inline(never)]
    pub(crate) fn from_errno(action: Action, map: &'static str, errno: Errno) -> Self {
        Self::os(action, map, errno.0)
    }

    /// Returns an error with an explanation. `errno` is 0 if no system call failed.
    #[cold]
    pub(crate) fn told(
        action: Action,
        map: &str,
        kind: ErrorKind,
        errno: i32,
        text: String,
    ) -> Self {
        let map = map.to_owned();
        Self(Repr::Told(Box::new(Told { action, map, errno, kind, text, source: None })))
    }

    /// Returns the error for a failure in a different library. An error without an errno becomes
    /// the [`source`](core::error::Error::source).
    #[cold]
    pub(crate) fn caused(action: Action, map: &str, error: io::Error) -> Self {
        if let Some(errno) = error.raw_os_error() {
            return Self::refused(action, map, Errno(errno), String::new());
        }
        let mut caused = Self::told(action, map, ErrorKind::Other, 0, String::new());
        if let Repr::Told(told) = &mut caused.0 {
            told.source = Some(error);
        }
        caused
    }

    /// Returns the error for an errno of the kernel, with an explanation. An empty `text` adds no
    /// explanation.
    #[cold]
    pub(crate) fn refused(action: Action, map: &str, errno: Errno, text: String) -> Self {
        Self::told(action, map, kind_of(errno.0), errno.0, text)
    }

    /// Returns the action that failed.
    #[must_use]
    pub fn action(&self) -> Action {
        match &self.0 {
            Repr::Os { action, .. } => *action,
            Repr::Told(told) => told.action,
        }
    }

    /// Returns the name of the map in the schema.
    #[must_use]
    pub fn map(&self) -> &str {
        match &self.0 {
            Repr::Os { map, .. } => map,
            Repr::Told(told) => &told.map,
        }
    }

    /// Returns the errno of the system call that failed, or `None` if no system call failed. The
    /// number 524 is the kernel's `ENOTSUPP`, which has no name in libc.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        match &self.0 {
            Repr::Os { errno, .. } => Some(*errno),
            Repr::Told(told) => (told.errno != 0).then_some(told.errno),
        }
    }

    /// Returns the kind of the error.
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

/// Displays the name and the meaning of an errno, such as `ENOENT (No such file or directory)`.
struct ErrnoText(i32);

impl fmt::Display for ErrnoText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == ENOTSUPP {
            return f.write_str("ENOTSUPP (524, operation not supported)");
        }
        // The text ends with a number, as in "No such file or directory (os error 2)". This removes
        // the number, which is shown only if the errno has no name.
        let text = io::Error::from_raw_os_error(self.0).to_string();
        let text = text.split(" (os error").next().unwrap_or_default();
        match bpfmap_core::Errno(self.0).name() {
            Some(name) => write!(f, "{name} ({text})"),
            None => write!(f, "errno {} ({text})", self.0),
        }
    }
}

/// Returns a hint for well-known errors.
fn remedy(action: Action, errno: i32) -> Option<&'static str> {
    Some(match (action, errno) {
        (Action::Create, libc::EPERM) => {
            "creating a map needs CAP_BPF (CAP_SYS_ADMIN before Linux 5.8); up to Linux 5.10 the map must also fit into RLIMIT_MEMLOCK, even for root: raise the limit first"
        }
        (Action::LoadBtf, libc::EPERM) => {
            "loading BTF needs CAP_BPF (CAP_SYS_ADMIN before Linux 5.8)"
        }
        (Action::Create, libc::EINVAL) => {
            "the kernel refuses the sizes, the flags or max_entries for this map type, or doesn't know the map type"
        }
        (Action::Create, libc::E2BIG) => {
            "key, value or max_entries is larger than the kernel allows"
        }
        (Action::Open, libc::EPERM) => {
            "opening a map by id needs CAP_SYS_ADMIN; opening a pin needs permission for the file, and CAP_BPF if unprivileged BPF is disabled"
        }
        (Action::Open | Action::Pin, libc::EINVAL) | (Action::Pin, libc::EPERM) => {
            "the path must be on a mounted BPF file system (/sys/fs/bpf)"
        }
        (
            Action::Update
            | Action::Delete
            | Action::Push
            | Action::UpdateBatch
            | Action::DeleteBatch,
            libc::EPERM,
        ) => {
            "the map is frozen, or its descriptor is read-only because the map was created with the flag `rdonly`: to write, open the map by pin or id"
        }
        (Action::Pop | Action::Take | Action::TakeBatch, libc::EPERM) => {
            "the map is frozen, or its descriptor is read-only or write-only because the map was created with the flag `rdonly` or `wronly`: open the map by pin or id"
        }
        (Action::Lookup | Action::NextKey | Action::LookupBatch | Action::Peek, libc::EPERM) => {
            "the map's descriptor is write-only because the map was created with the flag `wronly`: to read, open the map by pin or id"
        }
        (Action::Mmap, libc::EPERM) => "the map is frozen",
        (Action::Mmap, libc::EACCES) => {
            "the map's descriptor is read-only or write-only, or the map has the flag `rdonly_prog`, which allows only read-only mappings of the values"
        }
        (Action::Freeze, libc::EBUSY) => {
            "the map is already frozen, or mapped into memory for writing"
        }
        (Action::Take, ENOTSUPP) => {
            "hash maps can look up and delete in one step from Linux 5.14 on: on older kernels, use `lookup` and then `delete`"
        }
        (
            Action::LookupBatch | Action::UpdateBatch | Action::DeleteBatch | Action::TakeBatch,
            ENOTSUPP,
        ) => "this kernel has no batch operations for the map type",
        (Action::Update | Action::Push, libc::E2BIG) => {
            "the map is full, or the index is out of range"
        }
        (Action::Update, libc::ENOSPC) => "the map is full",
        (Action::OpenPerfEvent, libc::EACCES | libc::EPERM) => {
            "opening a perf event for a CPU needs CAP_PERFMON (CAP_SYS_ADMIN before Linux 5.8); without this capability, the memory of the rings must be within kernel.perf_event_mlock_kb and RLIMIT_MEMLOCK"
        }
        (Action::PossibleCpus, _) => {
            "/sys must be mounted, and /sys/devices/system/cpu/possible must be readable"
        }
        _ => return None,
    })
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "can't {}", self.action().text())?;
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
            if let Some(remedy) = remedy(self.action(), errno) {
                write!(f, ": {remedy}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `unwrap` prints this text, and so does a `main` function that returns the error.
        write!(f, "Error({self})")
    }
}

impl core::error::Error for Error {
    /// Returns the error of a different library that caused this error, such as an error of a
    /// [`MapSource`](crate::MapSource). An errno is part of this error's message, so it is not
    /// returned here.
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
    fn an_error_is_small_and_can_be_sent_to_other_threads() {
        fn crosses<T: Send + Sync + 'static>() {}
        crosses::<Error>();
        assert!(size_of::<Error>() <= 24);
        assert!(size_of::<Result<Option<u64>>>() <= 32);
    }

    #[test]
    fn the_message_names_enotsupp() {
        let error = Error::os(Action::Take, "flows", 524);
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(
            error.to_string(),
            "can't look up and delete in map `flows`: ENOTSUPP (524, operation not supported): hash maps can look \
             up and delete in one step from Linux 5.14 on: on older kernels, use `lookup` and then `delete`"
        );
    }

    #[test]
    fn an_unknown_errno_is_shown_as_a_number() {
        let named = Error::os(Action::Freeze, "m", libc::EBADF).to_string();
        assert_eq!(named, "can't freeze map `m`: EBADF (Bad file descriptor)");
        let numbered = Error::os(Action::Freeze, "m", libc::EXDEV).to_string();
        assert_eq!(numbered, "can't freeze map `m`: errno 18 (Invalid cross-device link)");
    }
}
