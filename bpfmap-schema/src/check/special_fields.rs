//! Rules about special fields: members that the kernel manages, such as locks, timers, pointers and lists.

use super::context::{Context, by_value};
use super::maps::broken;
use super::resolved::{SpecialMember, special};
use crate::diagnostics::Finding;
use crate::ir::{
    Attribute, Composite, KeyValue, MapDecl, MemberType, Target, Type, TypeDef, TypeDefKind,
};
use crate::rules;
use crate::source::{Span, Spanned};
use bpfmap_core::SpecialField;
use bpfmap_core::map_type::MapType;
use bpfmap_core::rule;

/// The maximum number of special fields that the kernel supports in one struct.
///
/// Source: `BTF_FIELDS_MAX` in `include/linux/bpf.h`.
const MAX_FIELDS: u64 = 11;

/// Checks the positions and the targets of the special fields in all types.
pub(super) fn check_types(cx: &mut Context<'_>) {
    for def in cx.types() {
        match &def.kind {
            TypeDefKind::Struct(body) => {
                members(cx, def, body, Level::Top);
                together(cx, def);
            }
            TypeDefKind::Union(body) => nested(cx, body, "a union"),
            TypeDefKind::Alias(target) => {
                if let Some((field, ..)) = special(&target.value) {
                    not_top_level(cx, field, target.span, "an alias");
                }
            }
            TypeDefKind::Enum(_) => {}
        }
    }
}

/// The nesting level of a struct.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    /// The struct is a named struct.
    Top,
    /// The struct is nested in another struct. In a nested struct, the kernel finds only some kinds of special fields.
    Nested,
}

/// Checks the special fields among the members of a struct.
fn members(cx: &mut Context<'_>, def: &TypeDef, body: &Composite, level: Level) {
    for member in &body.members {
        match &member.ty {
            MemberType::Type(ty) => match special(&ty.value) {
                None => struct_member(cx, ty),
                Some((field, ..)) if level == Level::Nested && !nests(field) => {
                    not_nested(cx, field, ty.span);
                }
                Some((field, _, Some(_))) if !field.is_pointer() => {
                    not_top_level(cx, field, ty.span, "an array");
                }
                Some((field, Some(target), _)) => leads_to(cx, def, field, target),
                Some(_) => {}
            },
            MemberType::Struct(body) => members(cx, def, body, Level::Nested),
            MemberType::Union(body) => nested(cx, body, "a union"),
        }
    }
}

/// Checks a struct member that is not a special field itself.
fn struct_member(cx: &mut Context<'_>, ty: &Spanned<Type>) {
    let Type::Named(name) = &ty.value else { return nested_type(cx, ty, "an array") };
    // The kernel does not follow aliases.
    if cx.resolved.type_def(name).is_some_and(|def| matches!(def.kind, TypeDefKind::Alias(_))) {
        return nested_type(cx, ty, "an alias");
    }
    let found = cx.resolved.special_fields_of(name).into_iter();
    if let Some(member) = found.into_iter().find(|member| !nests(member.field)) {
        not_nested(cx, member.field, ty.span);
    }
}

/// Returns whether kernels from Linux 6.11 on find `field` in a struct within the value. This was
/// measured on Linux 6.12 and later, except for lists, trees and pointers to user space.
///
/// Source: `btf_find_nested_struct` in `kernel/bpf/btf.c`.
fn nests(field: SpecialField) -> bool {
    use SpecialField as Field;
    field.is_single() || matches!(field, Field::Kptr | Field::UntrustedKptr | Field::PerCpuKptr)
}

fn not_nested(cx: &mut Context<'_>, field: SpecialField, span: Span) {
    let name = field.name();
    cx.report(
        Finding::new(
            &rules::SPECIAL_FIELD_NOT_TOP_LEVEL,
            span,
            format!("a `{name}` can't be in a struct within the value"),
        )
        .help(format!("make `{name}` a direct member of the struct that is the map's value")),
    );
}

