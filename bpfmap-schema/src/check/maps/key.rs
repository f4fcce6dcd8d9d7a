//! Rules about a map's key.

use super::broken;
use super::pointers::Pointers;
use crate::check::context::Context;
use crate::diagnostics::Finding;
use crate::ir::{Attribute, Int, KeyValue, MapDecl, Member, MemberType, Type, TypeDefKind};
use crate::rules;
use crate::source::{Span, Spanned};
use bpfmap_core::map_type::{KeyRule, MapType};
use bpfmap_core::rule;

pub(super) fn check<'a>(
    cx: &mut Context<'a>,
    map: &'a MapDecl,
    row: &MapType,
    pointers: &mut Pointers<'a>,
) {
    let name = &map.name.value;
    let Some(key) = &map.key else {
        if row.key != KeyRule::Keyless && cx.is_unsaid(map, Attribute::Key) {
            let ty = row.name;
            cx.report(
                Finding::new(&rules::KEY_MISSING, map.span, format!("the map `{name}` has no key"))
                    .label(format!("a map of type `{ty}` needs a key"))
                    .help(format!("write {}", cx.syntax.field("key", "TYPE"))),
            );
        }
        return;
    };
    if row.key == KeyRule::Keyless {
        let ty = row.name;
        let message = format!("a map of type `{ty}` can't have a key");
        cx.report(
            Finding::new(&rules::KEY_NOT_ALLOWED, key.span(), message).help("remove the key"),
        );
        return;
    }
    if let KeyValue::Type(ty) = key {
        if !cx.is_sound(&ty.value) {
            return;
        }
        if let Some(member) = flexible_array(cx, &ty.value) {
            cx.report(
                Finding::new(
                    &rules::ZERO_LENGTH_ARRAY,
                    ty.span,
                    "the kernel compares every byte of a key, so a key must have a fixed size",
                )
                .related(member, "this array has no fixed size")
                .help("use an array with a length of at least 1"),
            );
        }
        if let Some(place) = pointers.find(cx, &ty.value) {
            let mut finding = Finding::new(
                &rules::POINTER_IN_KEY,
                ty.span,
                format!("the key of `{name}` contains a pointer"),
            )
            .help(
                "use the target of the pointer or an ID as the key, or use `u64` if you need \
                   the address itself",
            );
            if place != ty.span {
                finding = finding.related(place, "the pointer");
            }
            cx.report(finding);
        }
    }
    let size = cx.resolved.layout(key).size;
    let typed = match key {
        KeyValue::Type(ty) => Some(ty),
        KeyValue::Size(_) => None,
    };
    let is_lpm = row.key == KeyRule::LpmPrefix;
    if let Some(ty) = typed.filter(|ty| is_lpm && !starts_with_prefix_length(cx, &ty.value)) {
        let finding = broken(&rule::lpm_key_shape(), ty.span);
        cx.report(in_syntax(cx, row, finding));
        return;
    }
    if let Some(violation) = rule::key_size(row, size) {
        let finding = broken(&violation, key.span()).label(format!("{size} bytes"));
        cx.report(in_syntax(cx, row, finding));
        return;
    }
    if let Some(ty) = typed.filter(|_| is_lpm) {
        lpm_byte_order(cx, &ty.value);
    }
    if let Some(ty) = typed.filter(|_| row.key.is_implied()) {
        number_key(cx, map, row, ty);
    }
    let value = map.value.as_ref().map_or(0, |value| cx.resolved.layout(value).size);
    if let Some(violation) = rule::key_and_value(row, size, value) {
        cx.report(broken(&violation, key.span()).label(format!("{size} bytes")));
    }
}

/// Adds a help to the diagnostic, in the language of the schema.
fn in_syntax(cx: &Context<'_>, row: &MapType, finding: Finding) -> Finding {
    match row.key {
        KeyRule::CgroupStorage => finding.help(format!(
            "write {} for the inode number of the cgroup, or use a struct of this number and the \
             `u32` attach type",
            cx.syntax.field("key", "u64")
        )),
        KeyRule::LpmPrefix => finding.help(format!(
            "use a struct of {} and 1 to 256 bytes of data, with the most significant byte first",
            cx.syntax.member("prefix_len", "u32")
        )),
        rule if rule.is_implied() => {
            finding.help(format!("write {}, or remove the key", cx.syntax.field("key", "u32")))
        }
        _ => finding,
    }
}

