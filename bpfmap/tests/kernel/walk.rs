//! Iterating over, filling, draining and clearing large maps.

use crate::common::{create, errno, kernel, raise_memlock, stay_on_another_cpu};
use crate::spec;
use bpfmap::{Map, MapFlags, TypeDesc, UpdateMode};
use core::sync::atomic::{AtomicBool, Ordering};
use std::collections::HashSet;

/// This number of entries needs more than one batch, because a batch contains at most 4,096
/// entries.
const MANY: u32 = 4_500;
/// The number of entries for tests without batches. It is smaller, because single calls are slow in
/// an emulated kernel.
const FEW: u32 = 1_000;
/// With this number of entries, the kernel shrinks the table of an `rhash` several times while the
/// entries are removed. One iteration left up to 1,736 entries on Linux 7.3.
const SHRINKING: u32 = 10_000;
/// The number of further entries for which a map has space.
const SPARE: u32 = 500;

spec!(Flows: Hash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max MANY + SPARE);
spec!(Large: Hash, u32 as TypeDesc::U32 => u32 as TypeDesc::U32, max 20_000);
spec!(Resizable: Rhash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max SHRINKING, flags = MapFlags::NO_PREALLOC);
spec!(Tiny: Hash, u8 as TypeDesc::U8 => u8 as TypeDesc::U8, max 256);
spec!(Short: Hash, u16 as TypeDesc::U16 => [u8; 3] as &TypeDesc::Array { element: TypeDesc::U8, len: 3 }, max 1000);

/// The two ways of iterating, with a number of entries for each.
fn both() -> [(Map<Flows>, u32); 2] {
    raise_memlock();
    let one_by_one = Map::options().without_batches().max_entries(FEW + SPARE);
    [(Map::options(), MANY), (one_by_one, FEW)]
        .map(|(options, count)| (options.create().unwrap(), count))
}

fn fill(map: &Map<Flows>, count: u32) {
    let entries = (0..count).map(|key| (key, u64::from(key) * 3));
    assert_eq!(map.extend(entries).unwrap(), count as usize);
}

#[test]
fn every_entry_is_seen() {
    for (map, count) in both() {
        fill(&map, count);
        let mut seen = vec![false; count as usize];
        for entry in &map {
            let (key, value) = entry.unwrap();
            assert_eq!(value, u64::from(key) * 3);
            assert!(!core::mem::replace(&mut seen[key as usize], true), "{key} twice");
        }
        assert!(seen.iter().all(|seen| *seen));
        assert_eq!(map.keys().map(Result::unwrap).collect::<HashSet<_>>().len(), count as usize);
    }
}

/// With this number of entries, libbpf-rs 0.27 loses most of them when the kernel returns a short
/// batch.
#[test]
fn every_entry_of_a_large_map_is_seen() {
    let map = create::<Large>();
    assert_eq!(map.extend((0..20_000).map(|key| (key, !key))).unwrap(), 20_000);
    let mut seen = vec![false; 20_000];
    for entry in &map {
        let (key, value) = entry.unwrap();
        assert_eq!(value, !key);
        assert!(!core::mem::replace(&mut seen[key as usize], true), "{key} twice");
    }
    assert!(seen.iter().all(|seen| *seen));
    assert_eq!(map.clear().unwrap(), 20_000);
}

/// The kernel writes 4 bytes as the position in a hash, regardless of the key's size.
#[test]
fn keys_under_4_bytes_are_walked() {
    raise_memlock();
    for options in [Map::<Tiny>::options(), Map::<Tiny>::options().without_batches()] {
        let map = options.create().unwrap();
        map.extend((0..=255).map(|key| (key, !key))).unwrap();
        let mut entries: Vec<_> = map.iter().map(Result::unwrap).collect();
        entries.sort_unstable();
        assert_eq!(entries, (0..=255).map(|key| (key, !key)).collect::<Vec<_>>());
        assert_eq!(map.drain().map(Result::unwrap).count(), 256);
    }
    let map = create::<Short>();
    map.extend((0..1000).map(|key: u16| (key, [1, 2, key.to_le_bytes()[0]]))).unwrap();
    for entry in &map {
        let (key, value) = entry.unwrap();
        assert_eq!(value, [1, 2, key.to_le_bytes()[0]]);
    }
    assert_eq!(map.clear().unwrap(), 1000);
}

