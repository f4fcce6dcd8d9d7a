//! Plans how the entries of an old map are converted to entries of a new map.
//!
//! [`plan`] compares an old and a new map. It returns the steps that convert an entry, or the
//! obstacles that prevent a conversion. The module `bpfmap::migrate` of the run-time library
//! performs these steps. The command `bpfmap migrate` and generated functions use this module.
//!
//! Members are matched by name or by `renamed_from`. A new member gets the value of its `default`,
//! or zero. Integers, enums and arrays can grow. A change that would lose data is an obstacle. The
//! only exception is a member that was removed from the value: its data is dropped, and a note says
//! so.

mod members;
mod numbers;

use std::fmt;

use super::attributes::max_entries;
use super::change::Side;
use super::pair::{MapPair, Shape, TypePair};
use super::place::View;
use bpfmap_core::map_type::{KeyRule, MapType, Operation, ValueRule};
use bpfmap_core::{MigrationPlan, MigrationStep, SpecialField};
use bpfmap_schema::check::{Checked, Resolved};
use bpfmap_schema::ir::{Attribute, MapDecl, Type};
use bpfmap_schema::source::Span;
use bumpalo::Bump;
use members::Moves;

/// The plan that converts the entries of an old map to entries of a new map.
#[derive(Debug, Clone)]
pub struct PlannedMigration<'a> {
    /// The steps that convert keys and values.
    pub plan: MigrationPlan<'a>,
    /// Notes about data that the new map does not contain, such as `value.drops: dropped, …`.
    pub notes: Vec<String>,
    /// Whether a live map needs no migration, because it already matches the new schema.
    pub is_unchanged: bool,
}

/// A reason why the entries of a map can't be migrated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// The path of the part that can't be migrated, such as `flows.value.stats[].rx_bytes`.
    pub path: String,
    /// The message, which is a single line without the path.
    pub message: String,
    /// The instruction that says how to change the schema.
    pub help: &'static str,
    /// The schema to which `span` refers.
    pub side: Side,
    /// The position of the part that can't be migrated.
    pub span: Span,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}: {}", self.path, self.message, self.help)
    }
}

/// Plans how to convert the entries of the map `pair.old` to entries of the map `pair.new`.
/// `pair.old` belongs to the schema `old`, and `pair.new` to the schema `new`. The steps are
/// allocated in `arena`.
///
/// # Errors
///
/// Returns all obstacles if the entries can't be converted.
pub fn plan<'a>(
    arena: &'a Bump,
    old: &'a Checked,
    new: &'a Checked,
    pair: &MapPair<'a>,
) -> Result<PlannedMigration<'a>, Vec<Obstacle>> {
    let mut planner = Planner {
        arena,
        old: old.resolved(),
        new: new.resolved(),
        is_key: false,
        notes: vec![],
        obstacles: vec![],
    };
    planner.maps(pair);
    let mut plan = MigrationPlan { key: &[], value: &[] };
    if let (Some(key), Some(value), true) = (&pair.key, &pair.value, planner.obstacles.is_empty()) {
        planner.is_key = true;
        plan.key = planner.part("key", pair, key);
        planner.is_key = false;
        plan.value = planner.part("value", pair, value);
    }
    if planner.obstacles.is_empty() {
        Ok(PlannedMigration { plan, notes: planner.notes, is_unchanged: is_unchanged(pair) })
    } else {
        Err(planner.obstacles)
    }
}

/// Returns whether a live map of the old schema also matches the new schema. Such a map does not
/// have to be migrated.
#[must_use]
pub fn is_unchanged(pair: &MapPair<'_>) -> bool {
    let same = |types: &Option<TypePair<'_>>| {
        types.as_ref().is_none_or(|types| matches!(types.shape, Shape::Same))
    };
    let flags = |map: &MapDecl| {
        let mut flags: Vec<String> = map.flags.iter().map(|flag| flag.value.clone()).collect();
        flags.sort_unstable();
        flags
    };
    let (old, new) = (pair.old, pair.new);
    let numbers =
        |map: &MapDecl| (max_entries(map), map.map_extra.as_ref().map_or(0, |extra| extra.value));
    same(&pair.key)
        && same(&pair.value)
        && old.map_type.value == new.map_type.value
        && numbers(old) == numbers(new)
        && flags(old) == flags(new)
        && old.open_parts() == new.open_parts()
}

/// A group of map types with the same kind of entries. Entries can be copied from a map of any type
/// in the group to a map of any other type in the group.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Family {
    key: Keys,
    per_cpu: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    Any,
    Indices,
    Prefixes,
}

/// Returns the family of a map type. Returns `None` if user space can't read or can't write all
/// entries of such maps.
fn family(row: &MapType) -> Option<Family> {
    let key = match row.key {
        KeyRule::Any { .. } => Keys::Any,
        KeyRule::Index => Keys::Indices,
        KeyRule::LpmPrefix => Keys::Prefixes,
        _ => return None,
    };
    let works = |operation| row.operation_since(operation).is_some();
    let is_walked = matches!(row.value, ValueRule::Plain { .. })
        && works(Operation::GetNextKey)
        && works(Operation::Lookup)
        && works(Operation::Update);
    is_walked.then_some(Family { key, per_cpu: row.per_cpu })
}

