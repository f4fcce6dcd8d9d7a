//! Finds the types with an explicit alignment (`repr(align)`) in Rust.
//!
//! Rust refuses a type with `repr(align)` anywhere inside a type with `repr(packed)`.

use std::collections::HashSet;

use crate::ir::{Composite, MemberType, Schema, Type, TypeDefKind};
use crate::layout::{CompositeLayout, Layouts, MemberLayout};
use bpfmap_core::SpecialField;

/// The named types that have `repr(align)` or contain a type with `repr(align)`.
#[derive(Debug)]
pub struct ExplicitlyAligned<'a> {
    named: HashSet<&'a str>,
}

/// Finds the types of `schema` that have `repr(align)` or contain a type with `repr(align)`. Visits the types in the
/// order of definition, because the result for a type depends on the types that it contains.
#[must_use]
pub fn explicitly_aligned<'a>(schema: &'a Schema, layouts: &Layouts) -> ExplicitlyAligned<'a> {
    let mut found = ExplicitlyAligned { named: HashSet::new() };
    for &index in layouts.definition_order() {
        let def = &schema.types[index];
        let layout = layouts.composite(&def.name.value);
        let explicit = match (&def.kind, layout) {
            (TypeDefKind::Struct(body), Some(layout)) => found.composite(body, layout, false),
            (TypeDefKind::Union(body), Some(layout)) => found.composite(body, layout, true),
            (TypeDefKind::Alias(target), _) => found.ty(&target.value),
            _ => false,
        };
        if explicit {
            found.named.insert(&def.name.value);
        }
    }
    found
}

/// Returns whether the type in `bpfmap` that represents `field` has `repr(align)`. This is true of
/// all special fields except those of 4 bytes.
fn is_explicit(field: SpecialField) -> bool {
    use SpecialField as Field;
    !matches!(field, Field::SpinLock | Field::ResSpinLock | Field::RefCount)
}

impl ExplicitlyAligned<'_> {
    /// Returns whether the type of a member has `repr(align)`.
    #[must_use]
    pub fn member(&self, ty: &MemberType, at: &MemberLayout) -> bool {
        match (ty, &at.nested) {
            (MemberType::Type(ty), _) => self.ty(&ty.value),
            (MemberType::Struct(body), Some(layout)) => self.composite(body, layout, false),
            (MemberType::Union(body), Some(layout)) => self.composite(body, layout, true),
            (_, None) => false,
        }
    }

    fn ty(&self, ty: &Type) -> bool {
        match ty {
            Type::Array(element, _) => self.ty(&element.value),
            Type::Special(field, _) => is_explicit(*field),
            Type::Named(name) => self.named.contains(name.as_str()),
            _ => false,
        }
    }

    fn composite(&self, body: &Composite, layout: &CompositeLayout, is_union: bool) -> bool {
        // A packed type with an alignment of 1 stores such members as bytes.
        if layout.align == 1 {
            return false;
        }
        let fields = || {
            let members = body.members.iter().zip(&layout.members);
            members.filter(|(member, _)| member.bits.is_none())
        };
        // A union member that is shorter than the union has a wrapper with an alignment of 1.
        let is_wrapped = |at: &MemberLayout| is_union && at.ty.size < layout.size;
        let aligned = fields().filter(|(_, at)| !is_wrapped(at));
        let natural = aligned.map(|(_, at)| at.ty.align).max().unwrap_or(1);
        // An alignment in the declaration is always written, even if it has no effect.
        body.align.is_some()
            || body.packed
            || layout.align > natural
            || fields().any(|(member, at)| self.member(&member.ty, at))
    }
}
