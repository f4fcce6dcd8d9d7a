//! Finds the corresponding parts of two schemas.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;

use super::place::{Body, End, PlacedMember, View, end_of, places};
use super::same::Same;
use bpfmap_schema::check::{Checked, Resolved};
use bpfmap_schema::ir::{Enum, KeyValue, MapDecl, Type};
use bpfmap_schema::source::Spanned;

/// The maps of two schemas, matched with each other.
#[derive(Debug)]
pub struct Pairing<'a> {
    /// The maps that both schemas declare, in the order of the new schema.
    pub maps: Vec<MapPair<'a>>,
    /// The maps that only the old schema declares.
    pub removed: Vec<&'a MapDecl>,
    /// The maps that only the new schema declares.
    pub added: Vec<&'a MapDecl>,
}

/// A map that both schemas declare. A part is `None` if one of the schemas does not declare it.
#[derive(Debug)]
pub struct MapPair<'a> {
    /// The map in the old schema.
    pub old: &'a MapDecl,
    /// The map in the new schema, possibly with another name.
    pub new: &'a MapDecl,
    /// The types of the keys.
    pub key: Option<TypePair<'a>>,
    /// The types of the values.
    pub value: Option<TypePair<'a>>,
    /// The types of the records.
    pub event: Option<TypePair<'a>>,
    /// The templates of the inner maps.
    pub inner: Option<Box<MapPair<'a>>>,
}

/// Two types that correspond to each other.
#[derive(Debug)]
pub struct TypePair<'a> {
    /// The type in the old schema.
    pub old: End<'a>,
    /// The type in the new schema.
    pub new: End<'a>,
    /// The way in which the two types correspond to each other.
    pub shape: Shape<'a>,
}

/// The way in which two types correspond to each other.
#[derive(Debug)]
pub enum Shape<'a> {
    /// Both types have the same members, so the same bytes have the same meaning.
    Same,
    /// Both types are structs, or both types are unions.
    Composites(Composites<'a>),
    /// Both types are arrays, possibly of different lengths. The pair contains the types of their
    /// elements.
    Arrays(Box<TypePair<'a>>),
    /// Both types are enums.
    Enums(&'a Enum, &'a Enum),
    /// The types have no corresponding parts.
    Ends,
}

/// The members of two structs or unions, including those of anonymous members.
#[derive(Debug)]
pub struct Composites<'a> {
    /// The members that both types have, in the order of the new type.
    pub members: Vec<MemberPair<'a>>,
    /// The members that only the old type has.
    pub removed: Vec<PlacedMember<'a>>,
    /// The members that only the new type has.
    pub added: Vec<PlacedMember<'a>>,
    /// All members of the old type.
    pub old: Vec<PlacedMember<'a>>,
    /// The size of the old type in bytes.
    pub old_size: u64,
}

/// A member that both types have.
#[derive(Debug)]
pub struct MemberPair<'a> {
    /// The member in the old schema.
    pub old: PlacedMember<'a>,
    /// The member in the new schema, possibly with another name.
    pub new: PlacedMember<'a>,
    /// The types of the member.
    pub ty: TypePair<'a>,
}

/// The error for two schemas whose types have too many members. The members of a type are counted
/// once for each use of the type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge;

impl fmt::Display for TooLarge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "the types that differ have more than {MAX_MEMBERS} members (a type that is used twice counts twice)"
        )
    }
}

impl std::error::Error for TooLarge {}

/// The maximum number of pairs of members. If both types are the same, their members are not
/// counted.
const MAX_MEMBERS: usize = 100_000;

/// Finds the corresponding maps, types and members of two schemas.
///
/// The function matches maps and members by their names or by `renamed_from`. It matches types by
/// their use, starting with the types of key and value, even if the names of the types differ.
///
/// # Errors
///
/// Fails with [`TooLarge`] if the types that differ have too many members.
pub fn pair<'a>(old: &'a Checked, new: &'a Checked) -> Result<Pairing<'a>, TooLarge> {
    let (old, new) = (old.resolved(), new.resolved());
    let pairer =
        Pairer { old, new, same: RefCell::new(Same::new(old, new)), members: Cell::new(0) };
    let (old_maps, new_maps) = (&old.schema().maps, &new.schema().maps);
    let partners = partners(
        old_maps.iter().map(|map| map.name.value.as_str()),
        new_maps.iter().map(|map| (map.name.value.as_str(), former(map.renamed_from.as_ref()))),
    );
    let mut pairing = Pairing { maps: vec![], removed: vec![], added: vec![] };
    for (map, partner) in new_maps.iter().zip(&partners) {
        match partner {
            Some(index) => pairing.maps.push(pairer.maps(&old_maps[*index], map)),
            None => pairing.added.push(map),
        }
    }
    let is_alone = |(index, _): &(usize, &MapDecl)| !partners.contains(&Some(*index));
    pairing.removed.extend(old_maps.iter().enumerate().filter(is_alone).map(|(_, map)| map));
    if pairer.members.get() > MAX_MEMBERS { Err(TooLarge) } else { Ok(pairing) }
}

