//! Generates names, docs, tags and numbers for the types of a random schema.

use std::collections::HashSet;

use bpfmap_schema::ir::{
    Composite, Enum, InC, Int, Member, MemberType, Schema, Type, TypeDefKind, Variant,
};
use bpfmap_schema::source::{Span, Spanned};

use super::words::{self, Random, doc, tags};

/// Adds the parts of types that the recipe of the schema does not contain.
pub(super) fn decorate(schema: &mut Schema, random: &mut Random) {
    words::rename_types(schema, random);
    for def in &mut schema.types {
        def.doc = doc(random);
        def.decl_tags = tags(random);
        let has_typedef = !matches!(def.kind, TypeDefKind::Alias(_)) && random.below(5) == 0;
        def.in_c = InC { typedef: has_typedef, kernel: false };
        match &mut def.kind {
            TypeDefKind::Struct(body) | TypeDefKind::Union(body) => {
                composite(body, random, &mut HashSet::new());
                if random.below(8) == 0 {
                    only_anonymous(body, random);
                }
            }
            TypeDefKind::Enum(body) => enumeration(body, random),
            TypeDefKind::Alias(_) => {}
        }
    }
}

/// Generates names for the members of a struct or union. `taken` contains names that must not be
/// used again. The function adds to this set, because members of anonymous structs and unions share
/// the namespace of the enclosing type.
fn composite(body: &mut Composite, random: &mut Random, taken: &mut HashSet<String>) {
    let names = body.members.iter().filter_map(|member| member.name.as_ref());
    taken.extend(names.map(|name| name.value.clone()));
    for member in &mut body.members {
        member.doc = doc(random);
        if let Some(name) = &mut member.name {
            member.decl_tags = tags(random);
            if random.below(3) == 0 {
                name.value = words::name(random, taken);
            }
        }
        match &mut member.ty {
            MemberType::Type(ty) => pointers(&mut ty.value, random),
            MemberType::Struct(body) | MemberType::Union(body) if member.name.is_some() => {
                composite(body, random, &mut HashSet::new());
            }
            MemberType::Struct(body) | MemberType::Union(body) => composite(body, random, taken),
        }
    }
}

/// Sets the targets of pointers that have no target.
fn pointers(ty: &mut Type, random: &mut Random) {
    match ty {
        Type::Array(element, _) => pointers(&mut element.value, random),
        Type::Pointer(target @ None) => *target = pointee(random).map(|ty| Box::new(ty.into())),
        _ => {}
    }
}

fn pointee(random: &mut Random) -> Option<Type> {
    match random.below(6) {
        0 => Some(Type::Named("task_struct".to_owned())),
        1 => Some(Type::Pointer(None)),
        2 => Some(Type::Int(Int { size: 1, signed: false })),
        _ => None,
    }
}

/// Moves the members into an anonymous struct or union, so that the type has no direct members.
fn only_anonymous(body: &mut Composite, random: &mut Random) {
    // An array without elements must be the last member of a type, so this case is left out.
    let has_tail = body.members.iter().any(|member| {
        matches!(&member.ty, MemberType::Type(ty) if matches!(&ty.value, Type::Array(_, len) if len.value == 0))
    });
    if has_tail {
        return;
    }
    let members = std::mem::take(&mut body.members);
    let inner = Composite { packed: body.packed, align: None, members };
    let ty =
        if random.below(2) == 0 { MemberType::Struct(inner) } else { MemberType::Union(inner) };
    body.members.push(Member {
        name: None,
        doc: None,
        ty,
        bits: None,
        decl_tags: vec![],
        renamed_from: None,
        default: None,
        span: Span::NONE,
    });
}

/// Generates the variants of an enum. Their values are the smallest value, the largest value, and
/// some values between them.
fn enumeration(body: &mut Enum, random: &mut Random) {
    let Int { size, signed } = body.repr.value;
    let bits = size * 8;
    let (least, most) = if signed {
        (-(1_i128 << (bits - 1)), (1 << (bits - 1)) - 1)
    } else {
        (0, (1_i128 << bits) - 1)
    };
    let numbers = [least, -1, 0, 1, 2, 127, 128, 255, 1 << 31, (1 << 31) - 1, (1 << 32) - 1, most];
    let numbers: Vec<i128> =
        numbers.into_iter().filter(|number| (least..=most).contains(number)).collect();
    let mut taken = HashSet::new();
    body.prefix = random.sometimes(3, |random| random.pick(&["", "V_", "x"]).to_owned().into());
    body.variants = (0..=random.below(4))
        .map(|_| Variant {
            name: Spanned::from(words::name(random, &mut taken)),
            value: random.pick(&numbers).into(),
            doc: doc(random),
        })
        .collect();
}
