//! Rules about a map's key.

use super::pointers::Pointers;
use crate::check::context::Context;
use crate::diagnostics::Finding;
use crate::ir::{Attribute, Int, KeyValue, MapDecl, Member, MemberType, Type, TypeDefKind};
use crate::rules;
use crate::source::Span;
use bpfmap_core::map_type::{KeyRule, MapType, ValueRule};

/// What the key of an LPM trie may have, in bytes: the prefix length, and the data.
///
/// Source: `LPM_KEY_SIZE_MIN` and `LPM_KEY_SIZE_MAX` in `kernel/bpf/lpm_trie.c`.
const LPM_KEY_SIZE: std::ops::RangeInclusive<u64> = 5..=260;

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
                    .label(format!("a map of type `{ty}` has one"))
                    .help(format!("write {}", cx.syntax.field("key", "TYPE"))),
            );
        }
        return;
    };
    if row.key == KeyRule::Keyless {
        let ty = row.name;
        let message = format!("a map of type `{ty}` has no key");
        cx.report(
            Finding::new(&rules::KEY_NOT_ALLOWED, key.span(), message).help("leave the key out"),
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
                    "every byte of a key is compared, so its size has to be fixed",
                )
                .related(member, "of no size of its own")
                .help("give the array a length"),
            );
        }
        if let Some(place) = pointers.find(cx, &ty.value) {
            let mut finding = Finding::new(
                &rules::POINTER_IN_KEY,
                ty.span,
                format!("the key of `{name}` holds a pointer"),
            )
            .help("take what it leads to, or an id, as the key; `u64` where the address itself is meant");
            if place != ty.span {
                finding = finding.related(place, "the pointer");
            }
            cx.report(finding);
        }
    }
    let size = cx.resolved.layout(key).size;
    match row.key {
        KeyRule::Keyless => {}
        KeyRule::Index | KeyRule::Number | KeyRule::Descriptor(_) => {
            number_key(cx, map, row, key, size);
        }
        KeyRule::CgroupStorage => cgroup_storage_key(cx, key, size),
        KeyRule::LpmPrefix => lpm_key(cx, key, size),
        KeyRule::Any { max_size } => any_key(cx, map, row, key, (size, max_size)),
    }
}

fn number_key(cx: &mut Context<'_>, map: &MapDecl, row: &MapType, key: &KeyValue, size: u64) {
    let ty = row.name;
    if size != 4 {
        cx.report(
            Finding::new(
                &rules::ARRAY_KEY_SIZE,
                key.span(),
                format!("the key of a map of type `{ty}` has 4 bytes, this one has {size}"),
            )
            .label(format!("{size} bytes"))
            .help(format!("write {}, or leave it out", cx.syntax.field("key", "u32"))),
        );
        return;
    }
    let KeyValue::Type(key) = key else { return };
    let is_int = matches!(cx.resolved.without_aliases(&key.value), Type::Int(_));
    let has_btf = map.btf.as_ref().is_none_or(|btf| btf.value);
    if !is_int && has_btf {
        cx.report(
            Finding::new(
                &rules::ARRAY_KEY_TYPE,
                key.span,
                format!("the key of a map of type `{ty}` is a 32-bit integer"),
            )
            .label("no plain integer")
            .help(format!("write {}, or leave it out", cx.syntax.field("key", "u32"))),
        );
    }
}

/// What the key of a cgroup's storage may have, in bytes: the cgroup's inode number, and that with
/// the attach type in `struct bpf_cgroup_storage_key`.
///
/// Source: `kernel/bpf/local_storage.c`, `cgroup_storage_map_alloc`.
const CGROUP_STORAGE_KEY_SIZES: [u64; 2] = [8, 16];

fn cgroup_storage_key(cx: &mut Context<'_>, key: &KeyValue, size: u64) {
    if CGROUP_STORAGE_KEY_SIZES.contains(&size) {
        return;
    }
    let message = format!("the key of a cgroup's storage has 8 or 16 bytes, this one has {size}");
    let right = cx.syntax.field("key", "u64");
    cx.report(
        Finding::new(&rules::KEY_SIZE, key.span(), message).label(format!("{size} bytes")).help(
            format!("write {right}: the cgroup's inode number; or a struct of it and the `u32` attach type"),
        ),
    );
}

fn lpm_key(cx: &mut Context<'_>, key: &KeyValue, size: u64) {
    let finding = match key {
        KeyValue::Type(ty) if !starts_with_prefix_length(cx, &ty.value) => Finding::new(
            &rules::LPM_KEY_SHAPE,
            ty.span,
            "the key of an LPM trie is a struct that starts with the prefix length, a `u32`",
        ),
        _ if !LPM_KEY_SIZE.contains(&size) => Finding::new(
            &rules::LPM_KEY_SHAPE,
            key.span(),
            format!("the key of an LPM trie has 5 to 260 bytes, this one has {size}"),
        )
        .label(format!("{size} bytes")),
        _ => return,
    };
    let first = cx.syntax.member("prefix_len", "u32");
    cx.report(finding.help(format!(
        "make it a struct of {first} and 1 to 256 bytes of data, most significant byte first"
    )));
}

/// Whether `ty` is a struct whose first bytes are the prefix length: the first member, or what that
/// begins with, as in `struct { struct bpf_lpm_trie_key trie; … }`.
fn starts_with_prefix_length(cx: &Context<'_>, ty: &Type) -> bool {
    let Type::Named(name) = cx.resolved.without_aliases(ty) else { return false };
    match cx.resolved.type_def(name).map(|def| &def.kind) {
        Some(TypeDefKind::Struct(body)) => {
            body.members.first().is_some_and(|first| begins(cx, first))
        }
        _ => false,
    }
}

/// Whether the first bytes of a member are a `u32`.
fn begins(cx: &Context<'_>, member: &Member) -> bool {
    let (body, is_union) = match &member.ty {
        _ if member.bits.is_some() => return false,
        MemberType::Struct(body) => (body, false),
        MemberType::Union(body) => (body, true),
        MemberType::Type(ty) => match cx.resolved.without_aliases(&ty.value) {
            Type::Int(Int { size: 4, signed: false }) => return true,
            Type::Named(name) => match cx.resolved.type_def(name).map(|def| &def.kind) {
                // A sound type does not hold itself.
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

fn any_key(
    cx: &mut Context<'_>,
    map: &MapDecl,
    row: &MapType,
    key: &KeyValue,
    (size, max_size): (u64, u32),
) {
    // The kernel keeps key and value in one allocation, a per-CPU value apart from it.
    let together = match row.value {
        ValueRule::Plain { max_size } if !row.per_cpu => max_size,
        _ => u32::MAX,
    };
    let value = map.value.as_ref().map_or(0, |value| cx.resolved.layout(value).size);
    let rest = u64::from(together).saturating_sub(value);
    let message = if size == 0 {
        format!("the key of `{}` has no bytes", map.name.value)
    } else if size > u64::from(max_size) {
        format!("a key has at most {max_size} bytes, this one has {size}")
    } else if size >= rest && rest > 0 {
        format!("key and value together have less than {together} bytes; this key has {size}")
    } else {
        return;
    };
    cx.report(
        Finding::new(&rules::KEY_SIZE, key.span(), message)
            .label(format!("{size} bytes"))
            .help("take a smaller key, such as a hash of the large one"),
    );
}

/// The array of no elements that ends the struct `ty`, if one does.
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