/// Checks the combination of special fields in a struct.
///
/// Source: `btf_parse_fields` and `btf_find_field` in `kernel/bpf/btf.c`.
fn together(cx: &mut Context<'_>, def: &TypeDef) {
    let name = &def.name.value;
    let fields = cx.resolved.special_fields_of(name);
    let first = |wanted: SpecialField| fields.iter().find(|member| member.field == wanted);
    for (index, member) in fields.iter().enumerate() {
        if !member.field.is_single() {
            continue;
        }
        let first = fields[..index].iter().find(|other| other.field == member.field);
        // If both fields are in the same nested struct, they are reported for that struct.
        let first = first.filter(|it| it.within.is_none() || it.within != member.within);
        if let Some(first) = first {
            twice(cx, def, member.field, member.span, first.span);
        }
    }
    let lock = first(SpecialField::SpinLock).or(first(SpecialField::ResSpinLock));
    if let (Some(lock), Some(other)) =
        (first(SpecialField::SpinLock), first(SpecialField::ResSpinLock))
    {
        cx.report(
            Finding::new(
                &rules::ONE_KIND_OF_LOCK,
                other.span,
                format!("`{name}` has a `bpf_spin_lock` and a `bpf_res_spin_lock`"),
            )
            .related(lock.span, "the other lock")
            .help("remove one of the locks; a `bpf_res_spin_lock` needs Linux 6.15"),
        );
    }
    if let (Some(root), None) = (fields.iter().find(|member| member.field.node().is_some()), &lock)
    {
        let field = root.field.name();
        cx.report(
            Finding::new(
                &rules::LIST_NEEDS_LOCK,
                root.span,
                format!("`{name}` has a `{field}`, but no lock"),
            )
            .help("add a member of type `bpf_spin_lock`, which programs hold while they change the list or tree"),
        );
    }
    if let (Some(node), Some(other), None) =
        (first(SpecialField::ListNode), first(SpecialField::RbNode), first(SpecialField::RefCount))
    {
        cx.report(
            Finding::new(
                &rules::SHARED_NODE_NEEDS_REFCOUNT,
                def.name.span,
                format!("`{name}` can be in a list and in a tree, but has no reference count"),
            )
            .related(node.span, "the node for a list")
            .related(other.span, "the node for a tree")
            .help("add a member of type `bpf_refcount`"),
        );
    }
    beside_bits(cx, def, &fields);
    let count: u64 = fields.iter().map(|member| member.count.unwrap_or(1)).sum();
    if let Some(last) = fields.last().filter(|_| count > MAX_FIELDS) {
        cx.report(
            Finding::new(
                &rules::TOO_MANY_SPECIAL_FIELDS,
                last.span,
                format!(
                    "`{name}` has {count} special fields, but the kernel supports at most \
                     {MAX_FIELDS}"
                ),
            )
            .label("the last special field")
            .help("split the value into two maps; each element of an array counts as a field"),
        );
    }
}

/// Checks that each member of a struct with special fields begins at a byte boundary.
fn beside_bits(cx: &mut Context<'_>, def: &TypeDef, fields: &[SpecialMember<'_>]) {
    let Some(field) = fields.first() else { return };
    let Some(bits) = cx.resolved.part_of_a_byte(&def.name.value) else { return };
    let kind = field.field.name();
    cx.report(
        Finding::new(
            &rules::SPECIAL_FIELD_BESIDE_BITS,
            bits.span,
            format!(
                "the kernel does not find a `{kind}` in a struct with a member that does not begin \
                 at a byte boundary"
            ),
        )
        .related(field.span, format!("the `{kind}`"))
        .help("use members of whole bytes, or put the bit-fields into a union"),
    );
}

/// Checks that the target of `field` in `def` exists.
fn leads_to(cx: &mut Context<'_>, def: &TypeDef, field: SpecialField, target: &Target) {
    let name = &target.name.value;
    let found = cx.resolved.type_def(name);
    let is_struct = found.is_some_and(|def| matches!(def.kind, TypeDefKind::Struct(_)));
    let what = field.name();
    let finding = match (found, &target.member) {
        (Some(_), _) if !is_struct => Finding::new(
            &rules::SPECIAL_FIELD_TARGET,
            target.name.span,
            format!("the target of a `{what}` must be a struct, but `{name}` is not a struct"),
        )
        .help("write the name of a struct"),
        // Lists, trees and pointers to user space need a struct that the schema declares.
        (None, _) if !cx.open && (field.node().is_some() || field == SpecialField::UserPtr) => {
            Finding::new(
                &rules::SPECIAL_FIELD_TARGET,
                target.name.span,
                format!("the schema has no struct `{name}`"),
            )
            .help(cx.syntax.declare())
        }
        (Some(_), Some(member)) => {
            let members = cx.resolved.special_members(name);
            let there = members.iter().find(|there| there.name == member.value);
            let node = field.node().map_or("", SpecialField::name);
            if there.is_some_and(|there| Some(there.field) == field.node() && there.count.is_none())
            {
                return;
            }
            Finding::new(
                &rules::SPECIAL_FIELD_TARGET,
                member.span,
                format!("`{name}` has no `{node}` with the name `{}`", member.value),
            )
            .help(format!("add a member of type `{node}` to `{name}`, and write its name"))
        }
        (Some(_), None) if field == SpecialField::UserPtr && *name == def.name.value => {
            Finding::new(
                &rules::SPECIAL_FIELD_TARGET,
                target.name.span,
                format!("`{name}` refers to itself"),
            )
            .help(
                "declare a separate struct with plain members for the memory that is shared \
                   with user space",
            )
        }
        _ => return,
    };
    cx.report(finding);
}

