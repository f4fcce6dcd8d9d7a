//! Generates random maps from the table of facts about map types.

use bpfmap_core::map_type::{
    EventRule, InnerRule, KernelObject, KeyRule, MAP_TYPES, MapExtraRule, MapType, MaxEntriesRule,
    PAGE_SIZE, ValueRule,
};
use bpfmap_schema::check::check;
use bpfmap_schema::ir::{
    Attribute, Composite, InC, InnerMap, Int, KeyValue, MapDecl, Member, MemberType, Pinning,
    Schema, Type, TypeDef, TypeDefKind,
};
use bpfmap_schema::source::{Span, Spanned};

use super::words::{Random, doc, tags};
use super::{Tally, kernel_fields};

/// Adds a map of the type `row`, and the types that the map needs. `flag` selects a flag that the
/// map must have. Consecutive numbers select the flags of the map type one after the other.
pub(super) fn add(
    schema: &mut Schema,
    row: &MapType,
    name: String,
    flag: Option<usize>,
    random: &mut Random,
) {
    let mut map = map(schema, row, name, flag, random);
    if row.value == ValueRule::StructOps {
        // The variable of a `struct_ops` map contains no other attributes.
        (map.pinning, map.numa_node, map.decl_tags) = (None, None, vec![]);
    }
    if row.value == ValueRule::Object(KernelObject::Map) {
        map.inner = Some(inner(schema, random).into());
    }
    if row.value == ValueRule::Object(KernelObject::Program) && random.below(2) == 0 {
        map.values =
            vec![(0.into(), random.pick(&["handle_ipv4", "first", "key"]).to_owned().into())];
    }
    if let (Some(InnerMap::Named(inner)), 0) =
        (map.inner.as_ref().map(|inner| &inner.value), random.below(2))
    {
        // A map that is not optional must not depend on an optional inner map.
        let is_optional = |other: &MapDecl| other.name.value == *inner && other.optional.value;
        if schema.maps.iter().any(is_optional) {
            map.optional = true.into();
        }
        map.values = vec![(0.into(), inner.clone().into())];
    }
    schema.maps.push(map);
}

fn map(
    schema: &mut Schema,
    row: &MapType,
    name: String,
    flag: Option<usize>,
    random: &mut Random,
) -> MapDecl {
    let flags = flags(row, flag, random);
    let max_entries = max_entries(row, random);
    let has_node = flags.iter().any(|flag| flag.value == "numa_node");
    let mut set_by_loader = vec![];
    if max_entries.is_none() && !is_unneeded(row.max_entries) {
        set_by_loader.push(Attribute::MaxEntries.into());
    }
    let key = key(schema, row, random);
    let value = value(schema, row, flag, random);
    MapDecl {
        doc: doc(random),
        map_type: row.name.to_owned().into(),
        event: event(schema, row, random),
        ops: (row.value == ValueRule::StructOps).then(|| "tcp_congestion_ops".to_owned().into()),
        pinning: random.sometimes(4, |random| {
            random.pick(&[Pinning::None, Pinning::ByName, Pinning::Other(16)]).into()
        }),
        numa_node: has_node.then(|| 0.into()),
        map_extra: map_extra(row, max_entries, random),
        max_entries: max_entries.map(Into::into),
        flags,
        inner: None,
        values: vec![],
        btf: random.sometimes(8, |_| false.into()),
        set_by_loader,
        optional: (random.below(10) == 0).into(),
        decl_tags: tags(random),
        renamed_from: random.sometimes(10, |_| "former".to_owned().into()),
        span: Span::NONE,
        key,
        value,
        name: name.into(),
    }
}

/// Returns the required flags of the map type, the flag that `turn` selects, and sometimes other
/// flags.
fn flags(row: &MapType, turn: Option<usize>, random: &mut Random) -> Vec<Spanned<String>> {
    let mut names: Vec<&str> = row.required_flags.to_vec();
    // In each cycle, one value of `turn` selects no flag.
    if let Some((name, _)) = turn.and_then(|turn| row.flags.get(turn % (row.flags.len() + 1))) {
        names.push(name);
    }
    for (name, _) in row.flags {
        if random.below(8) == 0 {
            names.push(name);
        }
    }
    let mut unique: Vec<&str> = vec![];
    for name in names {
        if !unique.contains(&name) {
            unique.push(name);
        }
    }
    unique.into_iter().map(|name| name.to_owned().into()).collect()
}

