//! The types of a schema: structs, unions, enums and aliases, and the types of members.

use std::fmt;

use super::Target;
use crate::naming::c_constant;
use crate::source::{Span, Spanned};
use bpfmap_core::SpecialField;

/// A named type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeDef {
    /// The name of the type in C. In Rust, the name is in `UpperCamelCase`.
    pub name: Spanned<String>,
    /// The documentation of the type.
    pub doc: Option<String>,
    /// The definition of the type.
    pub kind: TypeDefKind,
    /// The BTF declaration tags of the type (`__attribute__((btf_decl_tag("…")))`).
    pub decl_tags: Vec<Spanned<String>>,
    /// Details of the type's declaration in C.
    pub in_c: InC,
    /// The included schema that declares the type, as an index into [`Schema::includes`](super::Schema::includes). It
    /// is `None` for a type that the schema declares itself.
    pub include: Option<usize>,
}

/// Details of a type's declaration in C.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InC {
    /// Whether a struct, union or enum also has a typedef in C, as in `typedef struct NAME { … } NAME;`.
    pub typedef: bool,
    /// Whether the kernel defines the type, so that `vmlinux.h` contains it. The header then only checks that the
    /// layout of the type matches the schema.
    pub kernel: bool,
}

/// The definition of a named type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypeDefKind {
    /// A struct.
    Struct(Composite),
    /// A union.
    Union(Composite),
    /// An enum.
    Enum(Enum),
    /// An alias, which is another name for this type. It is a typedef in C.
    Alias(Spanned<Type>),
}

/// The body of a struct or a union.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Composite {
    /// Whether the type is packed. In a packed type, the members have an alignment of 1 and no padding between them.
    pub packed: bool,
    /// The minimum alignment in bytes, which is a power of two. It can only raise the alignment that the type gets from
    /// its members.
    pub align: Option<Spanned<u32>>,
    /// The members.
    pub members: Vec<Member>,
}

/// A member of a struct or a union.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The name of the member. It is `None` for an anonymous struct or union, whose members count as members of the
    /// outer type. It is also `None` for an unnamed bit-field, which is padding.
    pub name: Option<Spanned<String>>,
    /// The documentation of the member.
    pub doc: Option<String>,
    /// The type of the member.
    pub ty: MemberType,
    /// The width of a bit-field in bits, or `None` if the member is not a bit-field.
    pub bits: Option<Spanned<u32>>,
    /// The BTF declaration tags of the member.
    pub decl_tags: Vec<Spanned<String>>,
    /// The former name of the member, which identifies the bytes of the member in an older map. It does not change the
    /// generated C and Rust.
    pub renamed_from: Option<Spanned<String>>,
    /// The value of the member in older entries, which were written before the member existed. It does not change the
    /// generated C and Rust.
    pub default: Option<Spanned<DefaultValue>>,
    /// The position of the whole member.
    pub span: Span,
}

/// The value of a member in older entries, which were written before the member existed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DefaultValue {
    /// The number of an integer, a `char` or an enum. For a big-endian integer, this number is in
    /// the host's byte order, although the bytes of the integer are swapped.
    Number(i128),
    /// The value of a `bool`.
    Bool(bool),
    /// The variant of an enum with this name.
    Variant(String),
}

impl DefaultValue {
    /// Returns whether the value is zero. A migration does not have to write a zero, because padding is zero too.
    #[must_use]
    pub const fn is_zero(&self) -> bool {
        matches!(self, Self::Number(0) | Self::Bool(false))
    }
}

impl Member {
    /// Returns how older maps can differ at the offset of the member: the former name of the member (or an empty
    /// string), and whether the older map can have padding there. Returns `None` if they do not differ.
    #[must_use]
    pub fn in_older_maps(&self) -> Option<(&str, bool)> {
        let former = self.renamed_from.as_ref().map_or("", |name| &name.value);
        let was_padding = self.default.as_ref().is_some_and(|default| default.value.is_zero());
        (!former.is_empty() || was_padding).then_some((former, was_padding))
    }
}

