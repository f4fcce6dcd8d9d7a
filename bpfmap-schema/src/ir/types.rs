//! Types: structs, unions, enums and aliases, and the types of members.

use std::fmt;

use super::Target;
use crate::naming::c_constant;
use crate::source::{Span, Spanned};
use bpfmap_core::SpecialField;

/// A named type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeDef {
    /// Its name in C; in Rust it is in `UpperCamelCase`.
    pub name: Spanned<String>,
    /// What it means.
    pub doc: Option<String>,
    /// Its definition.
    pub kind: TypeDefKind,
    /// BTF declaration tags, `__attribute__((btf_decl_tag("…")))`.
    pub decl_tags: Vec<Spanned<String>>,
    /// Its declaration in C.
    pub in_c: InC,
    /// The schema that declares it, as an index into [`Schema::includes`](super::Schema::includes);
    /// `None` for a type that the schema declares itself.
    pub include: Option<usize>,
}

/// Details of a type's declaration in C.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InC {
    /// Whether a struct, union or enum also has a typedef in C: `typedef struct NAME { … } NAME;`.
    pub typedef: bool,
    /// Whether the kernel defines it, so that `vmlinux.h` has it. The header then only checks that
    /// its layout matches the schema.
    pub kernel: bool,
}

/// The definition of a named type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypeDefKind {
    /// Members one after the other.
    Struct(Composite),
    /// Members that share their first byte.
    Union(Composite),
    /// Named integers.
    Enum(Enum),
    /// Another name (a C typedef).
    Alias(Spanned<Type>),
}

/// The body of a struct or a union.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Composite {
    /// Whether members follow each other without padding, at alignment 1.
    pub packed: bool,
    /// A requested alignment in bytes, a power of two. It can only raise the natural alignment.
    pub align: Option<Spanned<u32>>,
    /// The members.
    pub members: Vec<Member>,
}

/// A member of a struct or a union.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name. `None` for an anonymous struct or union, whose members count as members of the
    /// outer type, and for an unnamed bit-field, which is padding.
    pub name: Option<Spanned<String>>,
    /// What it means.
    pub doc: Option<String>,
    /// Its type.
    pub ty: MemberType,
    /// The width of a bit-field.
    pub bits: Option<Spanned<u32>>,
    /// BTF declaration tags.
    pub decl_tags: Vec<Spanned<String>>,
    /// The former name of the member, which identifies its bytes in an older map. It changes
    /// neither C nor Rust.
    pub renamed_from: Option<Spanned<String>>,
    /// The value of the member in older entries, which were written without it. It changes neither
    /// C nor Rust.
    pub default: Option<Spanned<DefaultValue>>,
    /// The whole member, for diagnostics about it.
    pub span: Span,
}

/// The value of a member in older entries, which were written without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DefaultValue {
    /// The number of an integer, a `char` or an enum; for a big-endian integer, the number itself.
    Number(i128),
    /// The value of a `bool`.
    Bool(bool),
    /// The variant of an enum with this name.
    Variant(String),
}

impl DefaultValue {
    /// Returns whether it is zero, so that a migration need not write it in place of padding.
    #[must_use]
    pub const fn is_zero(&self) -> bool {
        matches!(self, Self::Number(0) | Self::Bool(false))
    }
}

impl Member {
    /// Returns what a map of an older schema may have at the offset of the member: a member with a
    /// former name (empty if there is none), and whether padding is possible.
    #[must_use]
    pub fn in_older_maps(&self) -> Option<(&str, bool)> {
        let former = self.renamed_from.as_ref().map_or("", |name| &name.value);
        let was_padding = self.default.as_ref().is_some_and(|default| default.value.is_zero());
        (!former.is_empty() || was_padding).then_some((former, was_padding))
    }
}

/// As a schema in Rust writes it: `1`, `true`, `"pass"`.
impl fmt::Display for DefaultValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(formatter),
            Self::Bool(truth) => truth.fmt(formatter),
            Self::Variant(name) => write!(formatter, "{name:?}"),
        }
    }
}

/// The type of a member: a [`Type`], or a struct or union that is declared in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberType {
    /// A type or a reference to a named type.
    Type(Spanned<Type>),
    /// `struct { … } name;`, or without the name.
    Struct(Composite),
    /// `union { … } name;`, or without the name.
    Union(Composite),
}

/// An enum: named integers of a fixed width.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enum {
    /// Its integer type.
    pub repr: Spanned<Int>,
    /// The prefix of the variants in C, whose names are then not changed to upper case.
    pub prefix: Option<Spanned<String>>,
    /// The variants; values may repeat.
    pub variants: Vec<Variant>,
}

impl Enum {
    /// Returns the C constant of the variant `variant` of this enum, which is called `name`.
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
    /// Its name in the schema; in C it becomes `ENUM_VARIANT` in upper case, unless the enum has
    /// its own prefix.
    pub name: Spanned<String>,
    /// Its value.
    pub value: Spanned<i128>,
    /// What it means.
    pub doc: Option<String>,
}

/// The type of a key, a value, a member or an array's elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// `u8` … `u128`, `i8` … `i128`.
    Int(Int),
    /// `bool`: one byte.
    Bool,
    /// `char`: one byte of text.
    Char,
    /// `be16`, `be32`, `be64`: an unsigned integer in network byte order, of this many bytes.
    BigEndian(u32),
    /// `[T; N]`.
    Array(Box<Spanned<Type>>, Spanned<u32>),
    /// `*T` or `*void`: a pointer that user space can only copy. `None` is `*void`.
    Pointer(Option<Box<Spanned<Type>>>),
    /// The name of a [`TypeDef`], or of a kernel type that only a pointer names.
    Named(String),
    /// A special field, with its target if it has one.
    Special(SpecialField, Option<Box<Target>>),
}

/// An integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Int {
    /// 1, 2, 4, 8 or 16 bytes.
    pub size: u32,
    /// Whether it is signed.
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
