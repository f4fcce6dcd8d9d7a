//! LRU maps, which evict old entries to make space for new entries.

use crate::common::{create, stay_on};
use crate::spec;
use bpfmap::TypeDesc;
use bpfmap::kind::{Iterate, LookupElement, UpdateElement};
use bpfmap::{Map, MapFlags, MapSpec, PerCpu, UpdateMode, Value, possible_cpus};
use core::fmt::Debug;

spec!(Small: LruHash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 4);
spec!(Large: LruHash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 1024);
spec!(Percpu: LruPercpuHash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 1024);
spec!(Own: LruHash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 1001, flags = MapFlags::NO_COMMON_LRU);

/// Inserts more entries than the map can contain. The number of remaining entries depends on the
/// kernel, so this checks only properties that all kernels share.
fn more_inserts_than_entries<S>(value: impl Fn(u64) -> Value<S>)
where
    S: MapSpec<Key = u32>,
    S::Kind: LookupElement + UpdateElement + Iterate,
    Value<S>: Debug + PartialEq,
{
    let map = create::<S>();
    let max_entries = map.info().unwrap().max_entries;
    assert_eq!(map.max_entries(), max_entries);
    for key in 0..3 * max_entries {
        map.update(&key, &value(u64::from(key)), UpdateMode::NoExist).unwrap();
        assert_eq!(
            map.lookup(&key).unwrap(),
            Some(value(u64::from(key))),
            "the newest entry is present"
        );
    }
    let count = map.keys().map(Result::unwrap).count();
    assert!(count >= 1);
    assert!(count <= max_entries as usize, "{count} of {max_entries}");
}

#[test]
fn a_small_map() {
    more_inserts_than_entries::<Small>(|value| value);
}

#[test]
fn a_large_map() {
    more_inserts_than_entries::<Large>(|value| value);
}

#[test]
fn a_percpu_map() {
    more_inserts_than_entries::<Percpu>(|value| PerCpu::splat(value).unwrap());
}

#[test]
fn a_map_with_a_list_for_each_cpu() {
    more_inserts_than_entries::<Own>(|value| value);
}

/// A lookup by a program marks an entry as recently used, as `fixtures/tests/seed.rs` shows. A
/// lookup by a system call does not mark the entry.
#[test]
fn a_lookup_from_user_space_does_not_keep_an_entry() {
    let map = create::<Large>();
    // Each CPU reserves some entries, which have their own order.
    stay_on_this_cpu();
    let oldest = 0..8;
    for key in 0..1024 {
        map.update(&key, &0, UpdateMode::NoExist).unwrap();
    }
    for key in oldest.clone() {
        assert_eq!(map.lookup(&key).unwrap(), Some(0), "the map is just full");
    }
    for key in 1024..1280 {
        map.update(&key, &0, UpdateMode::NoExist).unwrap();
    }
    let kept: Vec<u32> = oldest.filter(|key| map.contains_key(key).unwrap()).collect();
    assert_eq!(kept, [], "the oldest entries are evicted first, even if they were looked up");
}

/// The kernel rounds the `max_entries` of such a map up to a multiple of the number of CPUs.
/// Opening accepts the rounded number.
#[test]
fn a_rounded_max_entries_is_not_a_difference() {
    let map = create::<Own>();
    let rounded = 1001_u32.next_multiple_of(u32::try_from(possible_cpus().unwrap()).unwrap());
    assert_eq!(map.info().unwrap().max_entries, rounded);
    Map::<Own>::from_map(&map).unwrap();
}

fn stay_on_this_cpu() {
    // SAFETY: the call has no arguments.
    let cpu = unsafe { libc::sched_getcpu() };
    stay_on(cpu.try_into().unwrap());
}
