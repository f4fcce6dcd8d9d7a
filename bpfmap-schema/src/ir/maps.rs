//! The maps of a schema and their attributes.

use bpfmap_core::Pinning;

use super::Type;
use crate::source::{Span, Spanned};

/// The declaration of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapDecl {
    /// The name of the map in C. The kernel keeps only the first 15 bytes of this name.
    pub name: Spanned<String>,
    /// The documentation of the map.
    pub doc: Option<String>,
    /// The name of the map type in the facts table, such as `hash`.
    pub map_type: Spanned<String>,
    /// The key, or `None` if the schema does not declare a key.
    pub key: Option<KeyValue>,
    /// The value, or `None` if the schema does not declare a value.
    pub value: Option<KeyValue>,
    /// The type of the records in a ring buffer or a perf event array.
    pub event: Option<Spanned<Type>>,
    /// The name of the kernel struct that a `struct_ops` map implements.
    pub ops: Option<Spanned<String>>,
    /// The maximum number of entries, or `None` if the loader sets the number.
    pub max_entries: Option<Spanned<u32>>,
    /// The names of the flags in the schema, such as `no_prealloc` for `BPF_F_NO_PREALLOC`.
    pub flags: Vec<Spanned<String>>,
    /// The way in which libbpf pins the map.
    pub pinning: Option<Spanned<Pinning>>,
    /// The NUMA node of the map's memory.
    pub numa_node: Option<Spanned<u32>>,
    /// The `map_extra` of the map, whose meaning depends on the map type.
    pub map_extra: Option<Spanned<u64>>,
    /// For a map of maps, the template for the inner maps.
    pub inner: Option<Spanned<InnerMap>>,
    /// The initial contents. Each consists of an index and the name of a map or a program.
    pub values: Vec<(Spanned<u32>, Spanned<String>)>,
    /// Whether BTF describes the key and the value. The default is true. Without BTF, the kernel
    /// knows only their sizes.
    pub btf: Option<Spanned<bool>>,
    /// The attributes that user space sets before it loads the object. The C definition does not contain these
    /// attributes.
    pub set_by_loader: Vec<Spanned<Attribute>>,
    /// Whether the loader is allowed to leave out the map (`bpf_map__set_autocreate` of libbpf).
    pub optional: Spanned<bool>,
    /// The BTF declaration tags of the map's variable in C.
    pub decl_tags: Vec<Spanned<String>>,
    /// The name of the map in an older schema.
    pub renamed_from: Option<Spanned<String>>,
    /// The position of the whole declaration.
    pub span: Span,
}

impl MapDecl {
    /// Returns an iterator over the types of the key, the value and the event.
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

    /// Returns the attributes whose types the schema leaves to the loader. In Rust, each of these types is a type
    /// parameter.
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
    /// The size of the key.
    Key,
    /// The size of the value.
    Value,
    /// The maximum number of entries.
    MaxEntries,
    /// The template for the inner maps of a map of maps.
    Inner,
}

impl Attribute {
    /// All attributes, each with its name in a schema.
    pub const WORDS: &'static [(&'static str, Self)] = &[
        ("key", Self::Key),
        ("value", Self::Value),
        ("max_entries", Self::MaxEntries),
        ("inner", Self::Inner),
    ];

    /// Returns the name of the attribute in a schema.
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

/// The declaration of a key or a value, which is a type or only a size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyValue {
    /// The key or value has this type, as in `key = "ip_key"`.
    Type(Spanned<Type>),
    /// The key or value consists of this many bytes without a type, as in `key_size = 16`.
    Size(Spanned<u32>),
}

impl KeyValue {
    /// Returns the position of the declaration.
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
    /// A map that is declared in place. The check gives this map the name of the outer map followed by
    /// [`TEMPLATE_SUFFIX`], like libbpf.
    Template(Box<MapDecl>),
}

/// The suffix in the name of a template, which follows the name of the map of maps.
pub const TEMPLATE_SUFFIX: &str = ".inner";

impl MapDecl {
    /// Returns the template that is declared in place, or `None` if there is no such template.
    #[must_use]
    pub fn template(&self) -> Option<&Self> {
        match self.inner.as_ref().map(|inner| &inner.value) {
            Some(InnerMap::Template(template)) => Some(template),
            Some(InnerMap::Named(_)) | None => None,
        }
    }

    /// Returns a mutable reference to the template that is declared in place, or `None` if there is no such template.
    pub fn template_mut(&mut self) -> Option<&mut Self> {
        match self.inner.as_mut().map(|inner| &mut inner.value) {
            Some(InnerMap::Template(template)) => Some(template),
            Some(InnerMap::Named(_)) | None => None,
        }
    }
}
