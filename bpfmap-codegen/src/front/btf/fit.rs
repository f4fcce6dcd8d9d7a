//! From the offsets of BTF to the words of a schema: packed, aligned, padded.

use crate::ir::{Composite, Int, Member, MemberType, Type};
use crate::layout::{CompositeLayout, Layouts};
use crate::source::Span;

/// A member and the bit at which BTF has it.
pub(super) struct Placed {
    pub(super) member: Member,
    pub(super) bit_offset: u64,
}

/// The largest alignment that a schema can ask for.
const MAX_ALIGN: u64 = 4096;

/// The body of a struct, or union, of `size` bytes that has each member where it is `placed`. `None`
/// if no words of a schema put them there.
pub(super) fn fit(
    layouts: &Layouts,
    placed: &[Placed],
    size: u64,
    is_union: bool,
) -> Option<Composite> {
    let plain = Composite {
        packed: false,
        align: None,
        members: placed.iter().map(|placed| placed.member.clone()).collect(),
    };
    let wanted = Wanted { layouts, placed, size, is_union };
    if wanted.is(&plain) {
        return Some(plain);
    }
    let natural = layout(layouts, &plain, is_union).align;
    for packed in [false, true] {
        let body = Composite { packed, ..plain.clone() };
        let padded = wanted.padded(packed);
        for body in [body].into_iter().chain(padded) {
            if wanted.is(&body) {
                return Some(body);
            }
            // The least alignment is the likeliest.
            let mut align = if packed { 2 } else { natural * 2 };
            while align <= MAX_ALIGN && size.is_multiple_of(align) {
                let align_value = u32::try_from(align).ok().map(Into::into);
                let aligned = Composite { align: align_value, ..body.clone() };
                if wanted.is(&aligned) {
                    return Some(aligned);
                }
                align *= 2;
            }
            let mut body = body;
            if wanted.fill_end(&mut body) && wanted.is(&body) {
                return Some(body);
            }
        }
    }
    None
}

fn layout(layouts: &Layouts, body: &Composite, is_union: bool) -> CompositeLayout {
    if is_union { layouts.lay_out_union(body) } else { layouts.lay_out_struct(body) }
}

struct Wanted<'a> {
    layouts: &'a Layouts,
    placed: &'a [Placed],
    size: u64,
    is_union: bool,
}

impl Wanted<'_> {
    /// Whether `body` comes out as wanted.
    fn is(&self, body: &Composite) -> bool {
        let layout = layout(self.layouts, body, self.is_union);
        let real =
            body.members.iter().zip(&layout.members).filter(|(member, _)| !is_filler(member));
        let mut real = real.map(|(_, at)| at.bit_offset);
        layout.size == self.size
            && self.placed.iter().all(|placed| real.next() == Some(placed.bit_offset))
    }

    /// The members with padding wherever they would not lie where they should.
    fn padded(&self, packed: bool) -> Option<Composite> {
        if self.is_union {
            return None;
        }
        let mut members = Vec::with_capacity(self.placed.len() + 4);
        let mut fillers = Fillers::new(self.placed);
        let mut free = 0;
        for Placed { member, bit_offset } in self.placed {
            let (ty, _) = self.layouts.of_member(&member.ty);
            let unit = ty.size.saturating_mul(8);
            let align = if packed { 1 } else { ty.align };
            let width = member.bits.as_ref().map_or(unit, |bits| u64::from(bits.value));
            let natural = if member.bits.is_none() {
                free_after(free, align.saturating_mul(8))
            } else if !packed && (free % unit.max(1)).saturating_add(width) > unit {
                free_after(free, unit)
            } else {
                free
            };
            if natural > *bit_offset {
                return None;
            }
            if natural < *bit_offset {
                fillers.fill(&mut members, free, *bit_offset)?;
            }
            members.push(member.clone());
            free = bit_offset.saturating_add(width);
        }
        Some(Composite { packed, align: None, members })
    }

    /// Adds what is missing at the end.
    fn fill_end(&self, body: &mut Composite) -> bool {
        let layout = layout(self.layouts, body, self.is_union);
        let mut fillers = Fillers::new(self.placed);
        fillers.next = body.members.iter().filter(|member| is_filler(member)).count();
        if self.is_union {
            return fillers.fill(&mut body.members, 0, self.size * 8).is_some();
        }
        let end = layout.members.last().map_or(0, |at| at.bit_offset.saturating_add(at.bits));
        end < self.size * 8 && fillers.fill(&mut body.members, end, self.size * 8).is_some()
    }
}

fn free_after(free: u64, multiple: u64) -> u64 {
    free.checked_next_multiple_of(multiple.max(1)).unwrap_or(u64::MAX)
}

/// Padding that is written out.
struct Fillers<'a> {
    placed: &'a [Placed],
    next: usize,
}

/// Names of padding that no author has.
fn filler_name(number: usize) -> String {
    format!("__pad_{number}")
}

/// Whether a member is padding that was written out: nothing else has no place in BTF.
fn is_filler(member: &Member) -> bool {
    member.span == Span::NONE
}

impl<'a> Fillers<'a> {
    fn new(placed: &'a [Placed]) -> Self {
        Self { placed, next: 0 }
    }

    /// Adds members that take the bits from `start` to `end`.
    fn fill(&mut self, members: &mut Vec<Member>, start: u64, end: u64) -> Option<()> {
        let mut at = start;
        while at < end {
            let in_byte = at % 8;
            if in_byte != 0 || end - at < 8 {
                let bits = (8 - in_byte).min(end - at);
                members.push(Member { bits: Some(u32::try_from(bits).ok()?.into()), ..byte(None) });
                at += bits;
            } else {
                let bytes = u32::try_from((end - at) / 8).ok()?;
                let element = Type::Int(Int { size: 1, signed: false });
                let ty = Type::Array(Box::new(element.into()), bytes.into());
                let ty = MemberType::Type(ty.into());
                members.push(Member { ty, ..byte(Some(self.name())) });
                at += u64::from(bytes) * 8;
            }
        }
        Some(())
    }

    fn name(&mut self) -> String {
        loop {
            let name = filler_name(self.next);
            self.next += 1;
            let taken = |placed: &Placed| {
                placed.member.name.as_ref().is_some_and(|taken| taken.value == name)
            };
            if !self.placed.iter().any(taken) {
                return name;
            }
        }
    }
}

fn byte(name: Option<String>) -> Member {
    Member {
        name: name.map(Into::into),
        doc: None,
        ty: MemberType::Type(Type::Int(Int { size: 1, signed: false }).into()),
        bits: None,
        decl_tags: vec![],
        default: None,
        renamed_from: None,
        span: Span::NONE,
    }
}
