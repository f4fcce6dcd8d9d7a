//! Checks whether the same bytes have the same meaning in two types. Each pair of named types is
//! compared only once, so that the running time does not depend on how often a type is used.

use std::collections::HashMap;

use super::place::{Body, End, PlacedMember, View, end_of, places};
use bpfmap_schema::check::Resolved;
use bpfmap_schema::ir::{Enum, Type};

pub(super) struct Same<'a> {
    old: Resolved<'a>,
    new: Resolved<'a>,
    known: HashMap<(&'a str, &'a str), bool>,
}

impl<'a> Same<'a> {
    pub(super) fn new(old: Resolved<'a>, new: Resolved<'a>) -> Self {
        Self { old, new, known: HashMap::new() }
    }

    pub(super) fn ends(&mut self, old: &End<'a>, new: &End<'a>) -> bool {
        old.layout.size == new.layout.size && self.views(old.view, new.view)
    }

    fn views(&mut self, old: View<'a>, new: View<'a>) -> bool {
        match (old, new) {
            (View::Composite(old), View::Composite(new)) => self.bodies(old, new),
            (View::Array(old, old_len), View::Array(new, new_len)) => {
                let (old, new) = (end_of(self.old, old), end_of(self.new, new));
                old_len == new_len && self.ends(&old, &new)
            }
            (View::Enum(old), View::Enum(new)) => enums(old, new),
            (View::Scalar(old), View::Scalar(new)) => {
                // User space never follows a pointer, so the type of the pointer's target does not
                // matter.
                let are_pointers = matches!((old, new), (Type::Pointer(_), Type::Pointer(_)));
                are_pointers || old == new
            }
            (View::Opaque, View::Opaque) => true,
            _ => false,
        }
    }

    fn bodies(&mut self, old: Body<'a>, new: Body<'a>) -> bool {
        let names = old.name.zip(new.name);
        if let Some(known) = names.and_then(|names| self.known.get(&names)) {
            return *known;
        }
        let same = self.members(old, new);
        self.known.extend(names.map(|names| (names, same)));
        same
    }

    fn members(&mut self, old: Body<'a>, new: Body<'a>) -> bool {
        if old.is_union != new.is_union || old.layout.size != new.layout.size {
            return false;
        }
        let (old, new) = (places(old), places(new));
        old.len() == new.len() && old.iter().zip(&new).all(|(old, new)| self.places(old, new))
    }

    fn places(&mut self, old: &PlacedMember<'a>, new: &PlacedMember<'a>) -> bool {
        let is_bit_field = |place: &PlacedMember<'_>| place.member.bits.is_some();
        old.name() == new.name()
            && old.bit_offset == new.bit_offset
            && old.bits == new.bits
            && old.in_union == new.in_union
            && is_bit_field(old) == is_bit_field(new)
            && old.member.decl_tags == new.member.decl_tags
            && self.ends(&old.end(self.old), &new.end(self.new))
    }
}

fn enums(old: &Enum, new: &Enum) -> bool {
    let variants = |of: &Enum| -> Vec<(String, i128)> {
        let named = of.variants.iter();
        named.map(|variant| (variant.name.value.clone(), variant.value.value)).collect()
    };
    old.repr == new.repr && variants(old) == variants(new)
}
