//! Generates map values that contain special fields of the kernel.

use bpfmap_core::SpecialField;
use bpfmap_core::map_type::MapType;
use bpfmap_schema::ir::{Int, Schema, Target, Type};

use super::maps::{member, structure};
use super::words::Random;

/// Returns a struct that contains some of the special fields that a map of this type supports, with
/// ordinary members between them. Consecutive values of `turn` select different fields, so that
/// each field is selected at some time.
pub(super) fn value(
    schema: &mut Schema,
    row: &MapType,
    turn: Option<usize>,
    random: &mut Random,
) -> Option<Type> {
    if row.special_fields.is_empty() {
        return None;
    }
    let number = || Type::Int(Int { size: 4, signed: false });
    let mut members = vec![member("before", number())];
    let mut chosen: Vec<SpecialField> = vec![];
    let count = row.special_fields.len();
    let turns =
        turn.into_iter().flat_map(|turn| [turn, turn + 1]).map(|turn| turn + row.number as usize);
    let more = (0..=random.below(2)).map(|_| random.below(count));
    for index in turns.chain(more.collect::<Vec<_>>()) {
        let (field, _) = row.special_fields[index % count];
        // A list or a tree needs a lock that protects its nodes.
        if field.node().is_some() && !chosen.contains(&SpecialField::SpinLock) {
            chosen.push(SpecialField::SpinLock);
        }
        if !chosen.contains(&field) {
            chosen.push(field);
        }
    }
    for (index, field) in chosen.into_iter().enumerate() {
        let target = target(schema, field, random);
        members.push(member(&format!("field{index}"), Type::Special(field, target)));
        if random.below(2) == 0 {
            members.push(member(&format!("between{index}"), number()));
        }
    }
    Some(structure(schema, random, members))
}

/// Returns the target that the field points to or contains.
fn target(schema: &mut Schema, field: SpecialField, random: &mut Random) -> Option<Box<Target>> {
    if let Some(node) = field.node() {
        let number = Type::Int(Int { size: 8, signed: false });
        let members = vec![member("id", number), member("node", Type::Special(node, None))];
        let Type::Named(name) = structure(schema, random, members) else { return None };
        return Some(Box::new(Target {
            name: name.into(),
            member: Some("node".to_owned().into()),
        }));
    }
    if !field.is_pointer() {
        return None;
    }
    let is_own = field == SpecialField::UserPtr || field == SpecialField::PerCpuKptr;
    let name = if is_own {
        let number = Type::Int(Int { size: 8, signed: false });
        let Type::Named(name) = structure(schema, random, vec![member("shared", number)]) else {
            return None;
        };
        name
    } else {
        "task_struct".to_owned()
    };
    Some(Box::new(Target { name: name.into(), member: None }))
}
