//! Plans how the bytes of a type move, from the outermost type down to its members.

use std::collections::BTreeMap;

use super::numbers::{number, widen};
use super::{Obstacle, Planner, is_special};
use crate::evolve::change::Side;
use crate::evolve::pair::{Composites, MemberPair, Shape, TypePair};
use crate::evolve::place::{End, PlacedMember, View, end_of, places};
use bpfmap_core::MigrationStep;
use bpfmap_schema::ir::{MemberType, Type};
use bumpalo::Bump;

/// The steps that have been planned so far.
#[derive(Default)]
pub(super) struct Moves<'a> {
    steps: Vec<MigrationStep<'a>>,
    /// The default values of new members, stored byte by byte because several bit-fields can share
    /// a byte.
    defaults: BTreeMap<u32, u8>,
}

impl<'a> Moves<'a> {
    /// Returns the steps. The steps for defaults come first, because a moved bit-field can share a
    /// byte with a default.
    pub(super) fn finish(self, arena: &'a Bump) -> &'a [MigrationStep<'a>] {
        let mut runs: Vec<(u32, Vec<u8>)> = vec![];
        for (at, byte) in self.defaults {
            match runs.last_mut() {
                Some((to, bytes)) if u64::from(*to) + bytes.len() as u64 == u64::from(at) => {
                    bytes.push(byte);
                }
                _ => runs.push((at, vec![byte])),
            }
        }
        let fills = runs.iter().map(|(to, bytes)| MigrationStep::Fill {
            to: *to,
            bytes: arena.alloc_slice_copy(bytes),
        });
        let steps: Vec<MigrationStep<'a>> = fills.chain(self.steps).collect();
        arena.alloc_slice_copy(&steps)
    }

    fn copy(&mut self, from: u64, to: u64, len: u64) {
        let (from, to, len) = (narrow(from), narrow(to), narrow(len));
        if len == 0 {
            return;
        }
        match self.steps.last_mut() {
            Some(MigrationStep::Copy { from: before, to: target, len: already })
                if *before + *already == from && *target + *already == to =>
            {
                *already += len;
            }
            _ => self.steps.push(MigrationStep::Copy { from, to, len }),
        }
    }

    fn append(&mut self, other: Self) {
        for (at, byte) in other.defaults {
            *self.defaults.entry(at).or_default() |= byte;
        }
        for step in other.steps {
            match step {
                MigrationStep::Copy { from, to, len } => {
                    self.copy(from.into(), to.into(), len.into());
                }
                step => self.steps.push(step),
            }
        }
    }

    /// Adds a default value of `bits` bits. `bit` is the position of its lowest bit.
    fn fill(&mut self, bit: u64, bits: u64, value: i128) {
        for index in 0..bits.min(128) {
            if value >> index & 1 == 1 {
                let at = bit + index;
                *self.defaults.entry(narrow(at / 8)).or_default() |= 1 << (at % 8);
            }
        }
    }
}

/// Converts an offset or size to 32 bits. The check of the schema has ensured that the number fits.
fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Returns whether all data that is kept has the same offset and size before and after the
/// migration.
pub(super) fn stays_in_place(steps: &[MigrationStep<'_>]) -> bool {
    steps.iter().all(|step| match step {
        MigrationStep::Copy { from, to, .. } => from == to,
        MigrationStep::Fill { .. } => true,
        MigrationStep::Integer { from_bit, from_bits, to_bit, to_bits, .. } => {
            from_bit == to_bit && from_bits == to_bits
        }
        MigrationStep::Each { from, from_size, to, to_size, steps, .. } => {
            from == to && from_size == to_size && stays_in_place(steps)
        }
    })
}

const SHRINKS: &str = "keep the size, or give the member a new name";
const OTHER_TYPE: &str = "keep the type, or give the member a new name";
const UNION: &str = "keep the members of the union; you can add new members";

impl<'a> Planner<'a> {
    /// Plans how the bytes of a type move from an offset in the old value to an offset in the new
    /// value.
    pub(super) fn types(
        &mut self,
        path: &str,
        pair: &TypePair<'a>,
        (from, to): (u64, u64),
        moves: &mut Moves<'a>,
    ) {
        let (old, new) = (&pair.old, &pair.new);
        // Special fields are empty in the new map. Special fields that contain pointers have
        // already been checked.
        if is_special(old.view) && is_special(new.view) {
            return;
        }
        match &pair.shape {
            Shape::Same => moves.copy(from, to, old.layout.size),
            Shape::Composites(members) => self.composites(path, members, (from, to), moves),
            Shape::Arrays(element) => self.arrays(path, pair, element, (from, to), moves),
            Shape::Enums(..) | Shape::Ends => self.ends(path, (old, new), (from, to), moves),
        }
    }

    fn arrays(
        &mut self,
        path: &str,
        pair: &TypePair<'a>,
        element: &TypePair<'a>,
        (from, to): (u64, u64),
        moves: &mut Moves<'a>,
    ) {
        let len = |view| if let View::Array(_, len) = view { len } else { 0 };
        let (was, is) = (len(pair.old.view), len(pair.new.view));
        if is < was {
            let message = format!("changed from {was} to {is} elements");
            return self.obstacle(path, (Side::New, pair.new.span), message, SHRINKS);
        }
        let mut each = Moves::default();
        self.types(&format!("{path}[]"), element, (0, 0), &mut each);
        let steps = each.finish(self.arena);
        let (from_size, to_size) = (element.old.layout.size, element.new.layout.size);
        let whole = [MigrationStep::Copy { from: 0, to: 0, len: narrow(from_size) }];
        if from_size == to_size && steps == whole {
            moves.copy(from, to, from_size.saturating_mul(u64::from(was)));
        } else if was > 0 && !steps.is_empty() {
            moves.steps.push(MigrationStep::Each {
                from: narrow(from),
                from_size: narrow(from_size),
                to: narrow(to),
                to_size: narrow(to_size),
                len: was,
                steps,
            });
        }
    }

    /// Plans how the bytes of a type without members move.
    fn ends(
        &mut self,
        path: &str,
        (old, new): (&End<'a>, &End<'a>),
        (from, to): (u64, u64),
        moves: &mut Moves<'a>,
    ) {
        let (was, is) = (old.layout.size, new.layout.size);
        if let (Some(old_number), Some(new_number)) = (number(old.view), number(new.view)) {
            let bits = |size: u64| size.saturating_mul(8);
            match widen((old_number, bits(was)), (new_number, bits(is))) {
                Ok(_) if was == is => moves.copy(from, to, was),
                // The lowest byte of a big-endian number comes last, so the old bytes are copied to
                // the end of the new number.
                Ok(_) if new_number == super::numbers::Number::BigEndian => {
                    moves.copy(from, to + (is - was), was);
                }
                Ok(signed) => moves.steps.push(MigrationStep::Integer {
                    from_bit: narrow(bits(from)),
                    from_bits: narrow(bits(was)),
                    to_bit: narrow(bits(to)),
                    to_bits: narrow(bits(is)),
                    signed,
                }),
                Err((message, help)) => {
                    self.obstacle(path, (Side::New, new.span), message, help);
                }
            }
            return;
        }
        let at = (Side::New, new.span);
        match (old.view, new.view) {
            (View::Opaque, View::Opaque) if was <= is => moves.copy(from, to, was),
            (View::Opaque, _) | (_, View::Opaque) if was == is => moves.copy(from, to, was),
            (View::Opaque, _) | (_, View::Opaque) => {
                let message = format!(
                    "changed from {was} to {is} bytes, and at least one of the schemas declares no type"
                );
                self.obstacle(path, at, message, "keep the size");
            }
            (View::Scalar(Type::Pointer(_)), View::Scalar(Type::Pointer(_))) => {
                moves.copy(from, to, was);
            }
            _ => self.obstacle(path, at, "the type has changed".to_owned(), OTHER_TYPE),
        }
    }

    fn composites(
        &mut self,
        path: &str,
        composites: &Composites<'a>,
        (from, to): (u64, u64),
        moves: &mut Moves<'a>,
    ) {
        for pair in &composites.members {
            let path = format!("{path}.{}", pair.new.name());
            self.member(&path, pair, (from, to), moves);
        }
        self.unions(path, composites);
        for place in &composites.removed {
            let path = format!("{path}.{}", place.name());
            let is_shared = composites.members.iter().any(|pair| pair.old.overlaps(place));
            let at = (Side::Old, place.member.span);
            if is_shared {
                let message =
                    "removed, but bpfmap does not know which entries use this member of the union";
                self.obstacle(&path, at, message.to_owned(), UNION);
            } else if self.is_key {
                let message = "removed: two keys could become equal".to_owned();
                self.obstacle(&path, at, message, "keep the members of a key");
            } else {
                self.notes.push(format!(
                    "{path}: dropped, because the new schema does not have this member"
                ));
            }
        }
        for place in &composites.added {
            let is_shared = composites.members.iter().any(|pair| pair.new.overlaps(place));
            if !is_shared {
                self.defaults(place, to, moves);
            }
        }
    }

    fn member(
        &mut self,
        path: &str,
        pair: &MemberPair<'a>,
        (from, to): (u64, u64),
        moves: &mut Moves<'a>,
    ) {
        let MemberPair { old, new, ty } = pair;
        if old.member.bits.is_none() && new.member.bits.is_none() {
            let places = (from + old.bit_offset / 8, to + new.bit_offset / 8);
            let count = self.obstacles.len();
            let mut own = Moves::default();
            self.types(path, ty, places, &mut own);
            // All members of a union share the same bytes, so the conversion must not change any
            // member.
            if (old.in_union || new.in_union) && self.obstacles.len() == count {
                let way = places.1.wrapping_sub(places.0);
                if !own.defaults.is_empty() || own.steps.iter().any(|step| !is_plain(step, way)) {
                    let message =
                        "the conversion of this member would change the other members of the union"
                            .to_owned();
                    self.obstacle(path, (Side::New, new.member.span), message, UNION);
                }
            }
            moves.append(own);
            return;
        }
        let (Some(old_number), Some(new_number)) = (number(ty.old.view), number(ty.new.view))
        else {
            let message = "the type has changed".to_owned();
            return self.obstacle(path, (Side::New, new.member.span), message, OTHER_TYPE);
        };
        match widen((old_number, old.bits), (new_number, new.bits)) {
            Ok(signed) => moves.steps.push(MigrationStep::Integer {
                from_bit: narrow(from * 8 + old.bit_offset),
                from_bits: narrow(old.bits),
                to_bit: narrow(to * 8 + new.bit_offset),
                to_bits: narrow(new.bits),
                signed,
            }),
            Err((message, help)) => {
                self.obstacle(path, (Side::New, new.member.span), message, help);
            }
        }
    }

    /// Checks that members that share bytes move by the same distance. Also checks that members
    /// that share bytes in the new type already shared bytes in the old type.
    fn unions(&mut self, path: &str, composites: &Composites<'a>) {
        let shares = |pair: &&MemberPair<'_>| pair.old.in_union || pair.new.in_union;
        let members: Vec<&MemberPair<'_>> = composites.members.iter().filter(shares).collect();
        let mut found: Vec<Obstacle> = vec![];
        for (index, one) in members.iter().enumerate() {
            for other in &members[index + 1..] {
                let way =
                    |pair: &MemberPair<'_>| pair.new.bit_offset.wrapping_sub(pair.old.bit_offset);
                let (did, do_now) = (one.old.overlaps(&other.old), one.new.overlaps(&other.new));
                let message = match (did, do_now) {
                    (true, _) if way(one) != way(other) => {
                        "this member and the member `{}` share bytes, but their conversions differ"
                    }
                    (false, true) => {
                        "this member and the member `{}` share bytes in the new type, but not in the old type"
                    }
                    _ => continue,
                };
                found.push(Obstacle {
                    path: format!("{path}.{}", other.new.name()),
                    message: message.replace("{}", one.new.name()),
                    help: UNION,
                    side: Side::New,
                    span: other.new.member.span,
                });
                break;
            }
        }
        self.obstacles.extend(found);
    }

    /// Adds the default value that a new member gets in old entries. For a struct or union, the
    /// function adds the default values of its members.
    fn defaults(&self, place: &PlacedMember<'a>, base: u64, moves: &mut Moves<'a>) {
        let end = place.end(self.new);
        let bit = base * 8 + place.bit_offset;
        if let View::Composite(body) = end.view {
            for inner in places(body).iter().filter(|inner| !inner.in_union) {
                self.defaults(inner, bit / 8, moves);
            }
            return;
        }
        let value = self.new.default_of(place.member);
        let is_big_endian = match &place.member.ty {
            MemberType::Type(ty) => {
                matches!(end_of(self.new, ty).view, View::Scalar(Type::BigEndian(_)))
            }
            _ => false,
        };
        if is_big_endian {
            for (index, byte) in (0..place.bits / 8).rev().enumerate() {
                moves.fill(bit + byte * 8, 8, value >> (8 * index) & 0xff);
            }
        } else {
            moves.fill(bit, place.bits, value);
        }
    }
}

/// Returns whether a step copies bytes without changing them, and moves them by `way` bytes.
fn is_plain(step: &MigrationStep<'_>, way: u64) -> bool {
    let goes = |from: u32, to: u32| u64::from(to).wrapping_sub(u64::from(from)) == way;
    match step {
        MigrationStep::Copy { from, to, .. } => goes(*from, *to),
        MigrationStep::Each { from, from_size, to, to_size, steps, .. } => {
            goes(*from, *to) && from_size == to_size && stays_in_place(steps)
        }
        MigrationStep::Fill { .. } | MigrationStep::Integer { .. } => false,
    }
}
