//! Errors of reading BTF.

use std::fmt;

use crate::TypeId;

/// The reason why data is not valid BTF or why one of its types is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BtfError {
    /// The data ends too early, or an offset points beyond its end.
    Truncated,
    /// The data does not begin with the magic number `0xeb9f` in either byte order.
    Magic,
    /// The version is not 1.
    Version(u8),
    /// A type has a kind that this reader does not know. Its length is therefore also unknown.
    UnknownKind {
        /// The type.
        id: TypeId,
        /// The number of the kind.
        kind: u32,
    },
    /// The size of an enum is not 1, 2, 4 or 8 bytes, or an enum of size 0 has variants.
    EnumSize {
        /// The type.
        id: TypeId,
        /// Its size in bytes.
        size: u32,
    },
    /// A name is not UTF-8, or is longer than 4 KiB.
    Name,
    /// No type has this number.
    Missing(TypeId),
    /// The typedefs, qualifiers and arrays that start at this type form a cycle, or are nested
    /// deeper than any kernel accepts.
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
