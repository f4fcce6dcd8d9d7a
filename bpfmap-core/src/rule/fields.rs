//! Special fields in keys, values and events.

use super::{Violation, of_type};
use crate::map_type::{MAP_TYPES, MapType};
use crate::{SpecialField, Text};

/// Returns the violation for a special field in a key.
#[must_use]
pub const fn field_in_key(field: SpecialField) -> Violation {
    let message = Text::of("a key can't contain a `").and(field.name()).and("`");
    Violation::new("special-field-in-key", &message, "move the member to the value")
}

/// Returns the violation for a special field in an event.
#[must_use]
pub const fn field_in_event(field: SpecialField) -> Violation {
    let message = Text::of("an event can't contain a `").and(field.name());
    let message = message.and("`, which only the kernel can access");
    Violation::new("event-shape", &message, "remove the member: an event must be plain data")
}

/// Checks a special field in a value. `btf` states whether BTF describes the key and the value.
#[must_use]
pub const fn field_in_value(row: &MapType, field: SpecialField, btf: bool) -> Option<Violation> {
    if !row.takes_special_field(field) {
        let message = of_type(row).and(" can't have a `").and(field.name()).and("` in its value");
        return Some(Violation {
            rule: "special-field-not-for-type",
            message,
            help: takers(field),
        });
    }
    if btf {
        return None;
    }
    let message =
        Text::of("the kernel needs BTF to find the `").and(field.name()).and("` in a value");
    Some(Violation::new(
        "special-field-needs-btf",
        &message,
        "declare a type for the key and for the value, and remove `btf`",
    ))
}

/// Returns the violation for a flag that prevents programs from accessing a value with a special field.
#[must_use]
pub const fn flag_and_field(flag: &str, field: SpecialField) -> Violation {
    let message =
        Text::of("the flag `").and(flag).and("` is not allowed with the `").and(field.name());
    Violation::new("flag-conflict", &message.and("` in the value"), "remove the flag")
}

/// Returns the help for a map type that does not support `field`.
const fn takers(field: SpecialField) -> Text {
    let root = match field {
        SpecialField::ListNode => Some(SpecialField::ListHead),
        SpecialField::RbNode => Some(SpecialField::RbRoot),
        _ => None,
    };
    if let Some(root) = root {
        let text = Text::of(
            "declare the node in the struct of objects that programs allocate, and refer to \
             this struct with `",
        );
        return text.and(root.name()).and("<STRUCT.MEMBER>`");
    }
    let (mut text, mut index, mut first) =
        (Text::of("use a map type that supports this field: "), 0, true);
    while index < MAP_TYPES.len() {
        if MAP_TYPES[index].takes_special_field(field) {
            text = if first { text } else { text.and(", ") };
            text = text.and("`").and(MAP_TYPES[index].name).and("`");
            first = false;
        }
        index += 1;
    }
    text
}

/// Returns the first violation that `broken` finds for a special field in `fields`, which is a set of
/// [`SpecialField::bit`]s.
macro_rules! first_broken {
    ($fields:expr, $field:ident => $broken:expr) => {{
        let mut index = 0;
        while index < SpecialField::ALL.len() {
            let $field = SpecialField::ALL[index];
            if $fields & $field.bit() != 0 {
                let violation = $broken;
                if violation.is_some() {
                    return violation;
                }
            }
            index += 1;
        }
        None
    }};
}

/// Returns the violation for the first special field in `fields`, which are the special fields of a key. `fields` is a
/// set of [`SpecialField::bit`]s.
#[must_use]
pub const fn fields_in_key(fields: u32) -> Option<Violation> {
    first_broken!(fields, field => Some(field_in_key(field)))
}

/// Returns the violation for the first special field in `fields`, which are the special fields of an event. `fields` is
/// a set of [`SpecialField::bit`]s.
#[must_use]
pub const fn fields_in_event(fields: u32) -> Option<Violation> {
    first_broken!(fields, field => Some(field_in_event(field)))
}

/// Checks each special field in a value with [`field_in_value`]. `fields` is a set of [`SpecialField::bit`]s.
#[must_use]
pub const fn fields_in_value(row: &MapType, fields: u32, btf: bool) -> Option<Violation> {
    first_broken!(fields, field => field_in_value(row, field, btf))
}

/// Returns the violation for the flag and the first special field in `fields`, which are the special fields of a value.
/// `fields` is a set of [`SpecialField::bit`]s.
#[must_use]
pub const fn flag_and_fields(flag: &str, fields: u32) -> Option<Violation> {
    first_broken!(fields, field => Some(flag_and_field(flag, field)))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn each_field_has_its_own_bit_and_the_help_texts_fit_into_a_text() {
        let bits = SpecialField::ALL.iter().fold(0, |bits, field| bits + field.bit());
        assert_eq!(bits.count_ones() as usize, SpecialField::ALL.len());
        for field in SpecialField::ALL.iter().copied() {
            let text = takers(field);
            let takes = |row: &&MapType| row.takes_special_field(field);
            let last = MAP_TYPES.iter().rev().find(takes);
            assert!(
                last.is_none_or(|row| { text.as_str().ends_with(&std::format!("`{}`", row.name)) })
            );
        }
    }
}