#[test]
fn an_empty_map_has_nothing_to_walk() {
    for (map, _) in both() {
        assert!(map.iter().next().is_none());
        assert!(map.keys().next().is_none());
        assert!(map.drain().next().is_none());
        assert_eq!(map.clear().unwrap(), 0);
        assert_eq!(map.extend([]).unwrap(), 0);
    }
}

#[test]
fn deleting_returned_entries_never_restarts_the_iteration() {
    for (map, count) in both() {
        fill(&map, count);
        let mut seen = HashSet::new();
        for entry in &map {
            let (key, _) = entry.unwrap();
            assert!(seen.insert(key), "{key} twice");
            // This deletes all entries in the first half, and then every second entry.
            if seen.len() < count as usize / 2 || key % 2 == 0 {
                assert!(map.delete(&key).unwrap());
            }
        }
        assert_eq!(seen.len(), count as usize);
    }
}

/// Other threads insert and delete entries without a pause. The iteration returns all entries that
/// are always present, and ends.
#[test]
fn an_iteration_over_a_changing_map_returns_permanent_entries_and_ends() {
    for (map, count) in both() {
        fill(&map, count);
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                stay_on_another_cpu();
                let mut key = 50_000_u32;
                while !stop.load(Ordering::Relaxed) {
                    // This thread inserts and deletes other entries, some of which the iteration
                    // has just returned.
                    map.update(&key, &1, UpdateMode::Any).unwrap();
                    map.delete(&(key - 1)).unwrap();
                    key = if key == 90_000 { 50_000 } else { key + 1 };
                }
            });
            for _ in 0..3 {
                let mut stays = HashSet::new();
                let mut walk = map.iter();
                let error = loop {
                    match walk.next() {
                        Some(Ok((key, _))) if key < count => {
                            stays.insert(key);
                        }
                        Some(Ok(_)) => {}
                        Some(Err(error)) => break Some(error),
                        None => break None,
                    }
                };
                assert!(walk.next().is_none(), "an error is the last item");
                match error {
                    None => assert_eq!(stays.len(), count as usize),
                    // The iteration was restarted again and again, and reported this. This never
                    // happens with batches.
                    Some(error) => assert_eq!(error.kind(), bpfmap::ErrorKind::Disturbed),
                }
            }
            stop.store(true, Ordering::Relaxed);
        });
    }
}

#[test]
fn draining_returns_every_entry_and_empties_the_map() {
    for (map, count) in both() {
        fill(&map, count);
        let drained: HashSet<_> = map
            .drain()
            .map(|entry| {
                let (key, value) = entry.unwrap();
                assert_eq!(value, u64::from(key) * 3);
                key
            })
            .collect();
        assert_eq!(drained.len(), count as usize);
        assert_eq!(map.next_key(None).unwrap(), None);
    }
}

#[test]
fn clearing_empties_the_map_and_counts_the_entries() {
    for (map, count) in both() {
        fill(&map, count);
        assert_eq!(map.clear().unwrap(), count as usize);
        assert_eq!(map.next_key(None).unwrap(), None);
        fill(&map, 10);
        assert_eq!(map.clear().unwrap(), 10);
    }
}

