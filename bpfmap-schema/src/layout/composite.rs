//! The layout of structs and unions.

use std::collections::HashSet;

use super::{Layouts, TypeLayout, asked_alignment};
use crate::ir::{Composite, Member, MemberType};
use bpfmap_core::CLayout;

/// The layout of a struct or a union.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompositeLayout {
    /// Its size in bytes, a multiple of the alignment.
    pub size: u64,
    /// Its alignment in bytes.
    pub align: u64,
    /// The members, in the order of the schema.
    pub members: Vec<MemberLayout>,
    /// The bits that belong to no member, in ascending order. Padding inside a member that is a
    /// struct or union belongs to the layout of that member.
    ///
    /// A struct has padding between its members and after the last one. An unnamed bit-field counts
    /// as padding. A union has one padding that covers all its bytes, if no member covers them all.
    pub padding: Vec<Padding>,
}

/// The position of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberLayout {
    /// The first bit, counted from the start of the innermost struct or union; a multiple of 8
    /// unless the member is a bit-field.
    pub bit_offset: u64,
    /// The number of bits: the width of a bit-field, or 8 times the type's size.
    pub bits: u64,
    /// The layout of its type, even if the member is packed or a bit-field.
    pub ty: TypeLayout,
    /// The layout of a struct or union that is declared in place.
    pub nested: Option<CompositeLayout>,
}

impl MemberLayout {
    /// Returns the byte in which it starts, counted from the start of the innermost struct or
    /// union.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.bit_offset / 8
    }
}

/// Bits that belong to no member. They are either whole bytes or some bits of one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Padding {
    /// The first bit, counted from the start of the struct or union.
    pub bit_offset: u64,
    /// The number of bits: a multiple of 8 that starts at a byte boundary, or fewer than 8 bits of
    /// one byte.
    pub bits: u64,
    /// The index of this padding in its type. Padding of anonymous members is counted too.
    /// [`Padding::name`] contains this number.
    pub number: u32,
}

impl Padding {
    /// Returns the name of the member that makes the padding explicit, such as `__pad0`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("__pad{}", self.number)
    }

    /// Returns the number of whole bytes, or `None` if it is a part of one byte.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        (self.bit_offset % 8 == 0 && self.bits % 8 == 0).then_some(self.bits / 8)
    }
}

/// A part of a struct or union.
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

    /// Returns the size and alignment.
    #[must_use]
    pub fn layout(&self) -> TypeLayout {
        TypeLayout { size: self.size, align: self.align }
    }

    /// Returns members and padding in the order in which they must be declared. `body` is the type
    /// with this layout. Its unnamed bit-fields are left out, because they are padding.
    pub fn items<'a>(&'a self, body: &'a Composite) -> impl Iterator<Item = Item<'a>> {
        let mut members = body
            .members
            .iter()
            .zip(&self.members)
            .enumerate()
            .filter(|(_, (member, _))| !is_padding(member))
            .map(|(index, (_, layout))| (index, layout))
            .peekable();
        let mut padding = self.padding.iter().copied().peekable();
        std::iter::from_fn(move || {
            let Some(&(_, member)) = members.peek() else {
                return padding.next().map(Item::Padding);
            };
            // The padding of a union starts at bit 0 like the members, and is larger than all of
            // them. It comes last, so that `{ 0 }` initializes the first member. An empty array has
            // the same offset as the padding after it, and is declared before that padding.
            match padding.next_if(|padding| padding.bit_offset < member.bit_offset) {
                Some(padding) => Some(Item::Padding(padding)),
                None => members.next().map(|(index, member)| Item::Member(index, member)),
            }
        })
    }

    fn lay_out_struct(layouts: &Layouts, body: &Composite) -> Self {
        let (members, TypeLayout { size, align }) =
            lay_out(layouts, body, CLayout::of_struct(body.packed));
        // `filled` is the first bit after the members so far.
        let (mut padding, mut filled) = (vec![], 0);
        for (_, member) in
            body.members.iter().zip(&members).filter(|(member, _)| !is_padding(member))
        {
            pad(&mut padding, filled, member.bit_offset);
            filled = member.bit_offset.saturating_add(member.bits);
        }
        pad(&mut padding, filled, size.saturating_mul(8));
        Self { size, align, members, padding }
    }

    fn lay_out_union(layouts: &Layouts, body: &Composite) -> Self {
        let (members, TypeLayout { size, align }) =
            lay_out(layouts, body, CLayout::of_union(body.packed));
        let named = body.members.iter().zip(&members).filter(|(member, _)| !is_padding(member));
        let covered = named.map(|(_, layout)| layout.bits).max().unwrap_or(0);
        let bits = size.saturating_mul(8);
        let padding =
            if covered < bits { vec![Padding { bit_offset: 0, bits, number: 0 }] } else { vec![] };
        Self { size, align, members, padding }
    }

    /// Numbers the padding of a type and of its anonymous members, which share one namespace.
    fn number_padding(&mut self, body: &Composite) {
        let mut taken = HashSet::new();
        taken_names(body, &mut taken);
        let mut next = 0;
        self.number_from(body, &taken, &mut next);
    }

    fn number_from(&mut self, body: &Composite, taken: &HashSet<&str>, next: &mut u32) {
        // The numbers follow the order of declaration, so that they increase from top to bottom in
        // the generated code.
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

/// Computes the layouts of the members and of the whole type.
fn lay_out(layouts: &Layouts, body: &Composite, mut c: CLayout) -> (Vec<MemberLayout>, TypeLayout) {
    let lay_out = |member: &Member| {
        let (ty, nested) = layouts.of_member(&member.ty);
        let unit = ty.size.saturating_mul(8);
        let (bit_offset, bits) = match &member.bits {
            None => (c.member(ty.size, ty.align), unit),
            Some(width) => {
                let width = u64::from(width.value).min(unit);
                (c.bit_field(ty.size, width, member.name.is_some()), width)
            }
        };
        MemberLayout { bit_offset, bits, ty, nested }
    };
    let members = body.members.iter().map(lay_out).collect();
    let asked = asked_alignment(body);
    (members, TypeLayout { size: c.size(asked), align: c.align(asked) })
}

/// Returns whether a member is a bit-field without a name, which is padding.
fn is_padding(member: &Member) -> bool {
    member.bits.is_some() && member.name.is_none()
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

/// Adds the names of members that could conflict with names of padding, including members of
/// anonymous members.
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

/// Adds the padding of the bits from `start` to `end`, split into whole bytes and parts of bytes.
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
