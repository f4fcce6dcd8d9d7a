//! What a map type asks of its key, its value and its numbers, where only the compiler knows them; not for use by hand.
//!
//! `#[derive(BpfMap)]` writes what to hold them against, and what to say.

use crate::spec::MapSpec;
use crate::types::BpfType;
use bpfmap_core::Pinning;
use bpfmap_core::{IntEncoding, MemberDesc, TypeDesc};

/// Fails to compile unless `number` is within these bounds, and a multiple of `unit`.
///
/// # Panics
/// As said, at compile time.
#[track_caller]
pub const fn within(number: u64, (min, max): (u64, u64), unit: u64, message: &str) {
    assert!(min <= number && number <= max && number % unit == 0, "{}", message);
}

/// The bytes that a record can have in a ring buffer of so many `bytes`: the kernel makes it of a power of two and of
/// whole pages, and a header stands before each record.
#[must_use]
pub const fn room(bytes: u64, page: u64, header: u64) -> u64 {
    match (if bytes < page { page } else { bytes }).checked_next_power_of_two() {
        Some(made) => made.saturating_sub(header),
        None => bytes,
    }
}

/// Fails to compile when `T` has fields that belong to the kernel and are not among those `allowed`.
///
/// # Panics
/// As said, at compile time.
#[track_caller]
pub const fn fields_among<T: BpfType>(allowed: u32, message: &str) {
    assert!(T::FIELDS & !allowed == 0, "{}", message);
}

/// Fails to compile when `T` has a field of a sort that there may be one of, `single`, and so has one of the `others`.
///
/// # Panics
/// As said, at compile time.
#[track_caller]
pub const fn fields_apart<T: BpfType>(single: u32, others: &[u32], message: &str) {
    let mut index = 0;
    while index < others.len() {
        assert!(T::FIELDS & others[index] & single == 0, "{}", message);
        index += 1;
    }
}

/// Fails to compile when two members of `T`, or of what has no name in it, are called alike.
///
/// # Panics
/// As said, at compile time.
#[track_caller]
pub const fn distinct_members<T: BpfType>(message: &str) {
    assert!(!has_twins(T::DESC, T::DESC), "{}", message);
}

/// Whether a member of `layout`, or of what has no name in it, has the name of another one of `all`.
const fn has_twins(layout: &TypeDesc<'_>, all: &TypeDesc<'_>) -> bool {
    let members = members(layout);
    let mut index = 0;
    while index < members.len() {
        let MemberDesc { name, ty: layout, .. } = members[index];
        let found =
            if name.is_empty() { has_twins(layout, all) } else { count(all, name.as_bytes()) > 1 };
        if found {
            return true;
        }
        index += 1;
    }
    false
}

/// How many members have a name.
const fn count(layout: &TypeDesc<'_>, name: &[u8]) -> usize {
    let members = members(layout);
    let (mut index, mut found) = (0, 0);
    while index < members.len() {
        let MemberDesc { name: other, ty: layout, .. } = members[index];
        found += if other.is_empty() {
            count(layout, name)
        } else {
            same(other.as_bytes(), name) as usize
        };
        index += 1;
    }
    found
}

const fn same(one: &[u8], other: &[u8]) -> bool {
    let mut index = 0;
    while index < one.len() && index < other.len() && one[index] == other[index] {
        index += 1;
    }
    index == one.len() && index == other.len()
}

const fn members<'a>(layout: &TypeDesc<'a>) -> &'a [MemberDesc<'a>] {
    match layout {
        TypeDesc::Struct { members, .. } | TypeDesc::Union { members, .. } => members,
        TypeDesc::Typedef { target, .. } => members(target),
        TypeDesc::Evolved { ty: layout, .. } => members(layout),
        _ => &[],
    }
}

/// Fails to compile unless `T` has a member called `member` that is a `node`.
///
/// # Panics
/// As said, at compile time.
#[track_caller]
pub const fn has_node<T: BpfType>(member: &str, node: &TypeDesc<'_>, message: &str) {
    let members = members(T::POINTEE);
    let TypeDesc::Struct { name: node, .. } = node else { panic!("a node is a struct") };
    let (mut index, mut found) = (0, false);
    while index < members.len() {
        if let TypeDesc::Struct { name, .. } = members[index].ty {
            found |= same(members[index].name.as_bytes(), member.as_bytes())
                && same(name.as_bytes(), node.as_bytes());
        }
        index += 1;
    }
    assert!(found, "{}", message);
}

/// Fails to compile unless `T` is an integer of the host's byte order. What has not 4 bytes is another check's.
///
/// # Panics
/// As said, at compile time.
#[track_caller]
pub const fn integer<T: BpfType>(message: &str) {
    assert!(size_of::<T>() != 4 || int(T::DESC).is_some(), "{}", message);
}

/// Fails to compile unless `T` is a struct whose first bytes are a `u32`: its first member, or what that begins with.
///
/// # Panics
/// As said, at compile time.
#[track_caller]
pub const fn starts_with_u32<T: BpfType>(message: &str) {
    let mut layout = T::DESC;
    while let TypeDesc::Typedef { target, .. } = layout {
        layout = target;
    }
    assert!(matches!(layout, TypeDesc::Struct { .. }) && begins(layout), "{}", message);
}

/// Fails to compile if the map `S` says how it is pinned.
///
/// # Panics
/// As said, at compile time.
#[track_caller]
pub const fn unpinned<S: MapSpec>(message: &str) {
    assert!(matches!(S::PINNING, Pinning::None), "{}", message);
}

/// Whether the first bytes of `layout` are a `u32`.
const fn begins(layout: &TypeDesc<'_>) -> bool {
    match layout {
        TypeDesc::Typedef { name, target } => !is_network_order(name) && begins(target),
        TypeDesc::Evolved { ty: layout, .. } => begins(layout),
        TypeDesc::Struct { members: [first, ..], .. } => first.bits == 0 && begins(first.ty),
        TypeDesc::Union { members, .. } => {
            let mut index = 0;
            while index < members.len() {
                if members[index].bits == 0 && begins(members[index].ty) {
                    return true;
                }
                index += 1;
            }
            false
        }
        _ => matches!(int(layout), Some((4, IntEncoding::Unsigned))),
    }
}

/// The integer that a layout is, by whatever name but those of network byte order.
const fn int(mut layout: &TypeDesc<'_>) -> Option<(u32, IntEncoding)> {
    while let TypeDesc::Typedef { name, target } = layout {
        if is_network_order(name) {
            return None;
        }
        layout = target;
    }
    match layout {
        TypeDesc::Int { size, encoding: IntEncoding::Unsigned, .. } => {
            Some((*size, IntEncoding::Unsigned))
        }
        TypeDesc::Int { size, encoding: IntEncoding::Signed, .. } => {
            Some((*size, IntEncoding::Signed))
        }
        _ => None,
    }
}

const fn is_network_order(typedef: &str) -> bool {
    matches!(typedef.as_bytes(), b"__be16" | b"__be32" | b"__be64")
}