struct Pairer<'a> {
    old: Resolved<'a>,
    new: Resolved<'a>,
    same: RefCell<Same<'a>>,
    members: Cell<usize>,
}

impl<'a> Pairer<'a> {
    fn maps(&self, old: &'a MapDecl, new: &'a MapDecl) -> MapPair<'a> {
        let described = |old: &'a Option<KeyValue>, new: &'a Option<KeyValue>| {
            Some(self.described(old.as_ref()?, new.as_ref()?))
        };
        let event = |old: &'a Option<Spanned<Type>>, new: &'a Option<Spanned<Type>>| {
            let (old, new) = (old.as_ref()?, new.as_ref()?);
            Some(self.types(end_of(self.old, old), end_of(self.new, new)))
        };
        let inner = self.old.schema().inner_of(old).zip(self.new.schema().inner_of(new));
        // An inner map can't contain maps, so maps of maps have only one level.
        let holds_maps = |map: &MapDecl| map.inner.is_some();
        let inner = inner.filter(|(old, new)| !holds_maps(old) && !holds_maps(new));
        MapPair {
            old,
            new,
            key: described(&old.key, &new.key),
            value: described(&old.value, &new.value),
            event: event(&old.event, &new.event),
            inner: inner.map(|(old, new)| Box::new(self.maps(old, new))),
        }
    }

    fn described(&self, old: &'a KeyValue, new: &'a KeyValue) -> TypePair<'a> {
        let end = |resolved: Resolved<'a>, described: &'a KeyValue| match described {
            KeyValue::Type(ty) => end_of(resolved, ty),
            KeyValue::Size(size) => {
                End { layout: resolved.layout(described), view: View::Opaque, span: size.span }
            }
        };
        self.types(end(self.old, old), end(self.new, new))
    }

    fn types(&self, old: End<'a>, new: End<'a>) -> TypePair<'a> {
        let shape = if self.same.borrow_mut().ends(&old, &new) {
            Shape::Same
        } else {
            match (old.view, new.view) {
                (View::Composite(old), View::Composite(new)) if old.is_union == new.is_union => {
                    Shape::Composites(self.composites(old, new))
                }
                (View::Array(old, _), View::Array(new, _)) => Shape::Arrays(Box::new(
                    self.types(end_of(self.old, old), end_of(self.new, new)),
                )),
                (View::Enum(old), View::Enum(new)) => Shape::Enums(old, new),
                _ => Shape::Ends,
            }
        };
        TypePair { old, new, shape }
    }

    fn composites(&self, old: Body<'a>, new: Body<'a>) -> Composites<'a> {
        let old_size = old.layout.size;
        let (old_places, new_places) = (places(old), places(new));
        let partners = partners(
            old_places.iter().map(PlacedMember::name),
            new_places
                .iter()
                .map(|place| (place.name(), former(place.member.renamed_from.as_ref()))),
        );
        let mut composites =
            Composites { members: vec![], removed: vec![], added: vec![], old: vec![], old_size };
        self.members.set(self.members.get().saturating_add(new_places.len()));
        for (new, partner) in new_places.into_iter().zip(&partners) {
            let Some(index) = partner else {
                composites.added.push(new);
                continue;
            };
            // The limit is exceeded. The caller returns an error and ignores the pairs.
            if self.members.get() > MAX_MEMBERS {
                break;
            }
            let old = old_places[*index];
            let ty = self.types(old.end(self.old), new.end(self.new));
            composites.members.push(MemberPair { old, new, ty });
        }
        let is_alone = |(index, _): &(usize, &PlacedMember<'_>)| !partners.contains(&Some(*index));
        composites
            .removed
            .extend(old_places.iter().enumerate().filter(is_alone).map(|(_, place)| *place));
        composites.old = old_places;
        composites
    }
}

fn former(name: Option<&Spanned<String>>) -> Option<&str> {
    name.map(|name| name.value.as_str())
}

/// Returns, for each element of `new`, the index of the corresponding element of `old`. An element
/// of `new` consists of the current name and the former name.
fn partners<'a>(
    old: impl Iterator<Item = &'a str>,
    new: impl Iterator<Item = (&'a str, Option<&'a str>)>,
) -> Vec<Option<usize>> {
    let mut names: HashMap<&str, usize> = HashMap::new();
    for (index, name) in old.enumerate() {
        names.entry(name).or_insert(index);
    }
    let new: Vec<_> = new.collect();
    let mut partners: Vec<Option<usize>> = new.iter().map(|(name, _)| names.remove(name)).collect();
    // Elements that kept their names are matched first. Former names are used only for the
    // remaining elements.
    for (partner, (_, former)) in partners.iter_mut().zip(new) {
        if partner.is_none() {
            *partner = former.and_then(|former| names.remove(former));
        }
    }
    partners
}
