//! Combines the BTF of several programs whose maps become one schema.

use std::collections::{HashMap, HashSet};

use bpfmap_btf::{Btf, Kind, Type, TypeId};

use super::Tags;

/// BTF with indexes for lookups.
pub(super) struct Source<'a> {
    pub(super) btf: Btf<'a>,
    pub(super) tags: Tags<'a>,
    /// The structs by their names.
    pub(super) structs: HashMap<&'a str, TypeId>,
    /// Whether it is certain that the compiler records which enums are signed. This is the case if at least one enum is
    /// marked as signed.
    pub(super) tells_signs: bool,
}

impl<'a> Source<'a> {
    pub(super) fn new(btf: Btf<'a>) -> Self {
        let structs = btf.iter().filter(|(_, ty)| matches!(ty.kind, Kind::Struct(_)));
        let structs = structs.map(|(id, ty)| (ty.name, id)).collect();
        let tells_signs = btf.iter().any(|(_, ty)| {
            matches!(&ty.kind, Kind::Enum(body) if body.is_signed || body.value_bits == 64)
        });
        Self { tags: Tags::new(&btf), structs, tells_signs, btf }
    }
}

/// Returns whether two types are the same, including the names, offsets and tags of all members.
/// The targets of pointers are compared only by name.
pub(super) fn same(one: (&Source<'_>, TypeId), other: (&Source<'_>, TypeId)) -> bool {
    let mut seen = HashSet::new();
    let mut rest = vec![(one.1, other.1)];
    while let Some((one_id, other_id)) = rest.pop() {
        if seen.insert((one_id, other_id))
            && !is_same((one.0, one_id), (other.0, other_id), &mut rest)
        {
            return false;
        }
    }
    true
}

/// Returns whether two types are the same, without comparing the types that they contain. Adds the
/// pairs of contained types to `rest`, so that the caller can compare them.
fn is_same(
    (one_source, one_id): (&Source<'_>, TypeId),
    (other_source, other_id): (&Source<'_>, TypeId),
    rest: &mut Vec<(TypeId, TypeId)>,
) -> bool {
    let found = (one_source.btf.get(one_id), other_source.btf.get(other_id));
    let (one, other) = match found {
        (Some(one), Some(other)) => (one, other),
        (one, other) => return one.is_none() && other.is_none(),
    };
    if one.name != other.name
        || !Tags::are_same((&one_source.tags, one_id), (&other_source.tags, other_id), None)
    {
        return false;
    }
    match (&one.kind, &other.kind) {
        (Kind::Struct(one), Kind::Struct(other)) | (Kind::Union(one), Kind::Union(other)) => {
            let members = (0_u32..).zip(one.members.iter().zip(&other.members));
            one.size == other.size
                && one.members.len() == other.members.len()
                && members.into_iter().all(|(index, (one, other))| {
                    rest.push((one.ty, other.ty));
                    (one.name, one.bit_offset, one.bits)
                        == (other.name, other.bit_offset, other.bits)
                        && Tags::are_same(
                            (&one_source.tags, one_id),
                            (&other_source.tags, other_id),
                            Some(index),
                        )
                })
        }
        (Kind::Array(one), Kind::Array(other)) => {
            rest.push((one.element, other.element));
            one.len == other.len
        }
        (Kind::Pointer(one), Kind::Pointer(other)) => {
            pointee(&one_source.btf, *one) == pointee(&other_source.btf, *other)
        }
        (Kind::Typedef(one), Kind::Typedef(other))
        | (Kind::TypeTag(one), Kind::TypeTag(other))
        | (Kind::Const(one), Kind::Const(other))
        | (Kind::Volatile(one), Kind::Volatile(other))
        | (Kind::Restrict(one), Kind::Restrict(other)) => {
            rest.push((*one, *other));
            true
        }
        (one, other) => one == other,
    }
}

/// Returns the type tags of a pointer's target, followed by the name of the target.
fn pointee<'a>(btf: &Btf<'a>, target: TypeId) -> Vec<&'a str> {
    let mut names = vec![];
    let mut at = target;
    for _ in 0..32 {
        match btf.get(at) {
            Some(Type { kind: Kind::TypeTag(next), name }) => {
                names.push(*name);
                at = *next;
            }
            Some(Type {
                kind: Kind::Const(next) | Kind::Volatile(next) | Kind::Typedef(next),
                ..
            }) => {
                at = *next;
            }
            Some(ty) => {
                names.push(ty.name);
                break;
            }
            None => break,
        }
    }
    names
}
