//! Linux error numbers and their names. The numbers do not depend on the platform on which the generator runs.

use core::fmt;

/// A Linux error number, as returned by bpf(2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Errno(pub i32);

macro_rules! errno {
    ($($(#[$doc:meta])* $name:ident = $number:literal;)*) => {
        impl Errno {
            $($(#[$doc])* pub const $name: Self = Self($number);)*

            /// Returns the name of the error, such as `EINVAL`, or `None` if this crate does not know the number.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

// include/uapi/asm-generic/errno-base.h, errno.h; ENOTSUPP is include/linux/errno.h.
errno! {
    /// Operation not permitted.
    EPERM = 1;
    /// No such entry.
    ENOENT = 2;
    /// A signal interrupted the call, or entries disappeared during a batch operation.
    EINTR = 4;
    /// Input/output error.
    EIO = 5;
    /// Argument list too long. For maps, the request exceeds a limit of the map type.
    E2BIG = 7;
    /// Bad file descriptor.
    EBADF = 9;
    /// Try again.
    EAGAIN = 11;
    /// Out of memory.
    ENOMEM = 12;
    /// The operation is in progress.
    EINPROGRESS = 115;
    /// Permission denied.
    EACCES = 13;
    /// Bad address.
    EFAULT = 14;
    /// Device or resource busy.
    EBUSY = 16;
    /// The entry already exists.
    EEXIST = 17;
    /// No such device.
    ENODEV = 19;
    /// Invalid argument.
    EINVAL = 22;
    /// The process has too many open files.
    EMFILE = 24;
    /// No space left on the device.
    ENOSPC = 28;
    /// Result out of range.
    ERANGE = 34;
    /// The system call is not implemented.
    ENOSYS = 38;
    /// The value is too large.
    EOVERFLOW = 75;
    /// Not a socket.
    ENOTSOCK = 88;
    /// Operation not supported.
    EOPNOTSUPP = 95;
    /// No buffer space is available.
    ENOBUFS = 105;
    /// The operation is not supported. This number is internal to the kernel, so glibc has no name for it.
    ENOTSUPP = 524;
}

impl fmt::Display for Errno {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => formatter.write_str(name),
            None => write!(formatter, "errno {}", self.0),
        }
    }
}
