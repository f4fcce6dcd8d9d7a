//! Arrays, in which every index is present from the beginning.

use crate::common::{DELETE, ENOTSUPP, TAKE, bare, create, errno, raise_memlock};
use crate::spec;
use bpfmap::TypeDesc;
use bpfmap::{Map, PerCpu, UpdateMode};

spec!(Slots: Array, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 4);
spec!(PercpuSlots: PercpuArray, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 4);

#[test]
fn an_array_is_zero_filled() {
    let map = create::<Slots>();
    for index in 0..4 {
        assert_eq!(map.lookup(&index).unwrap(), Some(0));
    }
    let map = create::<PercpuSlots>();
    for index in 0..4 {
        assert_eq!(map.lookup(&index).unwrap(), Some(PerCpu::splat(0).unwrap()));
    }
}

#[test]
fn an_index_out_of_range_is_reported() {
    let map = create::<Slots>();
    assert_eq!(map.lookup(&4).unwrap(), None);
    assert_eq!(errno(map.update(&4, &1, UpdateMode::Any)), libc::E2BIG);
    assert_eq!(
        errno(map.update(&4, &1, UpdateMode::NoExist)),
        libc::E2BIG,
        "the index is checked first"
    );
    let map = create::<PercpuSlots>();
    assert_eq!(map.lookup(&4).unwrap(), None);
    assert_eq!(errno(map.update(&4, &PerCpu::splat(1).unwrap(), UpdateMode::Any)), libc::E2BIG);
}

#[test]
fn every_index_is_present() {
    let map = create::<Slots>();
    assert_eq!(errno(map.update(&1, &1, UpdateMode::NoExist)), libc::EEXIST);
    map.update(&1, &2, UpdateMode::Exist).unwrap();
    map.update(&2, &3, UpdateMode::Any).unwrap();
    assert_eq!(map.lookup(&1).unwrap(), Some(2));
    let map = create::<PercpuSlots>();
    let two = PerCpu::splat(2).unwrap();
    assert_eq!(errno(map.update(&1, &two, UpdateMode::NoExist)), libc::EEXIST);
    map.update(&1, &two, UpdateMode::Exist).unwrap();
    assert_eq!(map.lookup(&1).unwrap(), Some(two));
}

/// The type system prevents these operations, so they are tested without it.
#[test]
fn the_kernel_refuses_to_delete_from_an_array() {
    let map = create::<Slots>();
    assert_eq!(bare(&map, DELETE, Some(1), 0), libc::EINVAL);
    assert_eq!(bare(&map, DELETE, Some(9), 0), libc::EINVAL);
    assert_eq!(bare(&map, TAKE, Some(1), 0), ENOTSUPP);
    let map = create::<PercpuSlots>();
    assert_eq!(bare(&map, DELETE, Some(1), 0), libc::EINVAL);
    assert_eq!(bare(&map, TAKE, Some(1), 0), ENOTSUPP);
}

#[test]
fn next_key_returns_the_indices_in_order() {
    let map = create::<Slots>();
    assert_eq!(map.next_key(None).unwrap(), Some(0));
    assert_eq!(map.next_key(Some(&0)).unwrap(), Some(1));
    assert_eq!(map.next_key(Some(&3)).unwrap(), None);
    assert_eq!(
        map.next_key(Some(&77)).unwrap(),
        Some(0),
        "after an index out of range, the first index is returned"
    );
    let map = create::<PercpuSlots>();
    assert_eq!(map.next_key(Some(&2)).unwrap(), Some(3));
    assert_eq!(map.next_key(Some(&3)).unwrap(), None);
}

#[test]
fn arrays_are_walked_from_end_to_end() {
    raise_memlock();
    for options in [Map::<Slots>::options(), Map::<Slots>::options().without_batches()] {
        let map = options.create().unwrap();
        map.extend([(1, 10), (3, 30)]).unwrap();
        let entries: Vec<_> = map.iter().collect::<Result<_, _>>().unwrap();
        assert_eq!(entries, [(0, 0), (1, 10), (2, 0), (3, 30)]);
        let keys: Vec<_> = map.keys().collect::<Result<_, _>>().unwrap();
        assert_eq!(keys, [0, 1, 2, 3]);
    }
}

/// These arrays are smaller than a batch, as large as a batch, or larger than a batch.
#[test]
fn arrays_around_a_batch_are_walked_whole() {
    raise_memlock();
    for max_entries in [1, 2, 4095, 4096, 4097, 8192, 10_000] {
        let map = Map::<Slots>::options().max_entries(max_entries).create().unwrap();
        let written =
            map.extend((0..max_entries).map(|index| (index, u64::from(index) + 1))).unwrap();
        assert_eq!(written, max_entries as usize);
        for (expected, entry) in (0..).zip(&map) {
            assert_eq!(entry.unwrap(), (expected, u64::from(expected) + 1));
        }
        assert_eq!(map.iter().count(), max_entries as usize);
    }
}
