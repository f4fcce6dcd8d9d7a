//! Descriptions of types, as in BTF.
//!
//! In generated code, descriptions are constants. Tools create descriptions at run time from a
//! schema. When an application opens a map, bpfmap compares the descriptions with the BTF of the
//! map. When an application creates a map, bpfmap encodes the descriptions as BTF.

use crate::SpecialField;

/// The description of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum TypeDesc<'a> {
    /// The absence of a type. For example, the key of a queue is `Void`.
    Void,
    /// An integer, a `char` or a `bool`.
    Int {
        /// The name in C, such as `unsigned int`.
        name: &'a str,
        /// The size in bytes: 1, 2, 4, 8 or 16.
        size: u32,
        /// The encoding of the bits.
        encoding: IntEncoding,
    },
    /// A `typedef`: another name for a type.
    Typedef {
        /// The new name.
        name: &'a str,
        /// The type that gets the new name.
        target: &'a TypeDesc<'a>,
    },
    /// A C `enum`.
    Enum {
        /// The name, or an empty string for an enum without a name.
        name: &'a str,
        /// The size in bytes: 1, 2, 4 or 8.
        size: u32,
        /// Whether the integer type of the enum is signed.
        signed: bool,
        /// The names and numbers of the variants.
        variants: &'a [(&'a str, i64)],
    },
    /// An array.
    Array {
        /// The type of the elements.
        element: &'a TypeDesc<'a>,
        /// The number of elements.
        len: u32,
    },
    /// A `struct`.
    Struct {
        /// The name, or an empty string for an anonymous struct.
        name: &'a str,
        /// The size in bytes, including trailing padding.
        size: u32,
        /// The members, in the order of their offsets.
        members: &'a [MemberDesc<'a>],
    },
    /// A `union`.
    Union {
        /// The name, or an empty string for an anonymous union.
        name: &'a str,
        /// The size in bytes, including trailing padding.
        size: u32,
        /// The members in the order of the declaration, all at offset 0.
        members: &'a [MemberDesc<'a>],
    },
    /// A pointer, which has 8 bytes.
    Pointer {
        /// The type of the target, which is [`TypeDesc::Void`] for `void *`.
        target: &'a TypeDesc<'a>,
    },
    /// The target of a pointer with a BTF type tag. The kernel recognises a kptr by its tag.
    Tagged {
        /// The tag, such as `kptr`.
        tag: &'a str,
        /// The struct to which the pointer refers. For a struct of the kernel, a description without members is enough.
        target: &'a TypeDesc<'a>,
    },
    /// The root of a list or a tree.
    Root {
        /// The type of the root: [`TypeDesc::LIST_HEAD`] or [`TypeDesc::RB_ROOT`].
        root: &'a TypeDesc<'a>,
        /// The struct of the elements. The description can leave out all members except the node.
        node: &'a TypeDesc<'a>,
        /// The name of the member of `node` that links the elements.
        member: &'a str,
    },
    /// The type of a member that can have a different name or be absent in a map of an older schema.
    Evolved {
        /// The old name of the member, or an empty string if the name has not changed.
        renamed_from: &'a str,
        /// Whether an older map can have padding at the offset of the member. The member is then 0.
        was_padding: bool,
        /// The type of the member.
        ty: &'a TypeDesc<'a>,
    },
    /// Bytes whose type is not known.
    Opaque {
        /// The number of bytes.
        size: u32,
    },
    /// A key or value whose size the loader sets. This variant occurs only in a
    /// [`MapDef`](crate::MapDef) that is created at run time, because generated code always
    /// contains the types.
    SetByLoader,
}

impl TypeDesc<'_> {
    /// Returns whether the loader sets the size of the key or value.
    #[must_use]
    pub const fn is_set_by_loader(&self) -> bool {
        matches!(self, Self::SetByLoader)
    }

    /// Returns whether this is the target of a pointer to user space ([`SpecialField::UserPtr`]).
    #[must_use]
    pub const fn is_user_memory(&self) -> bool {
        match self {
            Self::Tagged { tag, target } => {
                matches!(tag.as_bytes(), b"uptr") || target.is_user_memory()
            }
            _ => false,
        }
    }

    /// Returns whether the type is or contains a pointer to user space ([`SpecialField::UserPtr`]).
    #[must_use]
    pub const fn has_user_ptr(&self) -> bool {
        match self {
            Self::Struct { members, .. } | Self::Union { members, .. } => {
                let mut index = 0;
                while index < members.len() {
                    if members[index].ty.has_user_ptr() {
                        return true;
                    }
                    index += 1;
                }
                false
            }
            Self::Array { element: layout, .. }
            | Self::Typedef { target: layout, .. }
            | Self::Evolved { ty: layout, .. } => layout.has_user_ptr(),
            Self::Pointer { target } => target.is_user_memory(),
            _ => false,
        }
    }

    /// Returns the type in the current schema, without the information about older maps.
    #[must_use]
    pub const fn current(&self) -> &Self {
        match self {
            Self::Evolved { ty: layout, .. } => layout.current(),
            _ => self,
        }
    }
}

/// A member of a struct or union.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct MemberDesc<'a> {
    /// The name of the member. It is an empty string for padding, and for an anonymous struct or union.
    pub name: &'a str,
    /// The offset in the struct or union, in bits.
    pub bit_offset: u32,
    /// The width of a bit-field, or 0 if the member is not a bit-field.
    pub bits: u32,
    /// The type of the member.
    pub ty: &'a TypeDesc<'a>,
}

