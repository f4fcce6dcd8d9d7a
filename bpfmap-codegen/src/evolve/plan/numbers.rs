//! Checks whether the type of a number can become wider.

use crate::evolve::place::View;
use bpfmap_schema::ir::{Enum, Int, Type};

/// The kind of a number, which determines the meaning of its bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number<'a> {
    /// An integer, a `char` or a `bool`. `is_byte` is true for `char` and `bool`.
    Int { signed: bool, is_byte: bool },
    /// An enum. Its variants must also keep their numbers.
    Enum(&'a Enum),
    /// An integer in network byte order.
    BigEndian,
}

/// Returns the kind of a number type, or `None` if the type is not a single number.
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

/// Checks whether all numbers keep their values if the width changes from `old_bits` to `new_bits`.
/// If they do, the function returns whether to sign-extend the numbers. Otherwise, it returns the
/// reason and a help text.
pub(super) fn widen(
    (old, old_bits): (Number<'_>, u64),
    (new, new_bits): (Number<'_>, u64),
) -> Result<bool, (String, &'static str)> {
    if new_bits < old_bits {
        let message =
            format!("changed from {old_bits} to {new_bits} bits: some numbers would not fit");
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
                let message = format!(
                    "`{name}` changed from {} to {}",
                    before.value.value, variant.value.value
                );
                return Err((message, "give the variant its old number"));
            }
        }
    }
    // The signedness of a `bool` or a `char` does not matter if the width stays the same. An
    // unsigned number fits in a wider signed number.
    let is_byte = |number: Number<'_>| matches!(number, Number::Int { is_byte: true, .. });
    let keeps_sign = old.signed() == new.signed()
        || !old.signed() && new_bits > old_bits
        || new_bits == old_bits && (is_byte(old) || is_byte(new));
    if !keeps_sign {
        let words = if old.signed() {
            "the type changed from signed to unsigned"
        } else {
            "the type changed from unsigned to signed"
        };
        return Err((words.to_owned(), "keep the signedness, or give the member a new name"));
    }
    Ok(old.signed())
}