fn number_key(cx: &mut Context<'_>, map: &MapDecl, row: &MapType, key: &Spanned<Type>) {
    let is_int = matches!(cx.resolved.without_aliases(&key.value), Type::Int(_));
    let has_btf = map.btf.as_ref().is_none_or(|btf| btf.value);
    if !is_int && has_btf {
        let finding = broken(&rule::number_key(row), key.span)
            .label("not an integer in the host's byte order");
        cx.report(in_syntax(cx, row, finding));
    }
}

/// Returns whether `ty` is a struct that begins with the prefix length. The prefix length is either the first member,
/// or the beginning of the first member, as in `struct { struct bpf_lpm_trie_key trie; … }`.
fn starts_with_prefix_length(cx: &Context<'_>, ty: &Type) -> bool {
    let Type::Named(name) = cx.resolved.without_aliases(ty) else { return false };
    match cx.resolved.type_def(name).map(|def| &def.kind) {
        Some(TypeDefKind::Struct(body)) => {
            body.members.first().is_some_and(|first| begins(cx, first))
        }
        _ => false,
    }
}

/// Returns whether the first bytes of a member are a `u32`.
fn begins(cx: &Context<'_>, member: &Member) -> bool {
    let (body, is_union) = match &member.ty {
        _ if member.bits.is_some() => return false,
        MemberType::Struct(body) => (body, false),
        MemberType::Union(body) => (body, true),
        MemberType::Type(ty) => match cx.resolved.without_aliases(&ty.value) {
            Type::Int(Int { size: 4, signed: false }) => return true,
            Type::Named(name) => match cx.resolved.type_def(name).map(|def| &def.kind) {
                // A sound type does not contain itself.
                Some(TypeDefKind::Struct(body)) => (body, false),
                Some(TypeDefKind::Union(body)) => (body, true),
                _ => return false,
            },
            _ => return false,
        },
    };
    let first = if is_union { body.members.len() } else { 1 };
    body.members.iter().take(first).any(|member| begins(cx, member))
}

/// Warns if the data of an LPM key ends with an integer in the host's byte order. Members before the
/// end are often compared as a whole, so their byte order does not matter.
fn lpm_byte_order(cx: &mut Context<'_>, key: &Type) {
    let Some((span, size)) = last_host_integer(cx, key) else { return };
    let bits = size * 8;
    cx.report(
        Finding::new(
            &rules::LPM_KEY_BYTE_ORDER,
            span,
            "the data of an LPM key ends with an integer in the host's byte order",
        )
        .help(format!("use `be{bits}`, or an array of `u8` with the most significant byte first"))
        .note(
            "the kernel compares a prefix from the first byte on, which is the least significant \
             byte of the integer on most machines",
        ),
    );
}

/// Returns the position and the size of the last member of a struct, if it is an integer of 2 to 8
/// bytes in the host's byte order, or an array of such integers.
fn last_host_integer(cx: &Context<'_>, ty: &Type) -> Option<(Span, u32)> {
    let Type::Named(name) = cx.resolved.without_aliases(ty) else { return None };
    let TypeDefKind::Struct(body) = &cx.resolved.type_def(name)?.kind else { return None };
    let mut body = body;
    loop {
        let last = body.members.last().filter(|last| last.bits.is_none())?;
        match &last.ty {
            MemberType::Struct(inner) => body = inner,
            MemberType::Union(_) => return None,
            MemberType::Type(ty) => {
                let mut element = cx.resolved.without_aliases(&ty.value);
                while let Type::Array(inner, _) = element {
                    element = cx.resolved.without_aliases(&inner.value);
                }
                return match element {
                    Type::Int(Int { size: size @ (2 | 4 | 8), .. }) => Some((ty.span, *size)),
                    other => last_host_integer(cx, other),
                };
            }
        }
    }
}

/// If the struct `ty` ends with an array without elements, returns the position of this array.
fn flexible_array(cx: &Context<'_>, ty: &Type) -> Option<Span> {
    let Type::Named(name) = cx.resolved.without_aliases(ty) else { return None };
    let TypeDefKind::Struct(body) = &cx.resolved.type_def(name)?.kind else { return None };
    match &body.members.last()?.ty {
        MemberType::Type(ty) => match &ty.value {
            Type::Array(_, length) if length.value == 0 => Some(ty.span),
            other => flexible_array(cx, other),
        },
        _ => None,
    }
}
