//! Comments, tags, odd names, special fields and maps for a random schema of types.
//!
//! The schema need not keep the rules afterwards: a printer has to write whatever a front end can
//! read.

use std::collections::HashSet;

use bpfmap_core::KernelVersion;
use bpfmap_core::SpecialField;
use bpfmap_schema::ir::{
    Attribute, Composite, DefaultValue, InC, InnerMap, Int, KeyValue, MapDecl, MemberType, Pinning,
    Schema, Target, Type, TypeDefKind,
};
use bpfmap_schema::source::{Span, Spanned};

use crate::words::{NAMES, Random, doc, name, rename_types, tags};

/// Adds to `schema` what the numbers that come of `seed` say.
pub(crate) fn decorate(schema: &mut Schema, seed: u64) {
    let mut random = Random(seed);
    let random = &mut random;
    schema.name = random.pick(NAMES).to_owned().into();
    schema.doc = doc(random);
    schema.min_kernel = random.sometimes(3, |random| {
        let (major, minor) = random.pick(&[(5, 10), (6, 1), (7, 3)]);
        KernelVersion::new(major, minor).into()
    });
    rename_types(schema, random);
    let types: Vec<String> = schema.types.iter().map(|def| def.name.value.clone()).collect();
    for def in &mut schema.types {
        def.doc = doc(random);
        def.decl_tags = tags(random);
        def.in_c = InC { typedef: random.below(5) == 0, kernel: random.below(5) == 0 };
        match &mut def.kind {
            TypeDefKind::Struct(body) => composite(body, random, Some(&types)),
            TypeDefKind::Union(body) => composite(body, random, None),
            TypeDefKind::Enum(body) => {
                body.prefix =
                    random.sometimes(3, |random| random.pick(&["", "V_", "x"]).to_owned().into());
                for variant in &mut body.variants {
                    variant.doc = doc(random);
                }
            }
            TypeDefKind::Alias(target) => ty(&mut target.value, random),
        }
    }
    let mut taken = HashSet::new();
    for _ in 0..random.below(4) {
        let name = name(random, &mut taken);
        let others: Vec<String> = schema.maps.iter().map(|map| map.name.value.clone()).collect();
        let mut map = map(random, name, &types);
        map.inner = random.sometimes(3, |random| {
            let inner = if others.is_empty() || random.below(2) == 0 {
                InnerMap::Template(Box::new(self::map(random, String::new(), &types)))
            } else {
                InnerMap::Named(others[random.below(others.len())].clone())
            };
            inner.into()
        });
        map.set_by_loader = unsaid(&map, random);
        schema.maps.push(map);
    }
}

fn former_name(random: &mut Random) -> Option<Spanned<String>> {
    random.sometimes(6, |random| random.pick(NAMES).to_owned().into())
}

fn default_value(random: &mut Random) -> Spanned<DefaultValue> {
    let default = match random.below(4) {
        0 => DefaultValue::Bool(random.pick(&[false, true])),
        1 => DefaultValue::Variant(
            random.pick(&["low", "two words", "\"\n\u{1f600}\u{7f}"]).to_owned(),
        ),
        _ => DefaultValue::Number(random.pick(&[0, -1, i64::MIN.into(), u64::MAX.into()])),
    };
    default.into()
}

fn composite(body: &mut Composite, random: &mut Random, types: Option<&[String]>) {
    composite_in(body, random, types, &mut HashSet::new());
}

/// Members of anonymous structs and unions share the names of the one around them.
fn composite_in(
    body: &mut Composite,
    random: &mut Random,
    types: Option<&[String]>,
    taken: &mut HashSet<String>,
) {
    taken
        .extend(body.members.iter().filter_map(|member| Some(member.name.as_ref()?.value.clone())));
    for member in &mut body.members {
        member.doc = doc(random);
        member.decl_tags = tags(random);
        member.renamed_from = former_name(random);
        if matches!(member.ty, MemberType::Type(_)) {
            member.default = random.sometimes(6, default_value);
        }
        if let Some(member) = member.name.as_mut().filter(|_| random.below(3) == 0) {
            member.value = name(random, taken);
        }
        let is_bit_field = member.bits.is_some();
        match &mut member.ty {
            MemberType::Type(member) if !is_bit_field => {
                ty(&mut member.value, random);
                if let Some(types) = types.filter(|_| random.below(12) == 0) {
                    member.value = special(random, types);
                }
            }
            MemberType::Type(_) => {}
            MemberType::Struct(body) | MemberType::Union(body) => {
                if member.name.is_some() {
                    composite(body, random, None);
                } else {
                    composite_in(body, random, None, taken);
                }
            }
        }
    }
}

