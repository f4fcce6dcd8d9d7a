//! Rules about fields that belong to the kernel: locks and timers.

use super::context::{Context, by_value};
use crate::diagnostics::Finding;
use crate::facts::{MAP_TYPES, MapTypeFacts};
use crate::ir::{
    Composite, KeyValue, MapDef, MemberType, SpecialField, Type, TypeDef, TypeDefKind,
};
use crate::rules;
use crate::source::{Span, Spanned};

/// Checks where the types have special fields.
pub(super) fn check_types(cx: &mut Context<'_>) {
    for def in cx.types() {
        match &def.kind {
            TypeDefKind::Struct(body) => top_level(cx, def, body),
            TypeDefKind::Union(body) => nested(cx, body, "a union"),
            TypeDefKind::Alias(target) => {
                if let Some(field) = field_in(&target.value) {
                    not_top_level(cx, field, target.span, "an alias");
                }
            }
            TypeDefKind::Enum(_) => {}
        }
    }
}

/// The members of a struct with a name: the one place where the kernel finds special fields.
fn top_level(cx: &mut Context<'_>, def: &TypeDef, body: &Composite) {
    let mut first: Vec<(&SpecialField, Span)> = Vec::new();
    for member in &body.members {
        match &member.ty {
            MemberType::Type(ty) => {
                if let Type::Special(field) = &ty.value {
                    match first.iter().find(|(known, _)| *known == field) {
                        None => first.push((field, ty.span)),
                        Some((_, span)) => twice(cx, def, field, ty.span, *span),
                    }
                } else {
                    nested_type(cx, ty, "an array");
                }
            }
            MemberType::Struct(body) => nested(cx, body, "a struct within a struct"),
            MemberType::Union(body) => nested(cx, body, "a union"),
        }
    }
}

fn twice(cx: &mut Context<'_>, def: &TypeDef, field: &SpecialField, again: Span, first: Span) {
    let (name, field) = (&def.name.value, field.name());
    cx.report(
        Finding::new(
            &rules::SPECIAL_FIELD_TWICE,
            again,
            format!("`{name}` has a second `{field}`"),
        )
        .label("again")
        .related(first, "first")
        .help(format!("keep one `{field}`, or split the value over two maps")),
    );
}

fn nested(cx: &mut Context<'_>, body: &Composite, place: &str) {
    for member in &body.members {
        match &member.ty {
            MemberType::Type(ty) => nested_type(cx, ty, place),
            MemberType::Struct(body) | MemberType::Union(body) => nested(cx, body, place),
        }
    }
}

/// A member of a type `ty` that stands in `place`, where no special field may be.
fn nested_type(cx: &mut Context<'_>, ty: &Spanned<Type>, place: &str) {
    if let Some(field) = field_in(&ty.value) {
        not_top_level(cx, field, ty.span, place);
    } else if let Some((holder, field)) = holder_of_field(cx, &ty.value) {
        let place = format!("`{holder}` within another type");
        not_top_level(cx, &field, ty.span, &place);
    }
}

fn not_top_level(cx: &mut Context<'_>, field: &SpecialField, span: Span, place: &str) {
    let name = field.name();
    cx.report(
        Finding::new(
            &rules::SPECIAL_FIELD_NOT_TOP_LEVEL,
            span,
            format!("the kernel does not find a `{name}` in {place}"),
        )
        .help(format!("make `{name}` a direct member of the struct that is the map's value")),
    );
}

/// The special field that `ty` is, or is an array of.
fn field_in(ty: &Type) -> Option<&SpecialField> {
    match ty {
        Type::Special(field) => Some(field),
        Type::Array(element, _) => field_in(&element.value),
        _ => None,
    }
}

/// The struct that `ty` holds by value, and the special field that it has.
fn holder_of_field<'a>(cx: &Context<'a>, ty: &Type) -> Option<(&'a str, SpecialField)> {
    let def = cx.resolved.type_def(by_value(ty)?)?;
    let name = match &def.kind {
        TypeDefKind::Alias(target) => by_value(cx.resolved.without_aliases(&target.value))?,
        _ => &def.name.value,
    };
    let def = cx.resolved.type_def(name)?;
    let TypeDefKind::Struct(body) = &def.kind else { return None };
    let field = body.members.iter().find_map(|member| match &member.ty {
        MemberType::Type(ty) => field_in(&ty.value),
        _ => None,
    })?;
    Some((&def.name.value, field.clone()))
}

/// Checks the special fields in the key and value of `map`, whose type is `row`.
pub(super) fn check_map(cx: &mut Context<'_>, map: &MapDef, row: &MapTypeFacts) {
    if let Some(KeyValue::Type(key)) = &map.key {
        let field = field_in(&key.value).cloned();
        if let Some(field) =
            field.or_else(|| holder_of_field(cx, &key.value).map(|(_, field)| field))
        {
            let message = format!("a key can't hold a `{}`", field.name());
            cx.report(
                Finding::new(&rules::SPECIAL_FIELD_IN_KEY, key.span, message)
                    .help("move it to the value"),
            );
        }
    }
    let Some(value) = &map.value else { return };
    if let KeyValue::Type(ty) = value {
        match &ty.value {
            Type::Special(field) => {
                not_top_level(cx, field, ty.span, "a value that is nothing else");
            }
            Type::Array(..) => nested_type(cx, ty, "an array"),
            _ => {}
        }
    }
    for (member, field, place) in cx.resolved.special_fields(value) {
        let name = field.name();
        if row.special_field_since(field).is_none() {
            let takers = MAP_TYPES.iter().filter(|row| row.special_field_since(field).is_some());
            let takers: Vec<String> = takers.map(|row| format!("`{}`", row.name)).collect();
            cx.report(
                Finding::new(
                    &rules::SPECIAL_FIELD_NOT_FOR_TYPE,
                    value.span(),
                    format!("a map of type `{}` can't have a `{name}` in its value", row.name),
                )
                .related(place, format!("`{member}` is one"))
                .help(format!("map types that take it: {}", takers.join(", "))),
            );
        } else if let Some(why) = without_btf(map) {
            cx.report(
                Finding::new(
                    &rules::SPECIAL_FIELD_NEEDS_BTF,
                    why.span,
                    format!("the kernel finds the `{name}` of a value by BTF"),
                )
                .label(why.value)
                .related(place, format!("`{member}` is one"))
                .help("describe key and value by their types, with BTF"),
            );
        }
    }
}

/// Why the value of `map` comes without BTF, if it does.
fn without_btf(map: &MapDef) -> Option<Spanned<&'static str>> {
    match (&map.btf, &map.key) {
        (Some(btf), _) if !btf.value => Some(Spanned::new("leaves BTF out", btf.span)),
        (_, Some(KeyValue::Size(size))) => {
            Some(Spanned::new("without the key's type, the value's is left out too", size.span))
        }
        _ => None,
    }
}
