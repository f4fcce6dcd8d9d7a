//! Which types have an alignment that Rust calls explicit.
//!
//! Rust refuses a type with `repr(align)` anywhere within a type with `repr(packed)`.

use std::collections::HashSet;

use crate::check::Checked;
use crate::ir::{Composite, MemberType, SpecialField, Type, TypeDefKind};
use crate::layout::{CompositeLayout, MemberLayout};

/// The named types that have, or hold something that has, `repr(align)`.
#[derive(Debug, Default)]
pub(super) struct ExplicitlyAligned<'a>(HashSet<&'a str>);

/// Finds them in the order of definition, so that what a type holds is known before it.
pub(super) fn explicitly_aligned(checked: &Checked) -> ExplicitlyAligned<'_> {
    let schema = checked.schema();
    let mut found = ExplicitlyAligned::default();
    for &index in checked.layouts().definition_order() {
        let def = &schema.types[index];
        let layout = checked.layouts().composite(&def.name.value);
        let explicit = match (&def.kind, layout) {
            (TypeDefKind::Struct(body), Some(layout)) => found.composite(body, layout, false),
            (TypeDefKind::Union(body), Some(layout)) => found.composite(body, layout, true),
            (TypeDefKind::Alias(target), _) => found.ty(&target.value),
            _ => false,
        };
        if explicit {
            found.0.insert(&def.name.value);
        }
    }
    found
}

/// Whether the runtime's type of `field` has `repr(align)`: all but those of 4 bytes.
fn is_explicit(field: SpecialField) -> bool {
    use SpecialField as Field;
    !matches!(field, Field::SpinLock | Field::ResSpinLock | Field::RefCount)
}

impl ExplicitlyAligned<'_> {
    pub(super) fn member(&self, ty: &MemberType, at: &MemberLayout) -> bool {
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
            Type::Named(name) => self.0.contains(name.as_str()),
            _ => false,
        }
    }

    fn composite(&self, body: &Composite, layout: &CompositeLayout, is_union: bool) -> bool {
        // What is packed and has no alignment keeps such members in bytes.
        if layout.align == 1 {
            return false;
        }
        let fields = || {
            let members = body.members.iter().zip(&layout.members);
            members.filter(|(member, _)| member.bits.is_none())
        };
        let natural = fields().map(|(_, at)| at.ty.align).max().unwrap_or(1);
        is_union
            || body.packed
            || layout.align > natural
            || fields().any(|(member, at)| self.member(&member.ty, at))
    }
}
