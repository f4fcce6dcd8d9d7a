//! The Rust spelling of the types of a schema.

use bpfmap_core::SpecialField;

use super::alignment::ExplicitlyAligned;
use crate::ir::{Composite, Int, Member};
use crate::layout::{CompositeLayout, MemberLayout};

/// Returns the type of the crate `bpfmap` that represents a special field.
#[must_use]
pub fn special_field_type(field: SpecialField) -> &'static str {
    match field {
        SpecialField::SpinLock => "SpinLock",
        SpecialField::ResSpinLock => "ResSpinLock",
        SpecialField::Timer => "Timer",
        SpecialField::WorkQueue => "WorkQueue",
        SpecialField::TaskWork => "TaskWork",
        SpecialField::RefCount => "RefCount",
        SpecialField::Kptr | SpecialField::UntrustedKptr | SpecialField::PerCpuKptr => "Kptr",
        SpecialField::UserPtr => "UserPtr",
        SpecialField::ListHead => "ListHead",
        SpecialField::ListNode => "ListNode",
        SpecialField::RbRoot => "RbRoot",
        SpecialField::RbNode => "RbNode",
    }
}

/// Returns the name of an integer type in Rust.
#[must_use]
pub fn int_name(int: Int) -> &'static str {
    match (int.signed, int.size) {
        (false, 1) => "u8",
        (false, 2) => "u16",
        (false, 4) => "u32",
        (false, 8) => "u64",
        (false, _) => "u128",
        (true, 1) => "i8",
        (true, 2) => "i16",
        (true, 4) => "i32",
        (true, 8) => "i64",
        (true, _) => "i128",
    }
}

/// Returns whether a struct member must be stored as bytes, because Rust can't have a field of the member's type at its
/// offset. `packed` is whether the struct has `repr(packed)`.
#[must_use]
pub fn is_held_in_bytes(
    explicit: &ExplicitlyAligned<'_>,
    body: &Composite,
    layout: &CompositeLayout,
    packed: bool,
    member: &Member,
    at: &MemberLayout,
) -> bool {
    if !body.packed {
        false
    } else if packed {
        explicit.member(&member.ty, at)
    } else {
        at.ty.align > layout.align || at.offset() % at.ty.align != 0
    }
}
