//! The schema: what every front end makes and every back end reads.
//!
//! The words are those of BTF and libbpf. Order is the author's and is kept. Nothing here is
//! checked yet: names may dangle and sizes may be impossible until the check has passed.

use std::collections::HashMap;
use std::fmt;

use crate::kernel::KernelVersion;
use crate::naming::c_constant;
use crate::source::{SourceMap, Span, Spanned};

/// A set of types and of maps that use them.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    /// Names the C header, the Rust module and the fixture. An identifier.
    pub name: Spanned<String>,
    /// What the maps are for.
    pub doc: Option<String>,
    /// The oldest kernel that has to take every map.
    pub min_kernel: Option<Spanned<KernelVersion>>,
    /// Named types: those of included schemas first, then its own.
    pub types: Vec<TypeDef>,
    /// The maps.
    pub maps: Vec<MapDef>,
    /// Of a schema that is written in Rust: the types that declare its own maps, by the maps' names,
    /// as paths from the module that the schema is.
    pub specs: HashMap<String, String>,
    /// The texts that all spans point into.
    pub sources: SourceMap,
}

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
    /// Whether it is written as zero, so that it needs no writing where there was padding.
    #[must_use]
    pub const fn is_zero(&self) -> bool {
        matches!(self, Self::Number(0) | Self::Bool(false))
    }
}

impl Member {
    /// What a map of an older schema may have instead of the member: another name, which is empty where
    /// it had none, and whether padding.
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
    /// What stands before the names of the variants in C, which are then as the author wrote them.
    pub prefix: Option<Spanned<String>>,
    /// The variants; values may repeat.
    pub variants: Vec<Variant>,
}

impl Enum {
    /// The C constant of the variant `variant` of this enum, which is called `name`.
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
    /// `be16`, `be32`, `be64`: an unsigned integer in network byte order, of so many bytes.
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

/// `task_struct`, `job.node`.
impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name.value)?;
        match &self.member {
            None => Ok(()),
            Some(member) => write!(formatter, ".{}", member.value),
        }
    }
}

/// A field of a value that belongs to the kernel: user space sees zero-filled bytes.
///
/// Source: `kernel/bpf/btf.c`, `btf_get_field_type`, and `include/uapi/linux/bpf.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpecialField {
    /// `struct bpf_spin_lock`.
    SpinLock,
    /// `struct bpf_res_spin_lock`: a lock that can be refused, so that it never hangs.
    ResSpinLock,
    /// `struct bpf_timer`.
    Timer,
    /// `struct bpf_wq`: work that runs later, where it may sleep.
    WorkQueue,
    /// `struct bpf_task_work`: work that a task does on its way to user space.
    TaskWork,
    /// `struct bpf_refcount`: counts the owners of a node.
    RefCount,
    /// A pointer to an object, of the kernel or of `bpf_obj_new`, that the map owns.
    Kptr,
    /// A pointer to an object of the kernel that may be gone.
    UntrustedKptr,
    /// A pointer to what `bpf_percpu_obj_new` gave.
    PerCpuKptr,
    /// A pointer to memory of user space, which the kernel keeps in place.
    UserPtr,
    /// `struct bpf_list_head`: a list of nodes that the map owns.
    ListHead,
    /// `struct bpf_list_node`, in the type of a list's elements.
    ListNode,
    /// `struct bpf_rb_root`: a sorted tree of nodes that the map owns.
    RbRoot,
    /// `struct bpf_rb_node`, in the type of a tree's elements.
    RbNode,
}

/// What a special field leads to: a struct, by its name in C and, for a list or a tree, the node in
/// it: `task_struct`, `job.node`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The struct: the schema's, or one of the kernel's.
    pub name: Spanned<String>,
    /// The member that is the node.
    pub member: Option<Spanned<String>>,
}

