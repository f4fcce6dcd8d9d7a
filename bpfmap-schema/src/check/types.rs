//! Rules about the contents of types.

use super::context::{Context, by_value, for_each_type};
use crate::diagnostics::Finding;
use crate::ir::{Composite, Enum, Int, Member, MemberType, Type, TypeDef, TypeDefKind};
use crate::rules;
use crate::source::{Span, Spanned};

/// The largest alignment that a schema can request, in bytes. It is the size of a page.
const MAX_ALIGN: u32 = 4096;

/// The largest size of a type in bytes. BTF stores the offsets of members as 32-bit numbers of bits.
const MAX_SIZE: u64 = u32::MAX as u64 / 8;

/// The maximum number of members or variants of a type.
///
/// Source: `BTF_MAX_VLEN` in `include/uapi/linux/btf.h`.
const MAX_MEMBERS: usize = 0xffff;

pub(super) fn check(cx: &mut Context<'_>) {
    for def in cx.types() {
        let name = &def.name;
        match &def.kind {
            TypeDefKind::Struct(body) => composite(cx, &name.value, name.span, body, true),
            TypeDefKind::Union(body) => composite(cx, &name.value, name.span, body, false),
            TypeDefKind::Enum(body) => enumeration(cx, def, body),
            TypeDefKind::Alias(target) => no_empty_array(cx, target),
        }
        too_large(cx, def);
        match (&def.kind, def.decl_tags.first()) {
            (TypeDefKind::Enum(_), Some(tag)) => enum_tag(cx, &name.value, tag),
            _ => decl_tags(cx, &def.decl_tags),
        }
    }
    for map in cx.maps() {
        map.types().for_each(|ty| no_empty_array(cx, ty));
        decl_tags(cx, &map.decl_tags);
    }
}

fn enum_tag(cx: &mut Context<'_>, name: &str, tag: &Spanned<String>) {
    cx.report(
        Finding::new(
            &rules::DECL_TAG,
            tag.span,
            format!("`{name}` is an enum, and clang does not accept declaration tags on enums"),
        )
        .help("write the tag on a member of this type, or on an alias"),
    );
}

/// Checks the texts of declaration tags.
///
/// Source: `btf_decl_tag_check_meta` in `kernel/bpf/btf.c`.
fn decl_tags(cx: &mut Context<'_>, tags: &[Spanned<String>]) {
    for tag in tags {
        let (message, help) = if tag.value.is_empty() {
            ("the declaration tag is empty", "write a text, or remove the tag")
        } else if tag.value.contains('\0') {
            (
                "the declaration tag contains a zero byte, which BTF does not support",
                "remove the zero byte",
            )
        } else {
            continue;
        };
        cx.report(Finding::new(&rules::DECL_TAG, tag.span, message).help(help));
    }
}

/// Checks the struct or union `name`, and the structs and unions nested in it.
fn composite(cx: &mut Context<'_>, name: &str, span: Span, body: &Composite, is_struct: bool) {
    let named = body.members.iter().any(|member| member.name.is_some() || member.bits.is_none());
    if !named && !cx.incomplete.types.contains(name) {
        cx.report(
            Finding::new(&rules::EMPTY_TYPE, span, format!("`{name}` has no members"))
                .help("add a member, or remove the type"),
        );
    }
    count(cx, name, span, body.members.len(), "members");
    alignment(cx, body);
    for member in &body.members {
        decl_tags(cx, &member.decl_tags);
        match &member.ty {
            MemberType::Type(ty) => {
                // In a struct with other members, an array without elements marks an offset.
                let is_marker = is_struct && body.members.len() > 1;
                match &ty.value {
                    Type::Array(element, length) if length.value == 0 && is_marker => {
                        no_empty_array(cx, element);
                    }
                    _ => no_empty_array(cx, ty),
                }
                bit_field(cx, member, ty);
                if body.packed {
                    packed_special_field(cx, ty);
                }
            }
            MemberType::Struct(body) => {
                composite(cx, in_place_name(member), member.span, body, true);
            }
            MemberType::Union(body) => {
                composite(cx, in_place_name(member), member.span, body, false);
            }
        }
    }
}

fn in_place_name(member: &Member) -> &str {
    member.name.as_ref().map_or("an anonymous member", |name| &name.value)
}

fn count(cx: &mut Context<'_>, name: &str, span: Span, count: usize, what: &str) {
    if count > MAX_MEMBERS {
        let message =
            format!("`{name}` has {count} {what}, but BTF supports at most {MAX_MEMBERS}");
        cx.report(
            Finding::new(&rules::TYPE_TOO_LARGE, span, message)
                .help("use an array, or split the type into several types"),
        );
    }
}

fn alignment(cx: &mut Context<'_>, body: &Composite) {
    let Some(align) = &body.align else { return };
    if align.value.is_power_of_two() && align.value <= MAX_ALIGN {
        return;
    }
    let message = format!("invalid alignment {}", align.value);
    let nearest = align.value.clamp(1, MAX_ALIGN).next_power_of_two();
    cx.report(
        Finding::new(&rules::ALIGN_POWER_OF_TWO, align.span, message)
            .label(format!("expected a power of two up to {MAX_ALIGN}"))
            .help(format!("write `align = {nearest}`")),
    );
}

