//! The layout of structs and unions.

use std::collections::HashSet;

use super::{Layouts, TypeLayout, asked_alignment};
use crate::ir::{Composite, MemberType};

/// The layout of a struct or a union.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompositeLayout {
    /// Its size in bytes, a multiple of the alignment.
    pub size: u64,
    /// Its alignment in bytes.
    pub align: u64,
    /// The members, in the order of the schema.
    pub members: Vec<MemberLayout>,
    /// The bits that belong to no member, in ascending order. Those inside of a member that is a
    /// struct or union of its own are that one's.
    ///
    /// A struct has them between its members and after the last one; an unnamed bit-field counts
    /// as padding. A union has one, over all its bytes, when none of its members covers them all.
    pub padding: Vec<Padding>,
}

/// Where a member lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberLayout {
    /// The first bit, counted from the start of the innermost struct or union; a multiple of 8
    /// unless the member is a bit-field.
    pub bit_offset: u64,
    /// How many bits it takes: the width of a bit-field, or 8 times the type's size.
    pub bits: u64,
    /// The layout of its type, also where the member is packed or a bit-field.
    pub ty: TypeLayout,
    /// The layout of a struct or union that is written in place.
    pub nested: Option<CompositeLayout>,
}

impl MemberLayout {
    /// The byte in which it starts, counted from the start of the innermost struct or union.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.bit_offset / 8
    }
}

/// Bits that belong to no member: whole bytes, or some bits of one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Padding {
    /// The first bit, counted from the start of the struct or union.
    pub bit_offset: u64,
    /// How many bits: a multiple of 8 of which the first starts a byte, or fewer than 8 in one
    /// byte.
    pub bits: u64,
    /// Counts the paddings of a type, those of its anonymous members included: the name of the
    /// member that fills it is [`Padding::name`].
    pub number: u32,
}

impl Padding {
    /// The name of the member that makes the padding explicit: `__pad0`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("__pad{}", self.number)
    }

    /// How many whole bytes it is, unless it is a part of one byte.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        (self.bit_offset % 8 == 0 && self.bits % 8 == 0).then_some(self.bits / 8)
    }
}

/// What a struct or union consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    /// A member, by its index in the schema.
    Member(usize, &'a MemberLayout),
    /// Padding.
    Padding(Padding),
}

impl CompositeLayout {
    pub(super) fn of_struct(layouts: &Layouts, body: &Composite) -> Self {
        let mut layout = Self::lay_out_struct(layouts, body);
        layout.number_padding(body);
        layout
    }

    pub(super) fn of_union(layouts: &Layouts, body: &Composite) -> Self {
        let mut layout = Self::lay_out_union(layouts, body);
        layout.number_padding(body);
        layout
    }

    /// Size and alignment.
    #[must_use]
    pub fn layout(&self) -> TypeLayout {
        TypeLayout { size: self.size, align: self.align }
    }

    /// Members and padding in the order in which they have to be declared. Unnamed bit-fields of
    /// `body`, the type that this is the layout of, are left out: they are padding.
    pub fn items<'a>(&'a self, body: &'a Composite) -> impl Iterator<Item = Item<'a>> {
        let mut members = body
            .members
            .iter()
            .zip(&self.members)
            .enumerate()
            .filter(|(_, (member, _))| !(member.bits.is_some() && member.name.is_none()))
            .map(|(index, (_, layout))| (index, layout))
            .peekable();
        let mut padding = self.padding.iter().copied().peekable();
        std::iter::from_fn(move || {
            let Some(&(_, member)) = members.peek() else {
                return padding.next().map(Item::Padding);
            };
            // The padding of a union starts at its first bit, as the members do, and is its
            // largest member: it comes last, so that `{ 0 }` means the first member. An array
            // of no elements starts where the padding after it starts, and stands before it.
            match padding.next_if(|padding| padding.bit_offset < member.bit_offset) {
                Some(padding) => Some(Item::Padding(padding)),
                None => members.next().map(|(index, member)| Item::Member(index, member)),
            }
        })
    }

