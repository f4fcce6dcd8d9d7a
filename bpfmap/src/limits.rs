//! What a map type asks of its key, its value and its numbers, where only the compiler knows them; not for use by hand.
//!
//! `#[derive(BpfMap)]` writes what to hold them against, and what to say.

use crate::layout::{IntEncoding, Layout};
use crate::types::BpfType;

/// Fails to compile unless `number` is within these bounds, and a multiple of `unit`.
///
/// # Panics
/// As said, at compile time.
#[track_caller]
pub const fn within(number: u64, (min, max): (u64, u64), unit: u64, message: &str) {
    assert!(min <= number && number <= max && number.is_multiple_of(unit), "{}", message);
}

/// Fails to compile when `T` has fields that belong to the kernel and are not among those `allowed`.
///
/// # Panics
/// As said, at compile time.
#[track_caller]
pub const fn fields_among<T: BpfType>(allowed: u32, message: &str) {
    assert!(T::FIELDS & !allowed == 0, "{}", message);
}

/// Fails to compile unless `T` is an integer of the host's byte order.
///
/// # Panics
/// As said, at compile time.
#[track_caller]
pub const fn integer<T: BpfType>(message: &str) {
    assert!(int(T::LAYOUT).is_some(), "{}", message);
}

/// Fails to compile unless `T` is a struct that starts with a `u32`.
///
/// # Panics
/// As said, at compile time.
#[track_caller]
pub const fn starts_with_u32<T: BpfType>(message: &str) {
    let mut layout = T::LAYOUT;
    while let Layout::Typedef { target, .. } = layout {
        layout = target;
    }
    let starts = match layout {
        Layout::Struct { members: [first, ..], .. } => {
            first.bits == 0 && matches!(int(first.layout), Some((4, IntEncoding::Unsigned)))
        }
        _ => false,
    };
    assert!(starts, "{}", message);
}

/// The integer that a layout is, by whatever name but those of network byte order.
const fn int(mut layout: &Layout) -> Option<(u32, IntEncoding)> {
    while let Layout::Typedef { name, target } = layout {
        if matches!(name.as_bytes(), b"__be16" | b"__be32" | b"__be64") {
            return None;
        }
        layout = target;
    }
    match layout {
        Layout::Int { size, encoding: IntEncoding::Unsigned, .. } => {
            Some((*size, IntEncoding::Unsigned))
        }
        Layout::Int { size, encoding: IntEncoding::Signed, .. } => {
            Some((*size, IntEncoding::Signed))
        }
        _ => None,
    }
}
