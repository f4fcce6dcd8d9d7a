//! Numbers that become wider.

use crate::evolve::place::View;
use bpfmap_schema::ir::{Enum, Int, Type};

/// What the bits of a number mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number<'a> {
    /// An integer, a `char` or a `bool`, which are one byte.
    Int { signed: bool, is_byte: bool },
    /// Of an enum, the names too.
    Enum(&'a Enum),
    /// In network byte order.
    BigEndian,
}

/// `None` for what is not one number.
pub(super) fn number(view: View<'_>) -> Option<Number<'_>> {
    Some(match view {
        View::Enum(body) => Number::Enum(body),
        View::Scalar(Type::Int(Int { signed, .. })) => {
            Number::Int { signed: *signed, is_byte: false }
        }
        View::Scalar(Type::Char | Type::Bool) => Number::Int { signed: false, is_byte: true },
        View::Scalar(Type::BigEndian(_)) => Number::BigEndian,
        _ => return None,
    })
}

impl Number<'_> {
    fn signed(self) -> bool {
        match self {
            Self::Int { signed, .. } => signed,
            Self::Enum(body) => body.repr.value.signed,
            Self::BigEndian => false,
        }
    }
}

/// Returns whether a number of `old_bits` is the same number when it has `new_bits`; then, whether
/// it is extended by its sign. Else why not, and what to do.
pub(super) fn widen(
    (old, old_bits): (Number<'_>, u64),
    (new, new_bits): (Number<'_>, u64),
) -> Result<bool, (String, &'static str)> {
    if new_bits < old_bits {
        let message = format!("{new_bits} bits, was {old_bits}: some numbers would not fit");
        return Err((message, "keep the width, or give the member a new name"));
    }
    if (old == Number::BigEndian) != (new == Number::BigEndian) {
        let message = "another byte order".to_owned();
        return Err((message, "keep the byte order, or give the member a new name"));
    }
    if let (Number::Enum(old), Number::Enum(new)) = (old, new) {
        for variant in &new.variants {
            let name = &variant.name.value;
            let before = old.variants.iter().find(|before| before.name.value == *name);
            if let Some(before) = before.filter(|before| before.value.value != variant.value.value)
            {
                let message =
                    format!("`{name}` is {}, was {}", variant.value.value, before.value.value);
                return Err((message, "give the variant the number that old entries have"));
            }
        }
    }
    // One byte is one byte, and what has no sign fits what is wider and has one.
    let is_byte = |number: Number<'_>| matches!(number, Number::Int { is_byte: true, .. });
    let keeps_sign = old.signed() == new.signed()
        || !old.signed() && new_bits > old_bits
        || new_bits == old_bits && (is_byte(old) || is_byte(new));
    if !keeps_sign {
        let words = if old.signed() {
            "the new type is unsigned, the old one was signed"
        } else {
            "the new type is signed, the old one was unsigned"
        };
        return Err((words.to_owned(), "keep the sign, or give the member a new name"));
    }
    Ok(old.signed())
}