fn is_unneeded(rule: MaxEntriesRule) -> bool {
    matches!(rule, MaxEntriesRule::PerCpu | MaxEntriesRule::One | MaxEntriesRule::Zero)
}

fn max_entries(row: &MapType, random: &mut Random) -> Option<u32> {
    match row.max_entries {
        // The kernel does not accept more queues than CPUs.
        MaxEntriesRule::AtLeastOne { .. } if row.value == ValueRule::Object(KernelObject::Cpu) => {
            Some(random.pick(&[1, 2, 4]))
        }
        MaxEntriesRule::AtLeastOne { .. } => Some(random.pick(&[1, 2, 3, 8, 100, 1024])),
        MaxEntriesRule::PerCpu => random.sometimes(2, |_| 2),
        MaxEntriesRule::Bytes => Some(random.pick(&[1, 2, 4, 64]) * PAGE_SIZE),
        MaxEntriesRule::Pages { .. } => Some(random.pick(&[1, 2, 16])),
        MaxEntriesRule::One => random.sometimes(2, |_| 1),
        MaxEntriesRule::Zero => random.sometimes(4, |_| 0),
    }
}

fn map_extra(row: &MapType, entries: Option<u32>, random: &mut Random) -> Option<Spanned<u64>> {
    let extra = match row.map_extra {
        MapExtraRule::Zero => return random.sometimes(10, |_| 0.into()),
        MapExtraRule::HashFunctions { max } => random.pick(&[1, 3, max]),
        MapExtraRule::Address => 1 << 44,
        MapExtraRule::ExpectedEntries { max } => u64::from(entries.unwrap_or(1)).min(max),
    };
    random.sometimes(2, |_| extra.into())
}

fn int(size: u32, signed: bool) -> Type {
    Type::Int(Int { size, signed })
}

fn typed(ty: Type) -> KeyValue {
    KeyValue::Type(ty.into())
}

fn key(schema: &mut Schema, row: &MapType, random: &mut Random) -> Option<KeyValue> {
    match row.key {
        KeyRule::Any { .. } => Some(any(schema, random)),
        KeyRule::Index | KeyRule::Number | KeyRule::Descriptor(_) => match random.below(6) {
            0 => Some(KeyValue::Size(4.into())),
            1 => Some(typed(int(4, true))),
            2 => Some(typed(int(4, false))),
            3 => {
                Some(typed(new_type(schema, random, |_| TypeDefKind::Alias(int(4, false).into()))))
            }
            _ => None,
        },
        KeyRule::CgroupStorage if random.below(3) == 0 => {
            let members = vec![
                member("cgroup_inode_id", int(8, false)),
                member("attach_type", int(4, false)),
            ];
            Some(typed(structure(schema, random, members)))
        }
        KeyRule::CgroupStorage => Some(typed(int(8, false))),
        KeyRule::LpmPrefix => {
            let data = match random.below(4) {
                0 => Type::BigEndian(4),
                1 => Type::Array(Box::new(Type::Char.into()), 3.into()),
                2 => Type::Array(Box::new(int(1, false).into()), 16.into()),
                _ => Type::Array(Box::new(int(4, false).into()), 4.into()),
            };
            let members = vec![member("prefix_len", int(4, false)), member("data", data)];
            Some(typed(structure(schema, random, members)))
        }
        KeyRule::Keyless => None,
    }
}

fn value(
    schema: &mut Schema,
    row: &MapType,
    turn: Option<usize>,
    random: &mut Random,
) -> Option<KeyValue> {
    match row.value {
        ValueRule::Plain { .. } => {
            if (turn.is_some_and(|turn| turn % 2 == 0) && random.below(3) > 0
                || random.below(4) == 0)
                && let Some(ty) = kernel_fields::value(schema, row, turn, random)
            {
                return Some(typed(ty));
            }
            Some(any(schema, random))
        }
        ValueRule::Object(object) => match random.below(4) {
            0 => Some(KeyValue::Size(size(random.pick(object.value_sizes())).into())),
            1 => Some(typed(int(size(random.pick(object.value_sizes())), false))),
            _ => None,
        },
        ValueRule::Stack => Some(typed(Type::Array(
            Box::new(int(8, false).into()),
            random.pick(&[4, 16, 124]).into(),
        ))),
        ValueRule::Instruction | ValueRule::StructOps | ValueRule::Valueless => None,
    }
}