/// Reports an array without elements in `ty`.
fn no_empty_array(cx: &mut Context<'_>, ty: &Spanned<Type>) {
    match &ty.value {
        Type::Array(_, length) if length.value == 0 => {
            cx.report(
                Finding::new(
                    &rules::ZERO_LENGTH_ARRAY,
                    ty.span,
                    "an array without elements can only be a member of a struct, where it marks \
                     an offset",
                )
                .label("has no elements")
                .help(
                    "use a length of at least 1, or make the array a member of a struct with \
                       other members",
                ),
            );
        }
        Type::Array(element, _) => no_empty_array(cx, element),
        _ => {}
    }
}

fn bit_field(cx: &mut Context<'_>, member: &Member, ty: &Spanned<Type>) {
    let Some(bits) = &member.bits else { return };
    let widest = match cx.resolved.without_aliases(&ty.value) {
        Type::Int(Int { size, .. }) => size * 8,
        Type::Bool => 1,
        Type::Named(name) => match cx.resolved.type_def(name).map(|def| &def.kind) {
            Some(TypeDefKind::Enum(body)) => body.repr.value.size * 8,
            Some(_) => 0,
            // Another rule reports the unknown name.
            None => return,
        },
        _ => 0,
    };
    if widest == 0 {
        cx.report(
            Finding::new(
                &rules::BIT_FIELD_TYPE,
                ty.span,
                "the type of a bit-field must be an integer, a `bool` or an enum",
            )
            .label("not a possible type of a bit-field")
            .related(bits.span, "makes the member a bit-field")
            .help("use an integer, or remove `bits`"),
        );
    } else if !(1..=widest).contains(&bits.value) {
        let bits_of =
            |count: u32| if count == 1 { "1 bit".into() } else { format!("{count} bits") };
        let message = match widest {
            1 => "a bit-field of type `bool` must have 1 bit".to_owned(),
            _ => format!("a bit-field of this type must have 1 to {widest} bits"),
        };
        cx.report(
            Finding::new(&rules::BIT_FIELD_WIDTH, bits.span, message)
                .label(format!("found {}", bits_of(bits.value)))
                .related(ty.span, format!("has {}", bits_of(widest)))
                .help("use another width or a wider type, or remove a member that is only padding"),
        );
    }
}

fn packed_special_field(cx: &mut Context<'_>, ty: &Spanned<Type>) {
    let Some((field, ..)) = super::resolved::special(&ty.value) else { return };
    let name = field.name();
    cx.report(
        Finding::new(
            &rules::PACKED_SPECIAL_FIELD,
            ty.span,
            format!("a packed struct can't contain a `{name}`"),
        )
        .label("needs its alignment")
        .help("remove `packed`, and order the members so that no padding is needed"),
    );
}

fn enumeration(cx: &mut Context<'_>, def: &TypeDef, body: &Enum) {
    let name = &def.name.value;
    if body.variants.is_empty() && !cx.incomplete.types.contains(name) {
        cx.report(
            Finding::new(&rules::EMPTY_TYPE, def.name.span, format!("`{name}` has no variants"))
                .help("add a variant, or use an integer type"),
        );
    }
    count(cx, name, def.name.span, body.variants.len(), "variants");
    let repr = body.repr.value;
    for variant in &body.variants {
        let value = &variant.value;
        if fits(repr, value.value) {
            continue;
        }
        let (min, max) = range(repr);
        let message = format!(
            "{} does not fit in the integer type `{}` of `{name}`, which has values from {min} to \
             {max}",
            value.value, repr
        );
        let mut finding =
            Finding::new(&rules::ENUM_VALUE_RANGE, value.span, message).label("out of range");
        if body.repr.span.source.is_some() {
            finding = finding.related(body.repr.span, "the integer type of the enum");
        }
        let values = || body.variants.iter().map(|variant| variant.value.value);
        let wide_enough = REPRS.into_iter().find(|repr| values().all(|value| fits(*repr, value)));
        let help = match wide_enough {
            Some(repr) => format!("write {}", cx.syntax.repr(&repr.to_string())),
            None => "use values that all fit in an integer of at most 64 bits".to_owned(),
        };
        cx.report(finding.help(help));
    }
}

/// The integer types that an enum can have, in ascending order of size.
const REPRS: [Int; 8] = [
    Int { size: 1, signed: false },
    Int { size: 1, signed: true },
    Int { size: 2, signed: false },
    Int { size: 2, signed: true },
    Int { size: 4, signed: false },
    Int { size: 4, signed: true },
    Int { size: 8, signed: false },
    Int { size: 8, signed: true },
];

pub(super) fn range(int: Int) -> (i128, i128) {
    let bits = int.size.min(8) * 8;
    if int.signed { (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) } else { (0, (1 << bits) - 1) }
}

fn fits(int: Int, value: i128) -> bool {
    let (min, max) = range(int);
    (min..=max).contains(&value)
}

fn too_large(cx: &mut Context<'_>, def: &TypeDef) {
    let layouts = cx.resolved.layouts;
    let size_of = |name: &str| layouts.named(name).map_or(0, |layout| layout.size);
    let mut part_is_too_large = false;
    for_each_type(def, &mut |ty, _| {
        part_is_too_large |= by_value(&ty.value).is_some_and(|name| size_of(name) > MAX_SIZE);
    });
    let size = size_of(&def.name.value);
    if size > MAX_SIZE && !part_is_too_large {
        let message =
            format!("`{}` has {size} bytes, but BTF supports at most {MAX_SIZE}", def.name.value);
        cx.report(
            Finding::new(&rules::TYPE_TOO_LARGE, def.name.span, message)
                .help("make the arrays in this type shorter"),
        );
    }
}
