//! The layouts of structs and unions.

use std::collections::HashSet;

use super::{Layouts, TypeLayout, asked_alignment};
use crate::ir::{Composite, Member, MemberType};
use bpfmap_core::CLayout;

/// The layout of a struct or a union.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompositeLayout {
    /// The size of the type in bytes, which is a multiple of the alignment.
    pub size: u64,
    /// The alignment of the type in bytes.
    pub align: u64,
    /// The positions of the members, in the order of the schema.
    pub members: Vec<MemberLayout>,
    /// The bits that do not belong to a member, in ascending order. If a member is a struct or union, the padding
    /// within this member belongs to the layout of the member.
    ///
    /// A struct can have padding between its members and after the last member. An unnamed
    /// bit-field counts as padding. If no member of a union covers all bytes of the union, this
    /// list has one element, which covers the whole union.
    pub padding: Vec<Padding>,
}

/// The position of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberLayout {
    /// The offset from the beginning of the innermost struct or union, in bits. It is a multiple of 8 if the member is
    /// not a bit-field.
    pub bit_offset: u64,
    /// The width of a bit-field, or 8 times the size of the type for all other members.
    pub bits: u64,
    /// The layout of the member's type. It does not depend on whether the member is packed or is a bit-field.
    pub ty: TypeLayout,
    /// The layout of a member that is a struct or union declared in place. `None` for all other members.
    pub nested: Option<CompositeLayout>,
}

impl MemberLayout {
    /// Returns the offset from the beginning of the innermost struct or union, in bytes. For a bit-field, this is the
    /// byte that contains the first bit.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.bit_offset / 8
    }
}

/// Bits that do not belong to a member. Padding consists either of whole bytes, or of some bits of one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Padding {
    /// The offset from the beginning of the struct or union, in bits.
    pub bit_offset: u64,
    /// The number of bits. It is a multiple of 8 for whole bytes, or less than 8 for some bits of one byte.
    pub bits: u64,
    /// The index of this padding in its type. [`Padding::name`] contains this index. The padding in
    /// anonymous members is counted too.
    pub number: u32,
}

impl Padding {
    /// Returns the name of the member that represents this padding in generated code, such as `__pad0`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("__pad{}", self.number)
    }

    /// Returns the number of bytes, or `None` if the padding is only a part of one byte.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        (self.bit_offset % 8 == 0 && self.bits % 8 == 0).then_some(self.bits / 8)
    }
}

/// A part of a struct or union: a member or padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    /// The member with this index, and its position.
    Member(usize, &'a MemberLayout),
    /// Padding between or after members.
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

    /// Returns the size and the alignment of the type.
    #[must_use]
    pub fn layout(&self) -> TypeLayout {
        TypeLayout { size: self.size, align: self.align }
    }

    /// Returns an iterator over the members and the padding, in the order in which they must be declared. `body` must
    /// be the type with this layout. Unnamed bit-fields of `body` are left out, because they are padding.
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
            // The padding of a union begins at bit 0, like the members, and is larger than each of them. The padding is
            // declared last, so that `{ 0 }` initializes the first member. An empty array has the same offset as the
            // padding after it, and must be declared before that padding.
            match padding.next_if(|padding| padding.bit_offset < member.bit_offset) {
                Some(padding) => Some(Item::Padding(padding)),
                None => members.next().map(|(index, member)| Item::Member(index, member)),
            }
        })
    }

    fn lay_out_struct(layouts: &Layouts, body: &Composite) -> Self {
        let (members, TypeLayout { size, align }) =
            lay_out(layouts, body, CLayout::of_struct(body.packed));
        // `filled` is the offset after the members so far.
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

    /// Assigns numbers to the padding of a type and of its anonymous members. All these
    /// padding members share one namespace.
    fn number_padding(&mut self, body: &Composite) {
        let mut taken = HashSet::new();
        taken_names(body, &mut taken);
        let mut next = 0;
        self.number_from(body, &taken, &mut next);
    }

    fn number_from(&mut self, body: &Composite, taken: &HashSet<&str>, next: &mut u32) {
        // The numbers are in the order of declaration, so they increase from top to bottom in the generated code.
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

/// Adds the names of members that could conflict with names of padding. This includes the members of anonymous members.
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

/// Adds padding for the bits from `start` to `end`, split into whole bytes and parts of bytes.
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
