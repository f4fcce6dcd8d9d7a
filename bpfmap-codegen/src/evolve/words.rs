//! Functions that format parts of several messages.

use super::place::PlacedMember;

pub(super) fn listed(flags: &[&str]) -> String {
    if flags.is_empty() { "none".to_owned() } else { format!("`{}`", flags.join("`, `")) }
}

/// Returns the message for a property that changed from `was` to `is`.
pub(super) fn changed(was: &str, is: &str) -> String {
    format!("changed from {was} to {is}")
}

/// Returns the message for a map type, or for the name of a `struct_ops` type, that has changed.
pub(super) fn type_changed(was: &str, is: &str) -> String {
    let word = |word: &str| if word.is_empty() { "none".to_owned() } else { format!("`{word}`") };
    format!("the type {}", changed(&word(was), &word(is)))
}

pub(super) fn bytes(count: u64) -> String {
    if count == 1 { "1 byte".to_owned() } else { format!("{count} bytes") }
}

/// Describes the size of a member as text.
pub(super) fn bits(place: &PlacedMember<'_>) -> String {
    match (place.member.bits.is_some(), place.bits) {
        (true, 1) => "1 bit".to_owned(),
        (true, bits) => format!("{bits} bits"),
        (false, bits) => bytes(bits / 8),
    }
}

pub(super) fn offset(place: &PlacedMember<'_>) -> String {
    match (place.member.bits.is_some(), place.bit_offset) {
        (true, bit) => format!("bit {bit}"),
        (false, bit) => format!("byte {}", bit / 8),
    }
}