/// The encoding of an integer's bits.
///
/// ```
/// use bpfmap_core::{IntEncoding, TypeDesc};
///
/// /// Returns the text in which a tool shows an integer of 4 bytes.
/// fn show(desc: &TypeDesc<'_>, bytes: [u8; 4]) -> Option<String> {
///     match desc {
///         TypeDesc::Typedef { target, .. } => show(target, bytes),
///         TypeDesc::Int { encoding: IntEncoding::Signed, size: 4, .. } => {
///             Some(i32::from_ne_bytes(bytes).to_string())
///         }
///         TypeDesc::Int { encoding: IntEncoding::Unsigned, size: 4, .. } => {
///             Some(u32::from_ne_bytes(bytes).to_string())
///         }
///         _ => None,
///     }
/// }
///
/// assert_eq!(show(TypeDesc::I32, [0xff; 4]).as_deref(), Some("-1"));
/// assert_eq!(show(TypeDesc::U32, [0xff; 4]).as_deref(), Some("4294967295"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum IntEncoding {
    /// An unsigned number.
    Unsigned,
    /// A signed number in two's complement.
    Signed,
    /// A `char`.
    Char,
    /// A `bool`.
    Bool,
}

macro_rules! integers {
    ($($name:ident $typedef:literal $c:literal $size:literal $encoding:ident)*) => { $(
        #[doc = concat!("The C type `", $typedef, "`.")]
        pub const $name: &'static Self = &Self::Typedef {
            name: $typedef,
            target: &Self::Int { name: $c, size: $size, encoding: IntEncoding::$encoding },
        };
    )* };
}

macro_rules! kernels {
    ($($name:ident $field:ident $ty:expr;)*) => { $(
        #[doc = concat!("The C struct of [`SpecialField::", stringify!($field), "`].")]
        pub const $name: &'static Self = {
            assert!($ty.size() == SpecialField::$field.size() as u64);
            &Self::Struct {
                name: SpecialField::$field.name(),
                size: SpecialField::$field.size(),
                members: &[MemberDesc {
                    name: SpecialField::$field.member(),
                    bit_offset: 0,
                    bits: 0,
                    ty: $ty,
                }],
            }
        };
    )* };
}

impl TypeDesc<'static> {
    integers! {
        U8 "__u8" "unsigned char" 1 Unsigned
        U16 "__u16" "unsigned short" 2 Unsigned
        U32 "__u32" "unsigned int" 4 Unsigned
        U64 "__u64" "unsigned long long" 8 Unsigned
        I8 "__s8" "signed char" 1 Signed
        I16 "__s16" "short" 2 Signed
        I32 "__s32" "int" 4 Signed
        I64 "__s64" "long long" 8 Signed
    }

    /// The C type `unsigned __int128`.
    pub const U128: &'static Self =
        &Self::Int { name: "unsigned __int128", size: 16, encoding: IntEncoding::Unsigned };
    /// The C type `__int128`.
    pub const I128: &'static Self =
        &Self::Int { name: "__int128", size: 16, encoding: IntEncoding::Signed };
    /// The C type `char`.
    pub const CHAR: &'static Self =
        &Self::Int { name: "char", size: 1, encoding: IntEncoding::Char };
    /// The C type `_Bool`.
    pub const BOOL: &'static Self =
        &Self::Int { name: "_Bool", size: 1, encoding: IntEncoding::Bool };
    /// The C type `__be16`.
    pub const BE16: &'static Self = &Self::Typedef { name: "__be16", target: Self::U16 };
    /// The C type `__be32`.
    pub const BE32: &'static Self = &Self::Typedef { name: "__be32", target: Self::U32 };
    /// The C type `__be64`.
    pub const BE64: &'static Self = &Self::Typedef { name: "__be64", target: Self::U64 };
    /// The absence of a type.
    pub const VOID: &'static Self = &Self::Void;
    /// The C type `void *`.
    pub const VOID_POINTER: &'static Self = &Self::Pointer { target: Self::VOID };

    kernels! {
        SPIN_LOCK SpinLock Self::U32;
        RES_SPIN_LOCK ResSpinLock Self::U32;
        TIMER Timer &Self::Array { element: Self::U64, len: 2 };
        WORK_QUEUE WorkQueue &Self::Array { element: Self::U64, len: 2 };
        TASK_WORK TaskWork Self::U64;
        REF_COUNT RefCount &Self::Array { element: Self::U32, len: 1 };
        LIST_HEAD ListHead &Self::Array { element: Self::U64, len: 2 };
        LIST_NODE ListNode &Self::Array { element: Self::U64, len: 3 };
        RB_ROOT RbRoot &Self::Array { element: Self::U64, len: 2 };
        RB_NODE RbNode &Self::Array { element: Self::U64, len: 4 };
    }
}

impl TypeDesc<'_> {
    /// Returns the size of the type in bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        match *self {
            Self::Void | Self::SetByLoader => 0,
            Self::Int { size, .. }
            | Self::Enum { size, .. }
            | Self::Struct { size, .. }
            | Self::Union { size, .. }
            | Self::Opaque { size } => size as u64,
            Self::Typedef { target, .. } | Self::Tagged { target, .. } => target.size(),
            Self::Root { root, .. } => root.size(),
            Self::Evolved { ty: layout, .. } => layout.size(),
            Self::Array { element, len } => element.size().saturating_mul(len as u64),
            Self::Pointer { .. } => 8,
        }
    }
}
