//! Words that several messages share.

use super::place::PlacedMember;

pub(super) fn listed(flags: &[&str]) -> String {
    if flags.is_empty() { "none".to_owned() } else { flags.join(", ") }
}

pub(super) fn was(is: &str, was: &str) -> String {
    let word = |word: &str| if word.is_empty() { "none".to_owned() } else { format!("`{word}`") };
    format!("{}, was {}", word(is), word(was))
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
