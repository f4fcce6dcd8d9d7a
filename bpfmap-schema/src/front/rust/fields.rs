//! Compares the fields of a Rust struct or union with the layout of its members in C.
//!
//! Each byte must belong to a field, because all bytes are passed to the kernel. Each member must have the same offset
//! as in C.

use super::composite::{FieldRole, Storage};
use super::item::TypeItem;
use crate::diagnostics::Finding;
use crate::ir::Composite;
use crate::layout::CompositeLayout;
use crate::rules;
use crate::source::Span;

/// Checks the fields of `item`, which is a struct or union with the members `body`. The sizes of all members must be
/// known.
#[must_use]
pub fn check_fields(
    item: &TypeItem,
    body: &Composite,
    layout: &CompositeLayout,
    is_union: bool,
) -> Vec<Finding> {
    let fields = Fields { item, body, layout };
    let mut findings = Vec::new();
    if is_union {
        fields.of_union(&mut findings);
    } else {
        fields.of_struct(&mut findings);
    }
    fields.alignment(is_union, &mut findings);
    findings
}

struct Fields<'a> {
    item: &'a TypeItem,
    body: &'a Composite,
    layout: &'a CompositeLayout,
}

/// A field that represents members in C.
struct Placed<'a> {
    name: &'a str,
    place: Span,
    /// The offset of the first byte in C.
    start: u64,
    end: u64,
    /// The alignment in Rust.
    align: u64,
    /// The array of bytes that contains the members, or `None` if the field has the type of the member.
    storage: Option<Storage>,
    /// For the bytes of bit-fields, the number of bytes that are not used by a bit-field. These bytes are padding.
    rest: u64,
}

impl<'a> Fields<'a> {
    /// Returns the position in C of a field, or `None` for padding.
    fn placed(&self, role: &FieldRole) -> Option<Placed<'a>> {
        let (index, last, storage) = match role {
            FieldRole::Member { index, .. } => (*index, *index, None),
            FieldRole::Holds { index, storage } => (*index, *index, Some(*storage)),
            FieldRole::Bits { members, storage } => {
                (members.start, members.end.checked_sub(1)?, Some(*storage))
            }
            FieldRole::Padding(_) => return None,
        };
        let (first, last) = (self.layout.members.get(index)?, self.layout.members.get(last)?);
        let member = &self.body.members[index];
        let is_field = storage.is_none() && !self.item.repr.packed;
        let (start, end) = (first.offset(), (last.bit_offset + last.bits).div_ceil(8));
        let rest = match role {
            FieldRole::Bits { storage: Storage { bytes: Some(bytes), .. }, .. } => {
                u64::from(*bytes).saturating_sub(end - start)
            }
            _ => 0,
        };
        Some(Placed {
            name: member.name.as_ref().map_or("the anonymous member", |name| &name.value),
            place: storage.map_or(member.span, |storage| storage.place),
            start,
            end,
            rest,
            align: if is_field { first.ty.align } else { 1 },
            storage,
        })
    }

    fn of_struct(&self, findings: &mut Vec<Finding>) {
        // The offset in C after the previous members, and the number of padding bytes that Rust declares after them.
        let (mut free, mut named) = (0, 0);
        let mut padding: Vec<Storage> = Vec::new();
        let mut last = self.item.def.name.span;
        for role in &self.item.fields {
            if let FieldRole::Padding(storage) = role {
                let Some(bytes) = storage.bytes else { return };
                named += u64::from(bytes);
                padding.push(*storage);
                continue;
            }
            let Some(placed) = self.placed(role) else { continue };
            if placed.start < free {
                findings.push(placed.shares_a_byte());
                return;
            }
            let there = placed.start - free;
            if there != named {
                let place = format!("before `{}`", placed.name);
                findings.push(self.padding(there, named, &place, (placed.place, &padding)));
            }
            findings.extend(placed.misplaced());
            findings.extend(placed.wrong_storage());
            (free, named, last) = (placed.end, placed.rest, placed.place);
            padding.clear();
        }
        let there = self.layout.size.saturating_sub(free);
        if there != named {
            findings.push(self.padding(there, named, "at the end of the struct", (last, &padding)));
        }
    }

    fn padding(
        &self,
        there: u64,
        named: u64,
        what: &str,
        (member, fields): (Span, &[Storage]),
    ) -> Finding {
        let message = format!(
            "C has {} of padding {what}, but the Rust struct declares {named}",
            bytes(there)
        );
        let place = fields.first().map_or(member, |field| field.place);
        let help = match (there, fields.len()) {
            (0, _) => "remove this padding".to_owned(),
            (_, 0) => {
                let is_padding = |role: &&FieldRole| matches!(role, FieldRole::Padding(_));
                let number = self.item.fields.iter().filter(is_padding).count();
                let side =
                    if what.starts_with("at") { "after this member" } else { "before this member" };
                format!("write `_pad{number}: [u8; {there}]` {side}")
            }
            _ => format!("write `[u8; {there}]`"),
        };
        Finding::new(&rules::IMPLICIT_PADDING, place, message)
            .note(
                "every byte of a value is passed to the kernel, so padding must be initialised \
                   and needs a name",
            )
            .help(help)
    }

    fn of_union(&self, findings: &mut Vec<Finding>) {
        let size = self.layout.size;
        for role in &self.item.fields {
            let Some(placed) = self.placed(role) else { continue };
            let has = placed.end - placed.start;
            let filled = match (role, placed.storage) {
                (FieldRole::Member { padding: Some(padding), .. }, _) => has + u64::from(*padding),
                (_, Some(Storage { bytes: Some(bytes), .. })) => bytes.into(),
                // Only the compiler knows this size.
                _ => continue,
            };
            if filled == size {
                continue;
            }
            let message = format!(
                "the member `{}` has {}, but the union has {size}",
                placed.name,
                bytes(filled)
            );
            let help = if placed.storage.is_some() {
                format!("write `[u8; {size}]`")
            } else {
                format!("write `bpfmap::Padded<TYPE, {}>`", size.saturating_sub(has))
            };
            findings.push(
                Finding::new(&rules::UNION_FILLED, placed.place, message)
                    .note(
                        "every byte of a value is passed to the kernel, so each member must have \
                         the size of the union",
                    )
                    .help(help),
            );
        }
    }

    fn alignment(&self, is_union: bool, findings: &mut Vec<Finding>) {
        let natural = self.item.fields.iter().filter_map(|role| {
            let is_wrapped = is_union
                && matches!(role, FieldRole::Member { padding, .. } if *padding != Some(0));
            if is_wrapped { None } else { self.placed(role) }
        });
        let natural = natural.map(|placed| placed.align).max().unwrap_or(1);
        let rust = natural.max(self.item.repr.align.unwrap_or(1).into());
        let align = self.layout.align;
        if rust == align {
            return;
        }
        let name = &self.item.def.name;
        let message = format!(
            "the alignment of `{}` is {} in C, but {rust} in Rust",
            name.value,
            bytes(align)
        );
        let help = if rust < align {
            format!("write `#[repr(C, align({align}))]`")
        } else if self.item.repr.align.is_some_and(|align| u64::from(align) == rust) {
            format!("add `#[bpf_type(align = {rust})]`, or write `#[repr(C, align({align}))]`")
        } else {
            "write `#[repr(C, packed)]`, or remove `packed`".to_owned()
        };
        findings.push(Finding::new(&rules::RUST_REPR, name.span, message).help(help));
    }
}

