//! What can be wrong with BTF.

use std::fmt;

use crate::TypeId;

/// Why data is no BTF, or why a type of it makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BtfError {
    /// It ends too early, or points beyond its end.
    Truncated,
    /// It does not begin with the magic number `0xeb9f` in either byte order.
    Magic,
    /// A version other than 1.
    Version(u8),
    /// A kind of type that this reader does not know; how long it is is unknown too.
    UnknownKind {
        /// The type.
        id: TypeId,
        /// The number of the kind.
        kind: u32,
    },
    /// An enum of another size than 1, 2, 4 or 8 bytes, or one without size that has variants.
    EnumSize {
        /// The type.
        id: TypeId,
        /// Its size in bytes.
        size: u32,
    },
    /// A name is no UTF-8 text, or longer than 4 KiB.
    Name,
    /// No type has this number.
    Missing(TypeId),
    /// The typedefs, qualifiers and arrays from this type on go round in a circle, or nest deeper
    /// than any kernel takes.
    Endless(TypeId),
}

impl fmt::Display for BtfError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => formatter.write_str("the BTF is truncated"),
            Self::Magic => formatter.write_str("no BTF: its magic number is missing"),
            Self::Version(version) => write!(formatter, "BTF of version {version}, not 1"),
            Self::UnknownKind { id, kind } => {
                write!(formatter, "type {id} of the BTF is of an unknown kind, {kind}")
            }
            Self::EnumSize { id, size } => {
                write!(formatter, "type {id} of the BTF is an enum of {size} bytes")
            }
            Self::Name => formatter.write_str("the BTF has a name that is no text"),
            Self::Missing(id) => write!(formatter, "the BTF has no type {id}"),
            Self::Endless(id) => write!(formatter, "type {id} of the BTF goes round in a circle"),
        }
    }
}

impl std::error::Error for BtfError {}
