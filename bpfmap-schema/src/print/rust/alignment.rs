//! Finds the types with an explicit alignment (`repr(align)`) in Rust.
//!
//! Rust refuses a type with `repr(align)` anywhere inside a type with `repr(packed)`.

use std::collections::HashSet;

use crate::ir::{Composite, MemberType, Schema, Type, TypeDefKind};
use crate::layout::{CompositeLayout, Layouts, MemberLayout};
use bpfmap_core::SpecialField;

/// The named types that have `repr(align)` or contain a type with it.
#[derive(Debug)]
pub struct ExplicitlyAligned<'a> {
    named: HashSet<&'a str>,
}

/// Finds these types. Goes through them in the order of definition, so that the types contained in
/// a type are known before it.
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

/// Returns whether the type for `field` in `bpfmap` has `repr(align)`. All have it except those of
/// 4 bytes.
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
        // A packed type with alignment 1 stores such members in bytes.
        if layout.align == 1 {
            return false;
        }
        let fields = || {
            let members = body.members.iter().zip(&layout.members);
            members.filter(|(member, _)| member.bits.is_none())
        };
        // The wrapper of a union member that is shorter than the union has alignment 1.
        let is_wrapped = |at: &MemberLayout| is_union && at.ty.size < layout.size;
        let aligned = fields().filter(|(_, at)| !is_wrapped(at));
        let natural = aligned.map(|(_, at)| at.ty.align).max().unwrap_or(1);
        // A requested alignment is always written, even if it is not needed.
        body.align.is_some()
            || body.packed
            || layout.align > natural
            || fields().any(|(member, at)| self.member(&member.ty, at))
    }
}
