//! LPM tries, which find the longest prefix.

use crate::common::{ENOTSUPP, TAKE, create, errno, kernel};
use crate::spec;
use bpfmap::{Map, MapFlags, UpdateMode};
use bpfmap::{MemberDesc, TypeDesc};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

#[repr(C)]
struct Prefix {
    prefixlen: u32,
    address: [u8; 4],
}
bpfmap::plain_struct!(Prefix { prefixlen: u32, address: [u8; 4] });

const PREFIX: &TypeDesc<'static> = &TypeDesc::Struct {
    name: "prefix",
    size: 8,
    members: &[
        MemberDesc { name: "prefixlen", bit_offset: 0, bits: 0, ty: TypeDesc::U32 },
        MemberDesc {
            name: "address",
            bit_offset: 32,
            bits: 0,
            ty: &TypeDesc::Array { element: TypeDesc::U8, len: 4 },
        },
    ],
};

spec!(Routes: LpmTrie, Prefix as PREFIX => u32 as TypeDesc::U32, max 10_000, flags = MapFlags::NO_PREALLOC);

fn prefix(text: &str) -> Prefix {
    let (address, len) = text.split_once('/').unwrap_or((text, "32"));
    let address: Ipv4Addr = address.parse().unwrap();
    Prefix { prefixlen: len.parse().unwrap(), address: address.octets() }
}

/// Distinct prefixes of several lengths, nested in each other.
fn many(count: u32) -> Vec<Prefix> {
    (0..count)
        .map(|number| match number % 4 {
            0 => Prefix { prefixlen: 24, address: ((10 << 24) | (number << 6)).to_be_bytes() },
            1 => Prefix { prefixlen: 32, address: ((10 << 24) | (number << 6)).to_be_bytes() },
            2 => Prefix { prefixlen: 30, address: ((172 << 24) | (number << 2)).to_be_bytes() },
            _ => Prefix { prefixlen: 32, address: ((192 << 24) | number).to_be_bytes() },
        })
        .collect()
}

#[test]
fn the_longest_prefix_is_found() {
    let map = create::<Routes>();
    for (text, value) in [("192.168.0.0/16", 16), ("192.168.0.0/24", 24), ("192.168.1.0/24", 124)] {
        map.update(&prefix(text), &value, UpdateMode::Any).unwrap();
    }
    assert_eq!(map.lookup(&prefix("192.168.1.1/32")).unwrap(), Some(124));
    assert_eq!(map.lookup(&prefix("192.168.0.1/32")).unwrap(), Some(24));
    assert_eq!(map.lookup(&prefix("192.168.2.1/32")).unwrap(), Some(16));
    assert_eq!(
        map.lookup(&prefix("192.168.1.0/20")).unwrap(),
        Some(16),
        "the found prefix is not longer than the key's prefix"
    );
    assert_eq!(map.lookup(&prefix("10.0.0.1/32")).unwrap(), None);
}

/// The bits after the prefix are stored unchanged, but the kernel does not compare them.
#[test]
fn host_bits_are_stored_and_ignored() {
    let map = create::<Routes>();
    map.update(&prefix("10.1.2.3/8"), &1, UpdateMode::NoExist).unwrap();
    let stored = map.next_key(None).unwrap().unwrap();
    assert_eq!((stored.prefixlen, stored.address), (8, [10, 1, 2, 3]));
    assert_eq!(map.lookup(&prefix("10.9.9.9/32")).unwrap(), Some(1));
    assert_eq!(errno(map.update(&prefix("10.4.5.6/8"), &2, UpdateMode::NoExist)), libc::EEXIST);
    assert!(map.delete(&prefix("10.7.8.9/8")).unwrap());
    assert_eq!(map.next_key(None).unwrap(), None);
}

#[test]
fn update_modes() {
    let map = create::<Routes>();
    let key = prefix("10.1.0.0/16");
    assert_eq!(errno(map.update(&key, &1, UpdateMode::Exist)), libc::ENOENT);
    map.update(&key, &1, UpdateMode::NoExist).unwrap();
    assert_eq!(errno(map.update(&key, &2, UpdateMode::NoExist)), libc::EEXIST);
    map.update(&key, &3, UpdateMode::Exist).unwrap();
    assert_eq!(map.lookup(&key).unwrap(), Some(3));
    assert!(map.delete(&key).unwrap());
    assert!(!map.delete(&key).unwrap());
    let too_long = Prefix { prefixlen: 33, ..key };
    assert_eq!(errno(map.update(&too_long, &1, UpdateMode::Any)), libc::EINVAL);
    assert_eq!(errno(map.delete(&too_long)), libc::EINVAL);
    assert_eq!(map.lookup(&too_long).unwrap(), None);
    assert_eq!(crate::common::bare(&map, TAKE, Some(0), 0), ENOTSUPP);
}

