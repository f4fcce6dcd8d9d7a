//! Finds the schema attributes (`packed`, `align`, explicit padding) that produce the offsets in
//! BTF.

use std::collections::HashSet;

use crate::ir::{Composite, Int, Member, MemberType, Type};
use crate::layout::{CompositeLayout, Layouts};
use crate::source::Span;

/// A member and its offset in BTF, in bits.
pub(super) struct Placed {
    pub(super) member: Member,
    pub(super) bit_offset: u64,
}

/// The largest alignment that a schema can request.
const MAX_ALIGN: u64 = 4096;

/// Returns the body of a struct or union of `size` bytes, in which each member has the offset that `placed` contains.
/// Returns `None` if a schema can't express this layout.
pub(super) fn fit(
    layouts: &Layouts,
    placed: &[Placed],
    size: u64,
    is_union: bool,
) -> Option<Composite> {
    let wanted = Wanted { layouts, placed, size, is_union };
    let members = placed.iter().map(|placed| placed.member.clone()).collect();
    let mut plain = Composite { packed: false, align: None, members };
    if wanted.is(&plain) {
        return Some(plain);
    }
    let natural = layout(layouts, &plain, is_union).align;
    for packed in [false, true] {
        // A small alignment is more likely than a large one.
        let least = if packed { 2 } else { natural * 2 };
        plain.packed = packed;
        plain = match wanted.aligned_or_filled(plain, least) {
            Ok(body) => return Some(body),
            Err(plain) => plain,
        };
        let padded = wanted.padded(packed);
        if let Some(Ok(body)) = padded.map(|body| wanted.aligned_or_filled(body, least)) {
            return Some(body);
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
    /// Returns whether `body` has the required layout.
    fn is(&self, body: &Composite) -> bool {
        let layout = layout(self.layouts, body, self.is_union);
        let real =
            body.members.iter().zip(&layout.members).filter(|(member, _)| !is_filler(member));
        let mut real = real.map(|(_, at)| at.bit_offset);
        layout.size == self.size
            && self.placed.iter().all(|placed| real.next() == Some(placed.bit_offset))
    }

    /// Tries three variants of `body`: without change, with an alignment of at least `least`, and with padding at the
    /// end. Returns the first variant that has the required layout, or `body` as the error.
    fn aligned_or_filled(&self, mut body: Composite, least: u64) -> Result<Composite, Composite> {
        if self.is(&body) {
            return Ok(body);
        }
        let mut align = least;
        while align <= MAX_ALIGN && self.size % align == 0 {
            body.align = u32::try_from(align).ok().map(Into::into);
            if self.is(&body) {
                return Ok(body);
            }
            align *= 2;
        }
        body.align = None;
        let members = body.members.len();
        if self.fill_end(&mut body) && self.is(&body) {
            return Ok(body);
        }
        body.members.truncate(members);
        Err(body)
    }

    /// Returns the members, with padding inserted before each member whose offset would otherwise
    /// be too small.
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

    /// Adds the missing padding at the end.
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

/// A generator of explicit padding members.
struct Fillers<'a> {
    /// The names of existing members that could conflict with the names of padding.
    taken: HashSet<&'a str>,
    next: usize,
}

/// The prefix of the names of padding. A number follows the prefix.
const FILLER: &str = "__pad_";

/// Returns whether a member is explicit padding. Unlike all other members, padding has no source
/// position.
fn is_filler(member: &Member) -> bool {
    member.span == Span::NONE
}

impl<'a> Fillers<'a> {
    fn new(placed: &'a [Placed]) -> Self {
        let names = placed.iter().filter_map(|placed| placed.member.name.as_ref());
        let names = names.map(|name| name.value.as_str());
        Self { taken: names.filter(|name| name.starts_with(FILLER)).collect(), next: 0 }
    }

    /// Adds padding members that cover the bits from `start` to `end`.
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
            let name = format!("{FILLER}{}", self.next);
            self.next += 1;
            if !self.taken.contains(name.as_str()) {
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
