//! Functions that check a map type's rules for keys, values and numbers at compile time. The
//! functions are not meant to be called by hand.
//!
//! The code that `#[derive(BpfMap)]` generates calls them, because only the Rust compiler knows the
//! types.

use crate::kind::Kind;
use crate::spec::MapSpec;
use crate::types::BpfType;
use bpfmap_core::{IntEncoding, MemberDesc, Pinning, TypeDesc, is_same, rule};

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident $(<$($generic:ident: $bound:path),+>)? ($($parameter:ident: $type:ty),*) => $violation:expr;)*) => { $(
        $(#[$doc])*
        ///
        /// # Panics
        /// Panics at compile time if the rule is broken.
        #[track_caller]
        pub const fn $name $(<$($generic: $bound),+>)? ($($parameter: $type),*) {
            rule::holds($violation);
        }
    )* };
}

rules! {
    /// Checks the size of a key.
    key_size<K: Kind>(bytes: u64) => rule::key_size(K::FACTS, bytes);
    /// Checks the total size of a key and a value.
    key_and_value<K: Kind>(key: u64, value: u64) => rule::key_and_value(K::FACTS, key, value);
    /// Checks the special fields in a key.
    key_fields<T: BpfType>() => rule::fields_in_key(T::FIELDS);
    /// Checks that a 4-byte key is an integer in the host's byte order. `key_size` checks the size
    /// of the key.
    number_key<K: Kind, T: BpfType>() => if size_of::<T>() == 4 && int(T::DESC).is_none() {
        Some(rule::number_key(K::FACTS))
    } else {
        None
    };
    /// Checks that the key of an LPM trie is a struct whose first bytes are a `u32`.
    lpm_key<T: BpfType>() => if starts_with_u32(T::DESC) { None } else { Some(rule::lpm_key_shape()) };
    /// Checks the size of a value. `build_ids` is true if the map has the flag `stack_build_id`.
    value_size<K: Kind>(bytes: u64, build_ids: bool) => rule::value_size(K::FACTS, bytes, build_ids);
    /// Checks the special fields in a value. `btf` is true if BTF describes the value.
    value_fields<K: Kind, T: BpfType>(btf: bool) => rule::fields_in_value(K::FACTS, T::FIELDS, btf);
    /// Checks that a value has no special fields if the map has `flag`. Because of this flag,
    /// programs can't access the value.
    flag_and_fields<T: BpfType>(flag: &str) => rule::flag_and_fields(flag, T::FIELDS);
    /// Checks the special fields in an event.
    event_fields<T: BpfType>() => rule::fields_in_event(T::FIELDS);
    /// Checks the size and the alignment of an event. `max_entries` is `None` if it is not known.
    event<K: Kind, T: BpfType>(max_entries: Option<u64>) =>
        rule::event(K::FACTS, size_of::<T>() as u64, align_of::<T>() as u64, in_32_bits(max_entries));
    /// Checks that a number fits into 32 bits.
    number_range(name: &str, number: u64) => rule::number_range(name, number);
    /// Checks `max_entries`. If the number does not fit into 32 bits, only `number_range` reports
    /// it.
    max_entries<K: Kind>(number: u64) => match in_32_bits(Some(number)) {
        Some(number) => rule::max_entries(K::FACTS, number),
        None => None,
    };
    /// Checks the total size of all values, for a map that stores them in one block of memory.
    contiguous<K: Kind>(value: u64, entries: u64) => match in_32_bits(Some(entries)) {
        Some(entries) => rule::contiguous(K::FACTS, value, entries),
        None => None,
    };
    /// Checks `map_extra`. `max_entries` is `None` if it is not known.
    map_extra<K: Kind>(extra: u64, max_entries: Option<u64>) =>
        rule::map_extra(K::FACTS, extra, in_32_bits(max_entries));
}

#[expect(clippy::cast_possible_truncation, reason = "the range was checked before")]
const fn in_32_bits(number: Option<u64>) -> Option<u32> {
    match number {
        Some(number) if number <= u32::MAX as u64 => Some(number as u32),
        _ => None,
    }
}

/// Checks at compile time that no special field in the set `single` is both in `T` and in one of
/// the sets in `others`. A value can have each of these special fields only once.
///
/// # Panics
/// Panics at compile time if the check fails.
#[track_caller]
pub const fn fields_apart<T: BpfType>(single: u32, others: &[u32], message: &str) {
    let mut index = 0;
    while index < others.len() {
        assert!(T::FIELDS & others[index] & single == 0, "{}", message);
        index += 1;
    }
}

/// Checks at compile time that no two members of `T`, or of unnamed members in it, have the same
/// name.
///
/// # Panics
/// Panics at compile time if the check fails.
#[track_caller]
pub const fn distinct_members<T: BpfType>(message: &str) {
    assert!(!has_twins(T::DESC, T::DESC), "{}", message);
}

/// Returns whether a member of `layout`, or of an unnamed member in it, has the same name as a
/// different member of `all`.
const fn has_twins(layout: &TypeDesc<'_>, all: &TypeDesc<'_>) -> bool {
    let members = members(layout);
    let mut index = 0;
    while index < members.len() {
        let MemberDesc { name, ty: layout, .. } = members[index];
        let found = if name.is_empty() { has_twins(layout, all) } else { count(all, name) > 1 };
        if found {
            return true;
        }
        index += 1;
    }
    false
}

/// Returns the number of members with this name.
const fn count(layout: &TypeDesc<'_>, name: &str) -> usize {
    let members = members(layout);
    let (mut index, mut found) = (0, 0);
    while index < members.len() {
        let MemberDesc { name: other, ty: layout, .. } = members[index];
        found += if other.is_empty() { count(layout, name) } else { is_same(other, name) as usize };
        index += 1;
    }
    found
}

const fn members<'a>(layout: &TypeDesc<'a>) -> &'a [MemberDesc<'a>] {
    match layout {
        TypeDesc::Struct { members, .. } | TypeDesc::Union { members, .. } => members,
        TypeDesc::Typedef { target, .. } => members(target),
        TypeDesc::Evolved { ty: layout, .. } => members(layout),
        _ => &[],
    }
}

/// Checks at compile time that `T` has a member called `member` of the type `node`.
///
/// # Panics
/// Panics at compile time if the check fails.
#[track_caller]
pub const fn has_node<T: BpfType>(member: &str, node: &TypeDesc<'_>, message: &str) {
    let members = members(T::POINTEE);
    let TypeDesc::Struct { name: node, .. } = node else { panic!("a node is a struct") };
    let (mut index, mut found) = (0, false);
    while index < members.len() {
        if let TypeDesc::Struct { name, .. } = members[index].ty {
            found |= is_same(members[index].name, member) && is_same(name, node);
        }
        index += 1;
    }
    assert!(found, "{}", message);
}

/// Returns whether a type is a struct whose first member is a `u32` or begins with a `u32`.
const fn starts_with_u32(mut layout: &TypeDesc<'_>) -> bool {
    while let TypeDesc::Typedef { target, .. } = layout {
        layout = target;
    }
    matches!(layout, TypeDesc::Struct { .. }) && begins(layout)
}

/// Checks at compile time that the map `S` has no `pinning`.
///
/// # Panics
/// Panics at compile time if the check fails.
#[track_caller]
pub const fn unpinned<S: MapSpec>(message: &str) {
    assert!(matches!(S::DEF.pinning, Pinning::None), "{}", message);
}

/// Returns whether the first bytes of `layout` are a `u32`.
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

/// Returns the size and encoding of an integer type. Returns `None` for other types and for
/// integers in network byte order.
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