#[test]
fn a_full_trie() {
    crate::common::raise_memlock();
    let map = Map::<Routes>::options().max_entries(2).create().unwrap();
    map.extend([(prefix("10.0.0.0/8"), 1), (prefix("11.0.0.0/8"), 2)]).unwrap();
    assert_eq!(errno(map.update(&prefix("12.0.0.0/8"), &3, UpdateMode::Any)), libc::ENOSPC);
    let replaced = map.update(&prefix("10.0.0.0/8"), &4, UpdateMode::Any);
    if kernel() < (5, 11) {
        assert_eq!(errno(replaced), libc::ENOSPC);
    } else {
        replaced.unwrap();
    }
}

#[test]
fn the_raw_walk_restarts_at_an_absent_key() {
    let map = create::<Routes>();
    let keys = [prefix("192.168.0.0/16"), prefix("192.168.0.0/24"), prefix("192.168.1.0/24")];
    map.extend(keys.map(|key| (key, 0))).unwrap();
    let first = map.next_key(None).unwrap().unwrap();
    let second = map.next_key(Some(&first)).unwrap().unwrap();
    assert_eq!(map.next_key(Some(&prefix("10.0.0.0/8"))).unwrap(), Some(first));
    let last = map.next_key(Some(&second)).unwrap().unwrap();
    assert_eq!(map.next_key(Some(&last)).unwrap(), None);
    assert!(map.delete(&second).unwrap());
    assert_eq!(map.next_key(Some(&second)).unwrap(), Some(first));
}

/// The two ways of iterating, with prefixes for each. With batches, there is more than one batch.
/// Without batches, there are fewer prefixes, because single calls are slow in an emulated kernel.
fn both() -> [(Map<Routes>, Vec<Prefix>); 2] {
    crate::common::raise_memlock();
    [(Map::options(), 4_500), (Map::options().without_batches(), 1_000)]
        .map(|(options, count)| (options.create().unwrap(), many(count)))
}

fn sorted(mut keys: Vec<Prefix>) -> Vec<(u32, [u8; 4])> {
    keys.sort_unstable_by_key(|key| (key.prefixlen, key.address));
    keys.into_iter().map(|key| (key.prefixlen, key.address)).collect()
}

#[test]
fn every_entry_is_seen_once() {
    for (map, keys) in both() {
        assert_eq!(map.extend(keys.iter().map(|key| (*key, key.prefixlen))).unwrap(), keys.len());
        let mut seen = Vec::new();
        for entry in &map {
            let (key, value) = entry.unwrap();
            assert_eq!(value, key.prefixlen);
            seen.push(key);
        }
        assert_eq!(sorted(seen), sorted(keys));
    }
}

#[test]
fn deleting_returned_entries_does_not_restart_the_iterator() {
    for (map, keys) in both() {
        map.extend(keys.iter().map(|key| (*key, 0))).unwrap();
        let mut seen = Vec::new();
        for entry in &map {
            let (key, _) = entry.unwrap();
            assert!(map.delete(&key).unwrap());
            seen.push(key);
        }
        assert_eq!(sorted(seen), sorted(keys));
        assert_eq!(map.next_key(None).unwrap(), None);
    }
}

/// Deletes the key at the position of the iteration, which has not been returned yet.
#[test]
fn deleting_the_next_entry_loses_no_other_entry() {
    for (map, keys) in both() {
        map.extend(keys.iter().map(|key| (*key, 0))).unwrap();
        let mut gone = Vec::new();
        let mut seen = Vec::new();
        for entry in &map {
            let (key, _) = entry.unwrap();
            seen.push(key);
            // Every few entries, this deletes the entry that the kernel returns next.
            if seen.len() % 7 != 0 {
                continue;
            }
            let next = map.next_key(Some(&key)).unwrap();
            gone.extend(next.filter(|next| map.delete(next).unwrap()));
        }
        let found: BTreeSet<_> = sorted(seen).into_iter().chain(sorted(gone)).collect();
        let missing: Vec<_> = sorted(keys).into_iter().filter(|key| !found.contains(key)).collect();
        assert_eq!(missing, [], "all entries that were always present are returned");
    }
}

#[test]
fn a_trie_is_drained_and_cleared() {
    for (map, keys) in both() {
        map.extend(keys.iter().map(|key| (*key, key.prefixlen))).unwrap();
        let mut drained = Vec::new();
        for entry in map.drain() {
            let (key, value) = entry.unwrap();
            assert_eq!(value, key.prefixlen);
            drained.push(key);
        }
        assert_eq!(sorted(drained), sorted(keys.clone()));
        assert_eq!(map.next_key(None).unwrap(), None);
        map.extend(keys.iter().map(|key| (*key, 1))).unwrap();
        assert_eq!(map.clear().unwrap(), keys.len());
        assert_eq!(map.next_key(None).unwrap(), None);
        assert_eq!(map.clear().unwrap(), 0);
    }
}
