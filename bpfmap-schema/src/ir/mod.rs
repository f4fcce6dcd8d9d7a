//! The schema, which every front end produces and every back end reads.
//!
//! The types and fields of this module have the same names as in BTF and libbpf. A schema keeps the order of its
//! source. Before the check, names in a schema can be unknown, and sizes can be invalid.

mod maps;
mod named;
mod target;
mod types;

use std::collections::HashMap;

pub use bpfmap_core::Pinning;
pub use maps::{Attribute, InnerMap, KeyValue, MapDecl, TEMPLATE_SUFFIX};
pub use target::Target;
pub use types::{
    Composite, DefaultValue, Enum, InC, Int, Member, MemberType, Type, TypeDef, TypeDefKind,
    Variant,
};

use crate::source::{SourceId, SourceMap, Span, Spanned};
use bpfmap_core::KernelVersion;

/// A schema: a set of maps and of types that they use.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    /// The name of the schema, which is also the name of the C header, the Rust module and the fixture. It is an
    /// identifier.
    pub name: Spanned<String>,
    /// The documentation of the schema.
    pub doc: Option<String>,
    /// The oldest kernel that every map supports.
    pub min_kernel: Option<Spanned<KernelVersion>>,
    /// The named types. The types of included schemas come first, followed by the types that the schema declares
    /// itself.
    pub types: Vec<TypeDef>,
    /// All included schemas. Each schema comes after the schemas that it includes itself.
    pub includes: Vec<Include>,
    /// The maps.
    pub maps: Vec<MapDecl>,
    /// For a schema in Rust, the paths of the types that declare the maps. The keys are the names
    /// of the maps. The paths begin at the module of the schema.
    pub specs: HashMap<String, String>,
    /// The texts to which the spans refer.
    pub sources: SourceMap,
}

/// An included schema, whose types another schema uses.
///
/// The generated files of a schema include the generated files of the included schemas. They do not repeat the types of
/// these schemas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Include {
    /// The name of the included schema. Its header is `NAME.h`, and its Rust module is `NAME`.
    pub name: Spanned<String>,
    /// The text of the included schema.
    pub source: SourceId,
    /// The position of the first `include` of this schema. This can be in the schema itself or in one of its includes.
    pub span: Span,
    /// Whether the schema itself contains the `include`. Otherwise, only one of its includes does.
    pub is_direct: bool,
    /// The schemas that the included schema includes itself, in the order of its source. They are indexes into
    /// [`Schema::includes`].
    pub includes: Vec<usize>,
}

impl Schema {
    /// Returns an iterator over the types that the schema declares itself.
    pub fn own_types(&self) -> impl Iterator<Item = &TypeDef> {
        self.types.iter().filter(|def| def.include.is_none())
    }

    /// Returns the types of the included schema `index`. The types that the included schema itself includes come first.
    #[must_use]
    pub fn types_of_include(&self, index: usize) -> Vec<&TypeDef> {
        let mut order = Vec::new();
        self.order_includes(index, &mut order);
        let types = order
            .into_iter()
            .map(|include| self.types.iter().filter(move |def| def.include == Some(include)));
        types.flatten().collect()
    }

    /// Adds the schema `index` to `order`, after the schemas that it includes.
    fn order_includes(&self, index: usize, order: &mut Vec<usize>) {
        if order.contains(&index) {
            return;
        }
        for include in &self.includes[index].includes {
            self.order_includes(*include, order);
        }
        order.push(index);
    }

    /// Returns the template for the inner maps of `map`. The template is declared in place, or is another map of the
    /// schema. Returns `None` if `map` has no template, or if the schema has no map with the name of the template.
    #[must_use]
    pub fn inner_of<'a>(&'a self, map: &'a MapDecl) -> Option<&'a MapDecl> {
        match &map.inner.as_ref()?.value {
            InnerMap::Named(name) => self.maps.iter().find(|map| map.name.value == *name),
            InnerMap::Template(template) => Some(template),
        }
    }
}
