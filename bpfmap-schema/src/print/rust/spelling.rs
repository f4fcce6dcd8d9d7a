//! The spelling of schema types in Rust.

use bpfmap_core::SpecialField;

use super::alignment::ExplicitlyAligned;
use crate::ir::{Composite, Int, Member};
use crate::layout::{CompositeLayout, MemberLayout};

/// Returns the type of the crate `bpfmap` for a field that belongs to the kernel.
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

/// Returns the name of the Rust integer type.
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

/// Returns whether a struct member must be stored in bytes, because Rust can't have a field of its
/// type at its offset. `packed` tells whether the struct is `repr(packed)`.
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
