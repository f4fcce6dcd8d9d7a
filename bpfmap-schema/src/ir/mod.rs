//! The schema, which every front end produces and every back end reads.
//!
//! The names are those of BTF and libbpf. The order of the source is kept. Nothing here is checked:
//! names may be unknown and sizes impossible before the check.

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

/// A set of types and of maps that use them.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    /// The name of the C header, the Rust module and the fixture, which is an identifier.
    pub name: Spanned<String>,
    /// A description of the maps.
    pub doc: Option<String>,
    /// The oldest kernel that every map supports.
    pub min_kernel: Option<Spanned<KernelVersion>>,
    /// Named types: those of included schemas first, then its own.
    pub types: Vec<TypeDef>,
    /// The schemas that declare the other types, each after those that it includes itself.
    pub includes: Vec<Include>,
    /// The maps.
    pub maps: Vec<MapDecl>,
    /// For a schema in Rust, the types that declare its own maps, by the names of the maps, as paths from the module of
    /// the schema.
    pub specs: HashMap<String, String>,
    /// The texts to which all spans refer.
    pub sources: SourceMap,
}

/// Another schema, whose types a schema uses.
///
/// The generated files of a schema include the files of included schemas and do not repeat their types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Include {
    /// The name of that schema: its header is `NAME.h`, its Rust module `NAME`.
    pub name: Spanned<String>,
    /// The text with its types.
    pub source: SourceId,
    /// The first position at which it is included, in the schema or in one of its includes.
    pub span: Span,
    /// Whether the schema includes it directly.
    pub is_direct: bool,
    /// The schemas that it includes itself, in its order, as indexes into [`Schema::includes`].
    pub includes: Vec<usize>,
}

impl Schema {
    /// Returns the types that the schema declares itself.
    pub fn own_types(&self) -> impl Iterator<Item = &TypeDef> {
        self.types.iter().filter(|def| def.include.is_none())
    }

    /// Returns the types of the included schema `index` in that schema's order, which starts with
    /// the types that it includes itself.
    #[must_use]
    pub fn types_of_include(&self, index: usize) -> Vec<&TypeDef> {
        let mut order = Vec::new();
        self.order_includes(index, &mut order);
        let types = order
            .into_iter()
            .map(|include| self.types.iter().filter(move |def| def.include == Some(include)));
        types.flatten().collect()
    }

    /// Adds the schema `index` to `order`, after those that it includes.
    fn order_includes(&self, index: usize, order: &mut Vec<usize>) {
        if order.contains(&index) {
            return;
        }
        for include in &self.includes[index].includes {
            self.order_includes(*include, order);
        }
        order.push(index);
    }

    /// Returns the template of `map`: the one that is declared in place, or the map that it names.
    /// Returns `None` if it has no template, or names no map of the schema.
    #[must_use]
    pub fn inner_of<'a>(&'a self, map: &'a MapDecl) -> Option<&'a MapDecl> {
        match &map.inner.as_ref()?.value {
            InnerMap::Named(name) => self.maps.iter().find(|map| map.name.value == *name),
            InnerMap::Template(template) => Some(template),
        }
    }
}
