//! Compares two different types without members.

use std::collections::HashMap;

use super::place::{End, View};
use super::rules::{self, Rule};
use super::words::{bytes, changed};
use bpfmap_schema::ir::{Enum, Int, Type};
use bpfmap_schema::source::Span;

/// Returns the rule and the message for a type that changed from `old` to `new`.
pub(super) fn ends(old: &End<'_>, new: &End<'_>) -> (&'static Rule, String) {
    let message = changed(&describe(old), &describe(new));
    let (special, scalars) = match (old.view, new.view) {
        (View::Scalar(old), View::Scalar(new)) => {
            (is_special(old) || is_special(new), is_same_number(Some(old), Some(new)))
        }
        (View::Scalar(old), View::Enum(_)) => (is_special(old), is_same_number(Some(old), None)),
        (View::Enum(_), View::Scalar(new)) => (is_special(new), is_same_number(None, Some(new))),
        (View::Scalar(one), _) | (_, View::Scalar(one)) => (is_special(one), false),
        _ => (false, false),
    };
    let is_opaque = |end: &End<'_>| matches!(end.view, View::Opaque);
    let rule = if is_opaque(old) || is_opaque(new) {
        &rules::BTF
    } else if special {
        &rules::SPECIAL_FIELD
    } else if old.layout.size != new.layout.size {
        &rules::MEMBER_RESIZED
    } else if scalars {
        &rules::TYPE_SPELLING
    } else {
        &rules::MEMBER_TYPE
    };
    (rule, message)
}

/// Returns whether the same bytes represent the same number in both types, with the same
/// signedness. `None` stands for an enum.
fn is_same_number(old: Option<&Type>, new: Option<&Type>) -> bool {
    let is_number =
        |ty: Option<&Type>| matches!(ty, None | Some(Type::Int(_) | Type::Bool | Type::Char));
    match (old, new) {
        (Some(Type::Int(old)), Some(Type::Int(new))) => old.signed == new.signed,
        _ => is_number(old) && is_number(new),
    }
}

/// Returns whether `ty` is a special field or an array of special fields.
pub(super) fn is_special(ty: &Type) -> bool {
    match ty {
        Type::Special(..) => true,
        Type::Array(element, _) => is_special(&element.value),
        _ => false,
    }
}

/// Returns the differences between two enums.
pub(super) fn enums(old: &Enum, new: &Enum) -> Vec<(&'static Rule, String, Option<Span>)> {
    let mut found = vec![];
    let (was, is) = (old.repr.value, new.repr.value);
    if was.size != is.size {
        let message = format!("the integer type changed from {} to {}", word(was), word(is));
        found.push((&rules::MEMBER_RESIZED, message, None));
    } else if was != is {
        let message = format!("the integer type changed from {} to {}", word(was), word(is));
        found.push((&rules::TYPE_SPELLING, message, None));
    }
    let before: HashMap<&str, i128> = old
        .variants
        .iter()
        .map(|variant| (variant.name.value.as_str(), variant.value.value))
        .collect();
    let mut added = vec![];
    for variant in &new.variants {
        let (name, value) = (variant.name.value.as_str(), variant.value.value);
        match before.get(name) {
            Some(was) if *was != value => {
                let message = format!("`{name}` changed from {was} to {value}");
                found.push((&rules::ENUM_VALUE, message, Some(variant.value.span)));
            }
            Some(_) => {}
            None => added.push(format!("`{name}` = {value}")),
        }
    }
    let is_gone = |name: &str| !new.variants.iter().any(|variant| variant.name.value == name);
    let gone: Vec<String> = old
        .variants
        .iter()
        .filter(|variant| is_gone(&variant.name.value))
        .map(|variant| format!("`{}` = {}", variant.name.value, variant.value.value))
        .collect();
    let parts = [("new variants", added), ("removed variants", gone)];
    let parts = parts.into_iter().filter(|(_, names)| !names.is_empty());
    let parts: Vec<String> =
        parts.map(|(word, names)| format!("{word}: {}", names.join(", "))).collect();
    if !parts.is_empty() {
        found.push((&rules::ENUM_VARIANTS, parts.join("; "), None));
    }
    found
}

fn describe(end: &End<'_>) -> String {
    match end.view {
        View::Scalar(ty) => format!("`{ty}`"),
        View::Array(element, len) => format!("`[{}; {len}]`", element.value),
        View::Enum(body) => format!("an enum of type {}", word(body.repr.value)),
        View::Composite(body) => {
            let kind = if body.is_union { "a union" } else { "a struct" };
            format!("{kind} of {}", bytes(end.layout.size))
        }
        View::Opaque => format!("{} without a type", bytes(end.layout.size)),
    }
}

fn word(int: Int) -> String {
    format!("`{int}`")
}