/// Pointers that lead somewhere.
fn ty(ty: &mut Type, random: &mut Random) {
    match ty {
        Type::Array(element, _) => self::ty(&mut element.value, random),
        Type::Pointer(target @ None) => *target = random.sometimes(2, target_of).map(Box::new),
        _ => {}
    }
}

fn target_of(random: &mut Random) -> Spanned<Type> {
    let byte = Type::Int(Int { size: 1, signed: false });
    let target = match random.below(6) {
        0 => Type::Named("task_struct".to_owned()),
        1 => Type::Pointer(None),
        2 => Type::Array(Box::new(byte.into()), 16.into()),
        3 => Type::Char,
        4 => Type::Pointer(Some(Box::new(target_of(random)))),
        _ => byte,
    };
    target.into()
}

fn special(random: &mut Random, types: &[String]) -> Type {
    let field = random.pick(SpecialField::ALL);
    let target = field.has_target().then(|| {
        let member = field.node().map(|_| "node".to_owned().into());
        // What user space shares is always a type of the schema.
        let is_own = field == SpecialField::UserPtr || random.below(2) == 0;
        let own = types[random.below(types.len())].clone();
        let name = if is_own { own } else { "job".to_owned() };
        Box::new(Target { name: name.into(), member })
    });
    let ty = Type::Special(field, target);
    if random.below(4) == 0 { Type::Array(Box::new(ty.into()), 2.into()) } else { ty }
}

fn map(random: &mut Random, name: String, types: &[String]) -> MapDecl {
    let map_type =
        random.pick(&["hash", "array", "lpm_trie", "ringbuf", "hash_of_maps", "struct_ops"]);
    let words = |random: &mut Random, words: &[&str]| -> Vec<Spanned<String>> {
        let words = words[..random.below(words.len() + 1)].iter();
        words.map(|word| (*word).to_owned().into()).collect()
    };
    MapDecl {
        name: name.into(),
        doc: doc(random),
        map_type: map_type.to_owned().into(),
        key: random.sometimes(2, |random| key_or_value(random, types)),
        value: random.sometimes(2, |random| key_or_value(random, types)),
        event: random.sometimes(5, |random| held(random, types)),
        ops: random.sometimes(8, |_| "tcp_congestion_ops".to_owned().into()),
        max_entries: random.sometimes(2, |random| random.pick(&[0, 1, 1024, u32::MAX]).into()),
        flags: words(random, &["no_prealloc", "rdonly_prog", "mmapable"]),
        pinning: random.sometimes(3, |random| {
            random.pick(&[Pinning::None, Pinning::ByName, Pinning::Other(16)]).into()
        }),
        numa_node: random.sometimes(5, |random| random.pick(&[0, 3]).into()),
        map_extra: random.sometimes(5, |random| random.pick(&[3, u64::MAX]).into()),
        inner: None,
        values: random
            .sometimes(4, |random| {
                let programs = words(random, &["handle_ipv4", "type", "first"]);
                (1..).map(Into::into).zip(programs).collect()
            })
            .unwrap_or_default(),
        btf: random.sometimes(5, |random| random.pick(&[false, true]).into()),
        set_by_loader: vec![],
        optional: (random.below(4) == 0).into(),
        decl_tags: tags(random),
        renamed_from: former_name(random),
        span: Span::NONE,
    }
}

/// Some of what the map does not say itself.
fn unsaid(map: &MapDecl, random: &mut Random) -> Vec<Spanned<Attribute>> {
    let is_said = |attribute| match attribute {
        Attribute::Key => map.key.is_some(),
        Attribute::Value => map.value.is_some(),
        Attribute::MaxEntries => map.max_entries.is_some(),
        Attribute::Inner => map.inner.is_some(),
    };
    let unsaid = Attribute::WORDS.iter().filter(|(_, attribute)| !is_said(*attribute));
    unsaid.filter(|_| random.below(3) == 0).map(|(_, attribute)| (*attribute).into()).collect()
}

fn key_or_value(random: &mut Random, types: &[String]) -> KeyValue {
    match random.below(5) {
        0 => KeyValue::Size(random.pick(&[1, 12, 4096]).into()),
        _ => KeyValue::Type(held(random, types)),
    }
}

fn held(random: &mut Random, types: &[String]) -> Spanned<Type> {
    let ty = match random.below(6) {
        0 => Type::Int(Int { size: 4, signed: true }),
        1 => Type::Char,
        2 => Type::Array(Box::new(Type::Char.into()), 16.into()),
        3 => Type::Pointer(random.sometimes(2, target_of).map(Box::new)),
        _ => Type::Named(types[random.below(types.len())].clone()),
    };
    ty.into()
}
