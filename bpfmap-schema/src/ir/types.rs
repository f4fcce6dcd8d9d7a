//! Types: structs, unions, enums and aliases, and what members hold.

use std::fmt;

use super::Target;
use crate::naming::c_constant;
use crate::source::{Span, Spanned};
use bpfmap_core::SpecialField;

/// A named type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeDef {
    /// Its name in C; Rust gets it in `UpperCamelCase`.
    pub name: Spanned<String>,
    /// What it means.
    pub doc: Option<String>,
    /// What it is made of.
    pub kind: TypeDefKind,
    /// BTF declaration tags, `__attribute__((btf_decl_tag("…")))`.
    pub decl_tags: Vec<Spanned<String>>,
    /// How C knows it.
    pub in_c: InC,
    /// The schema that declares it, as an index into [`Schema::includes`](super::Schema::includes);
    /// `None` for a type that the schema declares itself.
    pub include: Option<usize>,
}

/// How C knows a named type, beside its name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InC {
    /// Whether C calls a struct, union or enum by its bare name too: `typedef struct NAME { … }
    /// NAME;`.
    pub typedef: bool,
    /// Whether the kernel defines it, so that `vmlinux.h` has it: the header leaves it to that, and
    /// proves that the layout is the one that the schema says.
    pub kernel: bool,
}

/// What a named type is made of.
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
    /// An alignment in bytes that is asked for, a power of two; it can only raise the natural one.
    pub align: Option<Spanned<u32>>,
    /// The members.
    pub members: Vec<Member>,
}

/// A member of a struct or a union.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name. `None` for an anonymous struct or union, whose members count as the outer
    /// type's; and for an unnamed bit-field, which only takes room.
    pub name: Option<Spanned<String>>,
    /// What it means.
    pub doc: Option<String>,
    /// What it holds.
    pub ty: MemberType,
    /// The width of a bit-field.
    pub bits: Option<Spanned<u32>>,
    /// BTF declaration tags.
    pub decl_tags: Vec<Spanned<String>>,
    /// What the member was called before. Neither C nor Rust shows it: it says which bytes of an
    /// older map are this member's.
    pub renamed_from: Option<Spanned<String>>,
    /// What the member is in entries that were written before there was one. Neither C nor Rust
    /// shows it.
    pub default: Option<Spanned<DefaultValue>>,
    /// The whole member, for findings about it.
    pub span: Span,
}

/// What a member is in entries that were written before there was one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DefaultValue {
    /// Of an integer, a `char` or an enum; of a big-endian integer, the number that it stands for.
    Number(i128),
    /// Of a `bool`.
    Bool(bool),
    /// Of an enum: the variant of this name.
    Variant(String),
}

impl DefaultValue {
    /// Returns whether it is written as zero, so that it needs no writing where there was padding.
    #[must_use]
    pub const fn is_zero(&self) -> bool {
        matches!(self, Self::Number(0) | Self::Bool(false))
    }
}

impl Member {
    /// Returns what a map of an older schema may have instead of the member: another name, which is empty where it had
    /// none, and whether padding.
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

/// The type of a member: one of the [`Type`]s, or a struct or union that is written in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberType {
    /// A type by name or by shape.
    Type(Spanned<Type>),
    /// `struct { … } name;`, or without the name.
    Struct(Composite),
    /// `union { … } name;`, or without the name.
    Union(Composite),
}

/// An enum: named integers of a fixed width.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enum {
    /// The integer that holds it.
    pub repr: Spanned<Int>,
    /// What is before the names of the variants in C, which are then as the author wrote them.
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
    /// Its name as the author wrote it; C gets `ENUM_VARIANT` in upper case, unless the enum has a
    /// prefix of its own.
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
    /// `*T` or `*void`: a pointer that user space only carries. `None` is `*void`.
    Pointer(Option<Box<Spanned<Type>>>),
    /// One of [`TypeDef`]s, or a type of the kernel that only a pointer names.
    Named(String),
    /// A field that the verifier treats specially, with what it leads to where it leads anywhere.
    Special(SpecialField, Option<Box<Target>>),
}

/// An integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Int {
    /// 1, 2, 4, 8 or 16 bytes.
    pub size: u32,
    /// Whether it can be negative.
    pub signed: bool,
}

/// As a schema writes it: `u32`, `i8`.
impl fmt::Display for Int {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.signed { 'i' } else { 'u' };
        write!(formatter, "{sign}{}", u64::from(self.size) * 8)
    }
}

/// As a schema writes it: `[be16; 2]`, `*task_struct`, `bpf_list_head<job.node>`.
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