/// Writes the value in the syntax of a schema in Rust, such as `1`, `true` or `"pass"`.
impl fmt::Display for DefaultValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(formatter),
            Self::Bool(truth) => truth.fmt(formatter),
            Self::Variant(name) => write!(formatter, "{name:?}"),
        }
    }
}

/// The type of a member, which is a [`Type`], or a struct or union that is declared in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberType {
    /// A type, which can be the name of a type.
    Type(Spanned<Type>),
    /// A struct that is declared in place, as in `struct { … } name;` or `struct { … };`.
    Struct(Composite),
    /// A union that is declared in place, as in `union { … } name;` or `union { … };`.
    Union(Composite),
}

/// The body of an enum, which is a set of named integers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enum {
    /// The integer type of the enum.
    pub repr: Spanned<Int>,
    /// The prefix of the names of the variants in C. If there is a prefix, the names are not converted to upper case.
    pub prefix: Option<Spanned<String>>,
    /// The variants. Several variants can have the same value.
    pub variants: Vec<Variant>,
}

impl Enum {
    /// Returns the name of a variant's C constant. `name` is the name of this enum.
    #[must_use]
    pub fn c_constant(&self, name: &str, variant: &str) -> String {
        match &self.prefix {
            Some(prefix) => format!("{}{variant}", prefix.value),
            None => c_constant(name, variant),
        }
    }
}

/// A variant of an enum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// The name of the variant in the schema. In C, the name is `ENUM_VARIANT` in upper case, or the prefix of the enum
    /// followed by the name.
    pub name: Spanned<String>,
    /// The value of the variant.
    pub value: Spanned<i128>,
    /// The documentation of the variant.
    pub doc: Option<String>,
}

/// The type of a key, a value, a member or the elements of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// An integer in the host's byte order, from `u8` to `u128` or `i8` to `i128`.
    Int(Int),
    /// A `bool` of one byte.
    Bool,
    /// A `char`, which is one byte of text.
    Char,
    /// `be16`, `be32` or `be64`: an unsigned integer in network byte order that has this many bytes.
    BigEndian(u32),
    /// An array `[T; N]`.
    Array(Box<Spanned<Type>>, Spanned<u32>),
    /// A pointer `*T` or `*void`, which user space can only copy. `None` means `*void`.
    Pointer(Option<Box<Spanned<Type>>>),
    /// The name of a [`TypeDef`]. Directly after a pointer, it can also be the name of a kernel type.
    Named(String),
    /// A special field, and its target if the field has one.
    Special(SpecialField, Option<Box<Target>>),
}

/// An integer type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Int {
    /// The size in bytes: 1, 2, 4, 8 or 16.
    pub size: u32,
    /// Whether the integer is signed.
    pub signed: bool,
}

/// Writes the type in the syntax of schemas, such as `u32` or `i8`.
impl fmt::Display for Int {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.signed { 'i' } else { 'u' };
        write!(formatter, "{sign}{}", u64::from(self.size) * 8)
    }
}

/// Writes the type in the syntax of schemas, such as `[be16; 2]`, `*task_struct` or
/// `bpf_list_head<job.node>`.
impl fmt::Display for Type {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(int) => int.fmt(formatter),
            Self::Bool => formatter.write_str("bool"),
            Self::Char => formatter.write_str("char"),
            Self::BigEndian(size) => write!(formatter, "be{}", u64::from(*size) * 8),
            Self::Array(element, len) => write!(formatter, "[{}; {}]", element.value, len.value),
            Self::Pointer(None) => formatter.write_str("*void"),
            Self::Pointer(Some(target)) => write!(formatter, "*{}", target.value),
            Self::Named(name) => formatter.write_str(name),
            Self::Special(field, None) => formatter.write_str(field.name()),
            Self::Special(field, Some(target)) => write!(formatter, "{}<{target}>", field.name()),
        }
    }
}
