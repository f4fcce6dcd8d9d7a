//! Maps and their attributes.

use bpfmap_core::Pinning;

use super::Type;
use crate::source::{Span, Spanned};

/// A map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapDecl {
    /// Its name in C and in the kernel, which keeps 15 bytes of it.
    pub name: Spanned<String>,
    /// Its documentation.
    pub doc: Option<String>,
    /// The map type by its name in the facts table, such as `hash`.
    pub map_type: Spanned<String>,
    /// The key, if the schema has one.
    pub key: Option<KeyValue>,
    /// The value, if the schema has one.
    pub value: Option<KeyValue>,
    /// The type of its records.
    pub event: Option<Spanned<Type>>,
    /// The kernel's struct of functions that a `struct_ops` map implements.
    pub ops: Option<Spanned<String>>,
    /// The number of entries. If it is absent, the loader sets it.
    pub max_entries: Option<Spanned<u32>>,
    /// Creation flags by their names in the schema (`no_prealloc` for `BPF_F_NO_PREALLOC`).
    pub flags: Vec<Spanned<String>>,
    /// How libbpf pins it.
    pub pinning: Option<Spanned<Pinning>>,
    /// The NUMA node of its memory.
    pub numa_node: Option<Spanned<u32>>,
    /// `map_extra`, whose meaning depends on the map type.
    pub map_extra: Option<Spanned<u64>>,
    /// The template of a map of maps.
    pub inner: Option<Spanned<InnerMap>>,
    /// Initial contents: the index, and the name of a map or of a program.
    pub values: Vec<(Spanned<u32>, Spanned<String>)>,
    /// Whether BTF describes key and value (the default), or only their sizes are known.
    pub btf: Option<Spanned<bool>>,
    /// The attributes that user space sets before it loads the object. They are not in the C
    /// definition.
    pub set_by_loader: Vec<Spanned<Attribute>>,
    /// Whether the loader may leave out the map (libbpf's `bpf_map__set_autocreate`).
    pub optional: Spanned<bool>,
    /// BTF declaration tags on the map's variable.
    pub decl_tags: Vec<Spanned<String>>,
    /// The name of the map in an older schema.
    pub renamed_from: Option<Spanned<String>>,
    /// The whole declaration, for diagnostics about it.
    pub span: Span,
}

impl MapDecl {
    /// Returns the types of the key, the value and the event.
    pub fn types(&self) -> impl Iterator<Item = &Spanned<Type>> {
        let described = [&self.key, &self.value].into_iter().flatten();
        let described = described.filter_map(|key_or_value| match key_or_value {
            KeyValue::Type(ty) => Some(ty),
            KeyValue::Size(_) => None,
        });
        described.chain(&self.event)
    }

    /// Returns whether user space sets the attribute before it loads the object.
    #[must_use]
    pub fn is_set_by_loader(&self, attribute: Attribute) -> bool {
        self.set_by_loader.iter().any(|set| set.value == attribute)
    }

    /// Returns the types that the schema leaves to the loader, which become type parameters in
    /// Rust.
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
    /// The number of entries.
    MaxEntries,
    /// The template of a map of maps.
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

    /// Returns its word in a schema.
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

/// A key or a value, with a type or only a size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyValue {
    /// `key = "ip_key"`.
    Type(Spanned<Type>),
    /// `key_size = 16`: this many opaque bytes, without BTF.
    Size(Spanned<u32>),
}

impl KeyValue {
    /// Returns its position.
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            Self::Type(ty) => ty.span,
            Self::Size(size) => size.span,
        }
    }
}

/// The template for the inner maps of a map of maps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InnerMap {
    /// The name of another map of the schema.
    Named(String),
    /// A map that is declared in place. Like libbpf, the check gives it the name of the outer map
    /// with [`TEMPLATE_SUFFIX`].
    Template(Box<MapDecl>),
}

/// The suffix of a template's name after the name of the map of maps.
pub const TEMPLATE_SUFFIX: &str = ".inner";

impl MapDecl {
    /// Returns the template that is declared in place, if there is one.
    #[must_use]
    pub fn template(&self) -> Option<&Self> {
        match self.inner.as_ref().map(|inner| &inner.value) {
            Some(InnerMap::Template(template)) => Some(template),
            Some(InnerMap::Named(_)) | None => None,
        }
    }

    /// Returns a mutable reference to the same template.
    pub fn template_mut(&mut self) -> Option<&mut Self> {
        match self.inner.as_mut().map(|inner| &mut inner.value) {
            Some(InnerMap::Template(template)) => Some(template),
            Some(InnerMap::Named(_)) | None => None,
        }
    }
}