fn size(bytes: u64) -> u32 {
    u32::try_from(bytes).unwrap_or(4)
}

fn event(schema: &Schema, row: &MapType, random: &mut Random) -> Option<Spanned<Type>> {
    if row.events == EventRule::Nothing || random.below(4) == 0 {
        return None;
    }
    Some(held(schema, random).into())
}

/// Returns a key or value of any kind.
fn any(schema: &Schema, random: &mut Random) -> KeyValue {
    match random.below(7) {
        0 => KeyValue::Size(random.pick(&[1, 3, 4, 8, 12, 100]).into()),
        _ => typed(held(schema, random)),
    }
}

fn held(schema: &Schema, random: &mut Random) -> Type {
    match random.below(12) {
        0 => int(random.pick(&[1, 2, 4, 8, 16]), true),
        1 if random.below(2) == 0 => Type::Char,
        1 => Type::Bool,
        2 => Type::Array(Box::new(Type::Char.into()), 16.into()),
        3 => Type::BigEndian(random.pick(&[2, 4, 8])),
        4 => Type::Array(Box::new(int(4, false).into()), random.pick(&[1, 5]).into()),
        5 => Type::Pointer(random.sometimes(2, |_| Box::new(int(1, false).into()))),
        _ => Type::Named(schema.types[random.below(schema.types.len())].name.value.clone()),
    }
}

/// Returns an inner map, which is either a template or a reference to another map of the schema.
fn inner(schema: &mut Schema, random: &mut Random) -> InnerMap {
    let possible = |map: &&MapDecl| {
        let row = MapType::by_name(&map.map_type.value);
        row.is_some_and(|row| !matches!(row.as_inner, InnerRule::Refused(_)))
    };
    let named: Vec<String> =
        schema.maps.iter().filter(possible).map(|map| map.name.value.clone()).collect();
    if !named.is_empty() && random.below(2) == 0 {
        return InnerMap::Named(named[random.below(named.len())].clone());
    }
    let rows: Vec<&MapType> = MAP_TYPES
        .iter()
        .filter(|row| !matches!(row.as_inner, InnerRule::Refused(_)))
        .filter(|row| row.value != ValueRule::StructOps)
        .collect();
    let row = rows[random.below(rows.len())];
    let mut template = map(schema, row, String::new(), None, random);
    template.pinning = None;
    template.optional = false.into();
    template.renamed_from = None;
    template.decl_tags = vec![];
    InnerMap::Template(Box::new(template))
}

pub(super) fn member(name: &str, ty: Type) -> Member {
    Member {
        name: Some(name.to_owned().into()),
        doc: None,
        ty: MemberType::Type(ty.into()),
        bits: None,
        decl_tags: vec![],
        renamed_from: None,
        default: None,
        span: Span::NONE,
    }
}

/// Adds a struct to the schema, and returns its name.
pub(super) fn structure(schema: &mut Schema, random: &mut Random, members: Vec<Member>) -> Type {
    new_type(schema, random, |_| {
        TypeDefKind::Struct(Composite { packed: false, align: None, members })
    })
}

fn new_type(
    schema: &mut Schema,
    random: &mut Random,
    kind: impl FnOnce(&mut Random) -> TypeDefKind,
) -> Type {
    let name = format!("made{}", schema.types.len());
    schema.types.push(TypeDef {
        name: name.clone().into(),
        doc: doc(random),
        kind: kind(random),
        decl_tags: vec![],
        in_c: InC::default(),
        include: None,
    });
    Type::Named(name)
}

/// Counts the features of the maps of a schema.
pub(super) fn cover(schema: &Schema, tally: &mut Tally) {
    let mut count = |what: String| *tally.covered.entry(what).or_default() += 1;
    let templates = schema.maps.iter().filter_map(MapDecl::template);
    for map in schema.maps.iter().chain(templates) {
        let ty = &map.map_type.value;
        count(ty.clone());
        map.flags.iter().for_each(|flag| count(format!("{ty}.{}", flag.value)));
        if map.event.is_some() {
            count(format!("{ty}.event"));
        }
    }
    if let Ok(checked) = check(schema.clone()) {
        for def in &checked.schema().types {
            for member in checked.resolved().special_members(&def.name.value) {
                count(member.field.name().to_owned());
            }
        }
    }
}