    fn lay_out_struct(layouts: &Layouts, body: &Composite) -> Self {
        let mut members = Vec::with_capacity(body.members.len());
        let mut padding = vec![];
        let mut natural: u64 = 1;
        // The first free bit, and the first bit that the padding found so far does not reach.
        let (mut free, mut filled): (u64, u64) = (0, 0);
        for member in &body.members {
            let (ty, nested) = layouts.of_member(&member.ty);
            let align = if body.packed { 1 } else { ty.align };
            let unit = ty.size.saturating_mul(8);
            let (bit_offset, bits) = match &member.bits {
                None => (round_up(free, align.saturating_mul(8)), unit),
                Some(width) => {
                    let width = u64::from(width.value).min(unit);
                    let crosses = !body.packed
                        && (free % align.saturating_mul(8)).saturating_add(width) > unit;
                    let align = if crosses { align.saturating_mul(8) } else { 1 };
                    (round_up(free, align), width)
                }
            };
            let unnamed = member.bits.is_some() && member.name.is_none();
            // What has no name does not raise the alignment either.
            if !unnamed {
                natural = natural.max(align);
                pad(&mut padding, filled, bit_offset);
                filled = bit_offset.saturating_add(bits);
            }
            free = bit_offset.saturating_add(bits);
            members.push(MemberLayout { bit_offset, bits, ty, nested });
        }
        let align = asked_alignment(body, natural);
        let size = round_up(free.div_ceil(8), align);
        pad(&mut padding, filled, size.saturating_mul(8));
        Self { size, align, members, padding }
    }

    fn lay_out_union(layouts: &Layouts, body: &Composite) -> Self {
        let mut members = Vec::with_capacity(body.members.len());
        let mut natural: u64 = 1;
        let (mut size, mut covered): (u64, u64) = (0, 0);
        for member in &body.members {
            let (ty, nested) = layouts.of_member(&member.ty);
            let unit = ty.size.saturating_mul(8);
            let bits = member.bits.as_ref().map_or(unit, |width| u64::from(width.value).min(unit));
            size = size.max(bits.div_ceil(8));
            if !(member.bits.is_some() && member.name.is_none()) {
                natural = natural.max(if body.packed { 1 } else { ty.align });
                covered = covered.max(bits);
            }
            members.push(MemberLayout { bit_offset: 0, bits, ty, nested });
        }
        let align = asked_alignment(body, natural);
        let size = round_up(size, align);
        let bits = size.saturating_mul(8);
        let padding =
            if covered < bits { vec![Padding { bit_offset: 0, bits, number: 0 }] } else { vec![] };
        Self { size, align, members, padding }
    }

    /// Numbers the padding of a type and of its anonymous members, which share its names.
    fn number_padding(&mut self, body: &Composite) {
        let mut taken = HashSet::new();
        taken_names(body, &mut taken);
        let mut next = 0;
        self.number_from(body, &taken, &mut next);
    }

    fn number_from(&mut self, body: &Composite, taken: &HashSet<&str>, next: &mut u32) {
        // In the order of declaration, so that a reader meets them in the order of the numbers.
        let mut padding = self.padding.iter_mut().peekable();
        for (member, layout) in body.members.iter().zip(&mut self.members) {
            while let Some(pad) = padding.next_if(|pad| pad.bit_offset < layout.bit_offset) {
                number(pad, taken, next);
            }
            if let (MemberType::Struct(inner) | MemberType::Union(inner), Some(nested)) =
                (&member.ty, &mut layout.nested)
            {
                if member.name.is_none() {
                    nested.number_from(inner, taken, next);
                }
            }
        }
        padding.for_each(|pad| number(pad, taken, next));
    }
}

fn number(pad: &mut Padding, taken: &HashSet<&str>, next: &mut u32) {
    loop {
        pad.number = *next;
        *next += 1;
        if !taken.contains(pad.name().as_str()) {
            break;
        }
    }
}

/// The names of members that could be mistaken for padding's, those of anonymous members included.
fn taken_names<'a>(body: &'a Composite, names: &mut HashSet<&'a str>) {
    for member in &body.members {
        match (&member.name, &member.ty) {
            (Some(name), _) if name.value.starts_with("__pad") => {
                names.insert(&name.value);
            }
            (None, MemberType::Struct(inner) | MemberType::Union(inner)) => {
                taken_names(inner, names);
            }
            _ => {}
        }
    }
}

/// Adds the padding of the bits from `start` to `end`, cut where a byte begins and ends.
fn pad(padding: &mut Vec<Padding>, start: u64, end: u64) {
    let mut start = start;
    while start < end {
        let byte = (start / 8).saturating_add(1).saturating_mul(8);
        let stop = if start % 8 != 0 {
            byte.min(end)
        } else if end - start >= 8 {
            end - end % 8
        } else {
            end
        };
        if stop <= start {
            break;
        }
        padding.push(Padding { bit_offset: start, bits: stop - start, number: 0 });
        start = stop;
    }
}

fn round_up(number: u64, multiple: u64) -> u64 {
    let multiple = multiple.max(1);
    match number % multiple {
        0 => number,
        rest => number.saturating_add(multiple - rest),
    }
}