#[test]
fn a_table_that_shrinks_is_drained_and_cleared() {
    raise_memlock();
    let map = Map::<Resizable>::create();
    if kernel() < (7, 2) {
        assert_eq!(errno(map), libc::EINVAL);
        return;
    }
    let map = map.unwrap();
    let fill = || map.extend((0..SHRINKING).map(|key| (key, u64::from(key) * 3))).unwrap();
    fill();
    let drained: HashSet<_> = map.drain().map(|entry| entry.unwrap().0).collect();
    assert_eq!(drained.len(), SHRINKING as usize);
    assert_eq!(map.next_key(None).unwrap(), None);
    fill();
    assert!(map.clear().unwrap() >= SHRINKING as usize);
    assert_eq!(map.next_key(None).unwrap(), None);
}

#[test]
fn the_error_of_an_extend_that_does_not_fit_says_how_many_entries_were_written() {
    for (map, count) in both() {
        let error = map.extend((0..count + SPARE + 5).map(|key| (key, 0))).unwrap_err();
        assert_eq!(error.errno(), Some(libc::E2BIG));
        assert!(error.to_string().contains(&format!("after {} entries", count + SPARE)), "{error}");
        assert_eq!(map.keys().count(), (count + SPARE) as usize);
    }
}

#[test]
fn batches_of_keys() {
    let map = create::<Flows>();
    let keys: Vec<u32> = (0..1000).collect();
    let values: Vec<u64> = keys.iter().map(|key| u64::from(*key)).collect();
    map.update_batch(&keys, &values).unwrap();
    assert_eq!(map.lookup(&999).unwrap(), Some(999));
    assert_eq!(errno(map.update_batch(&keys, &values[1..])), libc::EINVAL);
    map.update_batch(&[], &[]).unwrap();
    // Every third key is absent.
    for key in keys.iter().step_by(3) {
        assert!(map.delete(key).unwrap());
    }
    assert_eq!(map.delete_batch(&keys).unwrap(), 666);
    assert_eq!(map.delete_batch(&keys).unwrap(), 0);
    assert_eq!(map.next_key(None).unwrap(), None);
}

/// If a bucket contains more entries than fit into a batch, the batch grows.
#[test]
fn a_crowded_bucket_is_read() {
    const SIZE: usize = 600 * 1024;
    const BYTES: &TypeDesc<'static> = &TypeDesc::Opaque { size: 600 * 1024 };
    // A single value of this size fills a batch. With 8 entries in 8 buckets, at least two entries
    // share a bucket in all but 3 of 1,000 maps.
    spec!(Crowd: Hash, u32 as TypeDesc::U32 => [u8; SIZE] as BYTES, max 8, btf = false);
    let value: Box<[u8; SIZE]> = vec![1; SIZE].into_boxed_slice().try_into().unwrap();
    for _ in 0..2 {
        let map = create::<Crowd>();
        for key in 0..8 {
            map.update(&key, &value, UpdateMode::Any).unwrap();
        }
        let mut keys: Vec<_> = map.keys().map(Result::unwrap).collect();
        keys.sort_unstable();
        assert_eq!(keys, [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(map.clear().unwrap(), 8);
        assert_eq!(map.next_key(None).unwrap(), None);
    }
}

/// After each step, this test deletes the key at the position of the iteration and the key before
/// it, and inserts both again. The iteration restarts again and again, but ends.
#[test]
fn an_iteration_that_is_always_restarted_ends() {
    raise_memlock();
    let map = Map::<Flows>::options().max_entries(16).without_batches().create().unwrap();
    let mut items = 0;
    for entry in map_with_keys(&map) {
        items += 1;
        assert!(items <= 16 * 4 + 66, "the iteration should have ended");
        let Ok((key, _)) = entry else {
            assert_eq!(entry.unwrap_err().kind(), bpfmap::ErrorKind::Disturbed);
            continue;
        };
        map_with_keys(&map);
        if let Some(next) = map.next_key(Some(&key)).unwrap() {
            map.delete(&next).unwrap();
        }
        map.delete(&key).unwrap();
    }
    assert!(items > 16, "the iteration was restarted at least once");
}

fn map_with_keys(map: &Map<Flows>) -> &Map<Flows> {
    map.extend((0..10).map(|key| (key, 0))).unwrap();
    map
}