impl SpecialField {
    /// Each of them.
    pub const ALL: &'static [Self] = &[
        Self::SpinLock,
        Self::ResSpinLock,
        Self::Timer,
        Self::WorkQueue,
        Self::TaskWork,
        Self::RefCount,
        Self::Kptr,
        Self::UntrustedKptr,
        Self::PerCpuKptr,
        Self::UserPtr,
        Self::ListHead,
        Self::ListNode,
        Self::RbRoot,
        Self::RbNode,
    ];

    /// Its name in a schema and, of a struct, in C.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SpinLock => "bpf_spin_lock",
            Self::ResSpinLock => "bpf_res_spin_lock",
            Self::Timer => "bpf_timer",
            Self::WorkQueue => "bpf_wq",
            Self::TaskWork => "bpf_task_work",
            Self::RefCount => "bpf_refcount",
            Self::Kptr => "kptr",
            Self::UntrustedKptr => "kptr_untrusted",
            Self::PerCpuKptr => "percpu_kptr",
            Self::UserPtr => "uptr",
            Self::ListHead => "bpf_list_head",
            Self::ListNode => "bpf_list_node",
            Self::RbRoot => "bpf_rb_root",
            Self::RbNode => "bpf_rb_node",
        }
    }

    /// Whether it is a pointer that a BTF type tag of [its name](Self::name) marks.
    #[must_use]
    pub const fn is_pointer(self) -> bool {
        matches!(self, Self::Kptr | Self::UntrustedKptr | Self::PerCpuKptr | Self::UserPtr)
    }

    /// Of a list or a tree, the field that is its node.
    #[must_use]
    pub const fn node(self) -> Option<Self> {
        match self {
            Self::ListHead => Some(Self::ListNode),
            Self::RbRoot => Some(Self::RbNode),
            _ => None,
        }
    }

    /// Whether a schema says what it leads to.
    #[must_use]
    pub const fn has_target(self) -> bool {
        self.is_pointer() || self.node().is_some()
    }
}

impl Schema {
    /// What the maps in `map` are like: its template, or the map that it names. `None` for a map
    /// that says nothing of it, or names no map of the schema.
    #[must_use]
    pub fn inner_of<'a>(&'a self, map: &'a MapDef) -> Option<&'a MapDef> {
        match &map.inner.as_ref()?.value {
            InnerMap::Named(name) => self.maps.iter().find(|map| map.name.value == *name),
            InnerMap::Template(template) => Some(template),
        }
    }
}

/// A map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapDef {
    /// Its name in C and in the kernel (which keeps 15 bytes of it).
    pub name: Spanned<String>,
    /// What it holds.
    pub doc: Option<String>,
    /// `hash`, `array` …: a row of the facts table, by its name.
    pub map_type: Spanned<String>,
    /// The key; `None` where the author did not mention one.
    pub key: Option<KeyValue>,
    /// The value; `None` where the author did not mention one.
    pub value: Option<KeyValue>,
    /// The type of the records that it carries: a plain type.
    pub event: Option<Spanned<Type>>,
    /// The kernel's struct of functions whose place a struct of programs takes.
    pub ops: Option<Spanned<String>>,
    /// How many entries. Absent is not zero: the loader decides.
    pub max_entries: Option<Spanned<u32>>,
    /// Creation flags by their names in the schema (`no_prealloc` for `BPF_F_NO_PREALLOC`).
    pub flags: Vec<Spanned<String>>,
    /// How libbpf pins it.
    pub pinning: Option<Spanned<Pinning>>,
    /// The NUMA node its memory comes from.
    pub numa_node: Option<Spanned<u32>>,
    /// `map_extra`: what it means depends on the map type.
    pub map_extra: Option<Spanned<u64>>,
    /// What a map of maps holds.
    pub inner: Option<Spanned<InnerMap>>,
    /// Initial contents: the index, and the name of a map or of a program.
    pub values: Vec<(Spanned<u32>, Spanned<String>)>,
    /// Whether key and value are described by BTF (the default), or by their sizes alone.
    pub btf: Option<Spanned<bool>>,
    /// What user space sets before it loads the object, so that C says nothing of it.
    pub set_by_loader: Vec<Spanned<Attribute>>,
    /// BTF declaration tags on the map's variable.
    pub decl_tags: Vec<Spanned<String>>,
    /// What the map was called before: the map of an older schema that this one takes the place of.
    pub renamed_from: Option<Spanned<String>>,
    /// The whole declaration, for findings about it.
    pub span: Span,
}