impl Placed<'_> {
    /// Reports a member whose offset in C is not a multiple of its alignment in Rust.
    fn misplaced(&self) -> Option<Finding> {
        if self.start % self.align == 0 {
            return None;
        }
        let Self { name, start, end, .. } = self;
        let message =
            format!("C has `{name}` at offset {start}, where Rust can't have a field of this type");
        Some(Finding::new(&rules::RUST_REPR, self.place, message).help(format!(
            "store the member as bytes: `#[bpf(holds({name}: TYPE))] {name}_bytes: [u8; {}]`",
            end - start
        )))
    }

    /// Reports a group of bit-fields that shares a byte with the previous group. In C, bit-fields have no gaps between
    /// them, even if Rust has them in separate groups.
    fn shares_a_byte(&self) -> Finding {
        let message = format!("in C, `{}` shares a byte with the previous bit-fields", self.name);
        Finding::new(&rules::RUST_REPR, self.place, message)
            .help("write these bit-fields and the previous ones in the same `bits(…)`")
    }

    /// Reports a byte array that does not have the size of the members that it stores.
    fn wrong_storage(&self) -> Option<Finding> {
        let Some(Storage { bytes: Some(there), place }) = self.storage else { return None };
        let has = self.end - self.start;
        if u64::from(there) == has + self.rest {
            return None;
        }
        let message =
            format!("the members in this array need {}, but the array has {there}", bytes(has));
        Some(Finding::new(&rules::RUST_REPR, place, message).help(format!("write `[u8; {has}]`")))
    }
}

fn bytes(count: u64) -> String {
    if count == 1 { "1 byte".to_owned() } else { format!("{count} bytes") }
}
