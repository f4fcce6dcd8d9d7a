//! Checks whether a number can become wider.

use crate::evolve::place::View;
use bpfmap_schema::ir::{Enum, Int, Type};

/// The meaning of a number's bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number<'a> {
    /// An integer, a `char` or a `bool`. `is_byte` is true for `char` and `bool`.
    Int { signed: bool, is_byte: bool },
    /// An enum, whose variants must also keep their numbers.
    Enum(&'a Enum),
    /// In network byte order.
    BigEndian,
}

/// Returns the kind of number, or `None` for a type that is not a single number.
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

/// Checks whether a number keeps its value when its width changes from `old_bits` to `new_bits`. If
/// it does, returns whether it is sign-extended. Otherwise, returns the reason and a help.
pub(super) fn widen(
    (old, old_bits): (Number<'_>, u64),
    (new, new_bits): (Number<'_>, u64),
) -> Result<bool, (String, &'static str)> {
    if new_bits < old_bits {
        let message = format!("{new_bits} bits, was {old_bits}: some numbers would not fit");
        return Err((message, "keep the width, or give the member a new name"));
    }
    if (old == Number::BigEndian) != (new == Number::BigEndian) {
        let message = "the byte order has changed".to_owned();
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
    // The signedness of a `bool` or a `char` does not matter if the width stays the same. An
    // unsigned number fits in a wider signed one.
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
