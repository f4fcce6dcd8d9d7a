//! Errors of reading BTF.

use std::fmt;

use crate::TypeId;

/// The reason why data is not valid BTF, or why a type in the BTF is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BtfError {
    /// The data ends too early, or an offset points beyond the end of the data.
    Truncated,
    /// The data does not begin with the magic number `0xeb9f` in either byte order.
    Magic,
    /// The version in the header is not 1.
    Version(u8),
    /// A type has an unknown kind. Reading can't continue, because the length of such a type is unknown too.
    UnknownKind {
        /// The number of the type.
        id: TypeId,
        /// The number of the kind.
        kind: u32,
    },
    /// The size of an enum is not 1, 2, 4 or 8 bytes, or an enum of size 0 has variants.
    EnumSize {
        /// The number of the type.
        id: TypeId,
        /// The size of the enum in bytes.
        size: u32,
    },
    /// A name is not UTF-8, or is longer than 4 KiB.
    Name,
    /// There is no type with this number.
    Missing(TypeId),
    /// The chain of typedefs, qualifiers and arrays that begins with this type is endless, or is longer than any kernel
    /// accepts.
    Endless(TypeId),
}

impl fmt::Display for BtfError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => formatter.write_str("the BTF is truncated"),
            Self::Magic => formatter.write_str("the data is not BTF: the magic number is missing"),
            Self::Version(version) => {
                write!(formatter, "expected BTF of version 1, found version {version}")
            }
            Self::UnknownKind { id, kind } => {
                write!(formatter, "type {id} of the BTF has the unknown kind {kind}")
            }
            Self::EnumSize { id, size } => {
                write!(
                    formatter,
                    "type {id} of the BTF is an enum with an invalid size of {size} bytes"
                )
            }
            Self::Name => formatter.write_str("a name in the BTF is too long or not UTF-8"),
            Self::Missing(id) => write!(formatter, "the BTF has no type {id}"),
            Self::Endless(id) => {
                write!(formatter, "type {id} of the BTF is recursive or nested too deeply")
            }
        }
    }
}

impl std::error::Error for BtfError {}