fn twice(cx: &mut Context<'_>, def: &TypeDef, field: SpecialField, again: Span, first: Span) {
    let (name, field) = (&def.name.value, field.name());
    cx.report(
        Finding::new(
            &rules::SPECIAL_FIELD_TWICE,
            again,
            format!("`{name}` has a second `{field}`"),
        )
        .label("again")
        .related(first, "first")
        .help(format!("remove one `{field}`, or split the value into two maps")),
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

/// Reports special fields in the type `ty`. `place` describes a position where special fields are not allowed.
fn nested_type(cx: &mut Context<'_>, ty: &Spanned<Type>, place: &str) {
    if let Some((field, ..)) = special(&ty.value) {
        not_top_level(cx, field, ty.span, place);
    } else if let Some((holder, field)) = holder_of_field(cx, &ty.value) {
        let place = format!("`{holder}` within another type");
        not_top_level(cx, field, ty.span, &place);
    }
}

fn not_top_level(cx: &mut Context<'_>, field: SpecialField, span: Span, place: &str) {
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

/// If `ty` contains a struct with a special field by value, returns the name of the struct and the special field.
fn holder_of_field<'a>(cx: &Context<'a>, ty: &Type) -> Option<(&'a str, SpecialField)> {
    let def = cx.resolved.type_def(by_value(ty)?)?;
    let name = match &def.kind {
        TypeDefKind::Alias(target) => by_value(cx.resolved.without_aliases(&target.value))?,
        _ => &def.name.value,
    };
    let def = cx.resolved.type_def(name)?;
    let first = cx.resolved.special_members(name).into_iter().next()?;
    Some((&def.name.value, first.field))
}

/// Checks the special fields in the key and value of `map`, whose type is `row`.
pub(super) fn check_map(cx: &mut Context<'_>, map: &MapDecl, row: &MapType) {
    if let Some(KeyValue::Type(key)) = &map.key {
        let field = special(&key.value).map(|(field, ..)| field);
        if let Some(field) =
            field.or_else(|| holder_of_field(cx, &key.value).map(|(_, field)| field))
        {
            cx.report(broken(&rule::field_in_key(field), key.span));
        }
    }
    let Some(value) = &map.value else { return };
    if let KeyValue::Type(ty) = value {
        match &ty.value {
            Type::Special(field, _) => {
                not_top_level(cx, *field, ty.span, "a value that is not a struct");
            }
            Type::Array(..) => nested_type(cx, ty, "an array"),
            _ => {}
        }
    }
    for member in cx.resolved.special_fields(value) {
        let why = without_btf(map);
        let Some(violation) = rule::field_in_value(row, member.field, why.is_none()) else {
            continue;
        };
        // If the map type supports the field, the reason is the missing BTF.
        let finding = match why.filter(|_| row.takes_special_field(member.field)) {
            Some(why) => broken(&violation, why.span).label(why.value),
            None => broken(&violation, value.span()),
        };
        cx.report(finding.related(member.span, format!("`{}` is a special field", member.name)));
    }
}

/// Returns the reason why the value of `map` has no BTF, or `None` if the value has BTF.
#[must_use]
pub fn without_btf(map: &MapDecl) -> Option<Spanned<&'static str>> {
    let mut set_by_loader = map.set_by_loader.iter();
    if let Some(key) = set_by_loader.find(|set| set.value == Attribute::Key) {
        let why = "a loader can't set the type of the key, and without this type, libbpf leaves \
                   out the type of the value too";
        return Some(Spanned::new(why, key.span));
    }
    match (&map.btf, &map.key) {
        (Some(btf), _) if !btf.value => Some(Spanned::new("turns off BTF", btf.span)),
        (_, Some(KeyValue::Size(size))) => Some(Spanned::new(
            "without the type of the key, libbpf leaves out the type of the value too",
            size.span,
        )),
        _ => None,
    }
}