impl MapDef {
    /// The types that it names: those of key and value, and the event.
    pub fn types(&self) -> impl Iterator<Item = &Spanned<Type>> {
        let described = [&self.key, &self.value].into_iter().flatten();
        let described = described.filter_map(|key_or_value| match key_or_value {
            KeyValue::Type(ty) => Some(ty),
            KeyValue::Size(_) => None,
        });
        described.chain(&self.event)
    }

    /// Whether user space sets the attribute before it loads the object.
    #[must_use]
    pub fn is_set_by_loader(&self, attribute: Attribute) -> bool {
        self.set_by_loader.iter().any(|set| set.value == attribute)
    }

    /// What the map holds and the schema leaves to the loader: of these, Rust asks for a type.
    #[must_use]
    pub fn open_parts(&self) -> Vec<Attribute> {
        let parts = [Attribute::Key, Attribute::Value, Attribute::Inner];
        parts.into_iter().filter(|part| self.is_set_by_loader(*part)).collect()
    }
}

/// An attribute that a schema can leave to the loader.
///
/// Source: libbpf, `bpf_map__set_key_size`, `bpf_map__set_value_size`, `bpf_map__set_max_entries` and
/// `bpf_map__set_inner_map_fd`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Attribute {
    /// The size of a key.
    Key,
    /// The size of a value.
    Value,
    /// How many entries.
    MaxEntries,
    /// What the maps in a map of maps are like.
    Inner,
}

impl Attribute {
    /// Each of them, with its word in a schema.
    pub const WORDS: &'static [(&'static str, Self)] = &[
        ("key", Self::Key),
        ("value", Self::Value),
        ("max_entries", Self::MaxEntries),
        ("inner", Self::Inner),
    ];

    /// Its word in a schema.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Value => "value",
            Self::MaxEntries => "max_entries",
            Self::Inner => "inner",
        }
    }
}

/// A key or a value: typed, or nothing but a size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyValue {
    /// `key = "ip_key"`.
    Type(Spanned<Type>),
    /// `key_size = 16`: so many opaque bytes, without BTF.
    Size(Spanned<u32>),
}

impl KeyValue {
    /// Where it was written.
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            Self::Type(ty) => ty.span,
            Self::Size(size) => size.span,
        }
    }
}

/// How libbpf pins a map when it loads the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pinning {
    /// `LIBBPF_PIN_NONE`.
    None,
    /// `LIBBPF_PIN_BY_NAME`: under the object's pin root, by the map's name.
    ByName,
    /// A number that only the user's own loader knows.
    Other(u32),
}

impl Pinning {
    /// Those that have a word in a schema.
    pub const WORDS: &'static [(&'static str, Self)] =
        &[("none", Self::None), ("by_name", Self::ByName)];

    /// The one of this number in `enum libbpf_pin_type`.
    ///
    /// Source: libbpf, `libbpf.h`.
    #[must_use]
    pub const fn from_number(number: u32) -> Self {
        match number {
            0 => Self::None,
            1 => Self::ByName,
            other => Self::Other(other),
        }
    }
}

/// The template of the maps that a map of maps holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InnerMap {
    /// The name of another map of the schema.
    Named(String),
    /// A map that is described in place. The check names it as libbpf does: that of the map it
    /// stands in, and [`TEMPLATE_SUFFIX`].
    Template(Box<MapDef>),
}

/// What stands behind the name of a map of maps in the name of its template.
pub const TEMPLATE_SUFFIX: &str = ".inner";

impl MapDef {
    /// The map that is described in place as the template of those that this one holds.
    #[must_use]
    pub fn template(&self) -> Option<&Self> {
        match self.inner.as_ref().map(|inner| &inner.value) {
            Some(InnerMap::Template(template)) => Some(template),
            Some(InnerMap::Named(_)) | None => None,
        }
    }
}