struct Planner<'a> {
    arena: &'a Bump,
    old: Resolved<'a>,
    new: Resolved<'a>,
    /// Whether the type whose conversion is being planned belongs to a key. The conversion must not
    /// make two keys equal.
    is_key: bool,
    notes: Vec<String>,
    obstacles: Vec<Obstacle>,
}

impl<'a> Planner<'a> {
    fn obstacle(
        &mut self,
        path: &str,
        (side, span): (Side, Span),
        message: String,
        help: &'static str,
    ) {
        self.obstacles.push(Obstacle { path: path.to_owned(), message, help, side, span });
    }

    /// Adds the obstacles that do not depend on the types of key and value.
    fn maps(&mut self, pair: &MapPair<'_>) {
        let (old, new) = (pair.old, pair.new);
        let path = &new.name.value;
        let row = |map: &MapDecl| MapType::by_name(&map.map_type.value);
        let at = (Side::New, new.map_type.span);
        let (Some(old_row), Some(new_row)) = (row(old), row(new)) else { return };
        match (family(old_row), family(new_row)) {
            (Some(was), Some(is)) if was == is => {}
            (Some(_), Some(_)) => {
                let message = format!(
                    "entries of a map of type `{}` can't be converted to entries of type `{}`",
                    old.map_type.value, new.map_type.value
                );
                return self.obstacle(path, at, message, "pin the new map under another name");
            }
            (was, _) => {
                let row = if was.is_none() { old_row } else { new_row };
                let message =
                    format!("user space can't copy all entries of a map of type `{}`", row.name);
                let help = "remove the pin, and let the programs fill the new map";
                return self.obstacle(path, at, message, help);
            }
        }
        for (side, map) in [(Side::Old, old), (Side::New, new)] {
            let open = map.set_by_loader.iter().filter(|set| set.value != Attribute::MaxEntries);
            for set in open {
                let path = format!("{path}.{}", set.value.name());
                let message =
                    "the loader sets this size, so the schema does not declare a type".to_owned();
                let help = "declare the type in both schemas";
                self.obstacle(&path, (side, set.span), message, help);
            }
        }
        if let (Some(was), Some(is)) = (&old.max_entries, &new.max_entries) {
            if is.value < was.value {
                let lru = new_row.evicts;
                if new_row.key == KeyRule::Index || lru {
                    let what = if lru {
                        "an LRU map would evict entries"
                    } else {
                        "the entries beyond the new size would be lost"
                    };
                    let message =
                        format!("`max_entries` changed from {} to {}: {what}", was.value, is.value);
                    let help = "don't reduce `max_entries`";
                    self.obstacle(path, (Side::New, is.span), message, help);
                } else {
                    self.notes.push(format!(
                        "{path}: `max_entries` changed from {} to {}: the migration fails if the map contains more entries",
                        was.value, is.value
                    ));
                }
            }
        }
        if let Some(value) = &old.value {
            self.special_fields(path, new, value);
        }
    }

    /// Adds notes and obstacles for special fields, because user space can't copy the contents of
    /// special fields.
    fn special_fields(&mut self, path: &str, new: &MapDecl, value: &bpfmap_schema::ir::KeyValue) {
        for member in self.old.special_fields(value) {
            let path = format!("{path}.value.{}", member.name);
            let word = member.field.name();
            if member.field.has_target() {
                let message = format!("user space can't copy a `{word}`");
                let help = "pin the new map under another name, and let the programs move the objects to it";
                self.obstacle(&path, (Side::New, new.name.span), message, help);
            } else if matches!(
                member.field,
                SpecialField::Timer | SpecialField::WorkQueue | SpecialField::TaskWork
            ) {
                self.notes.push(format!(
                    "{path}: the `{word}` starts empty, because pending work can't be copied"
                ));
            }
        }
    }

    /// Returns the steps that convert a key or a value.
    fn part(
        &mut self,
        word: &str,
        pair: &MapPair<'a>,
        types: &TypePair<'a>,
    ) -> &'a [MigrationStep<'a>] {
        let path = format!("{}.{word}", pair.new.name.value);
        let mut moves = Moves::default();
        self.types(&path, types, (0, 0), &mut moves);
        let steps = moves.finish(self.arena);
        let is_prefix = self.is_key
            && MapType::by_name(&pair.new.map_type.value)
                .is_some_and(|row| row.key == KeyRule::LpmPrefix);
        if is_prefix && self.obstacles.is_empty() && !members::stays_in_place(steps) {
            let message = "the order of the bits in the prefix would change".to_owned();
            let help = "add new members only at the end";
            self.obstacle(&path, (Side::New, types.new.span), message, help);
        }
        steps
    }
}

/// Returns whether `view` is a special field or an array of special fields.
fn is_special(view: View<'_>) -> bool {
    fn is(ty: &Type) -> bool {
        match ty {
            Type::Special(..) => true,
            Type::Array(element, _) => is(&element.value),
            _ => false,
        }
    }
    match view {
        View::Scalar(ty) => is(ty),
        View::Array(element, _) => is(&element.value),
        _ => false,
    }
}
