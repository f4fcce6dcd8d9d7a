//! The schema: what every front end makes and every back end reads.
//!
//! The words are those of BTF and libbpf. Order is the author's and is kept. Nothing here is
//! checked yet: names may dangle and sizes may be impossible until the check has passed.

mod maps;
mod named;
mod target;
mod types;

use std::collections::HashMap;

pub use maps::{Attribute, InnerMap, KeyValue, MapDecl, Pinning, TEMPLATE_SUFFIX};
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
    /// Names the C header, the Rust module and the fixture. An identifier.
    pub name: Spanned<String>,
    /// What the maps are for.
    pub doc: Option<String>,
    /// The oldest kernel that has to take every map.
    pub min_kernel: Option<Spanned<KernelVersion>>,
    /// Named types: those of included schemas first, then its own.
    pub types: Vec<TypeDef>,
    /// The schemas that declare the other types, each after those that it includes itself.
    pub includes: Vec<Include>,
    /// The maps.
    pub maps: Vec<MapDecl>,
    /// Of a schema that is written in Rust: the types that declare its own maps, by the maps' names,
    /// as paths from the module that the schema is.
    pub specs: HashMap<String, String>,
    /// The texts that all spans point into.
    pub sources: SourceMap,
}

/// Another schema, whose types a schema uses.
///
/// What is generated of a schema names the files of those that it includes rather than repeat their types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Include {
    /// What that schema is called: its header is `NAME.h`, its Rust module `NAME`.
    pub name: Spanned<String>,
    /// The text that declares its types.
    pub source: SourceId,
    /// The first place that names it, in the schema or in one of its includes.
    pub span: Span,
    /// Whether the schema names it itself, rather than one of its includes alone.
    pub is_direct: bool,
    /// The schemas that it includes itself, in its order, as indexes into [`Schema::includes`].
    pub includes: Vec<usize>,
}

impl Schema {
    /// Returns the types that the schema declares itself.
    pub fn own_types(&self) -> impl Iterator<Item = &TypeDef> {
        self.types.iter().filter(|def| def.include.is_none())
    }

    /// Returns the types of the included schema `index`, in the order in which that schema has them: those that it
    /// includes itself first.
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

    /// Returns what the maps in `map` are like: its template, or the map that it names. `None` for
    /// a map that says nothing of it, or names no map of the schema.
    #[must_use]
    pub fn inner_of<'a>(&'a self, map: &'a MapDecl) -> Option<&'a MapDecl> {
        match &map.inner.as_ref()?.value {
            InnerMap::Named(name) => self.maps.iter().find(|map| map.name.value == *name),
            InnerMap::Template(template) => Some(template),
        }
    }
}
