//! Maps that are mapped into the memory of the process.

use crate::common::{create, errno, kernel, raise_memlock};
use crate::spec;
use bpfmap::TypeDesc;
use bpfmap::{ArenaPtr, KernelPtr, Map, MapFlags, UpdateMode};
use std::sync::atomic::Ordering;

spec!(Totals: Array, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 600,
    flags = MapFlags::MMAPABLE);
spec!(Odd: Array, u32 as TypeDesc::U32 => [u8; 11] as &TypeDesc::Array { element: TypeDesc::U8, len: 11 }, max 5,
    flags = MapFlags::MMAPABLE);

#[test]
fn memory_and_system_calls_show_the_same_values() {
    let map = create::<Totals>();
    let values = map.map_values().unwrap();
    assert_eq!(values.len(), 600);
    values[599].as_atomic().fetch_add(7, Ordering::Relaxed);
    assert_eq!(map.lookup(&599).unwrap(), Some(7));
    map.update(&1, &40, UpdateMode::Any).unwrap();
    assert_eq!(values[1].load(), 40);
    assert_eq!(values.iter().map(|cell| cell.load()).sum::<u64>(), 47);
    assert!(values.get(600).is_none());
}

#[test]
fn values_begin_at_multiples_of_eight_bytes() {
    let map = create::<Odd>();
    let values = map.map_values().unwrap();
    for index in 0..5_u8 {
        values[index.into()].store([index + 1; 11]);
    }
    for index in 0..5_u8 {
        assert_eq!(map.lookup(&index.into()).unwrap(), Some([index + 1; 11]));
    }
}

#[test]
fn a_view_outlives_its_handle() {
    let map = create::<Totals>();
    let values = map.map_values().unwrap();
    let id = map.info().unwrap().id;
    drop(map);
    values[0].store(1);
    assert_eq!(Map::<Totals>::from_id(id).unwrap().lookup(&0).unwrap(), Some(1));
}

#[test]
fn a_frozen_map_is_read_only_in_memory_too() {
    let map = create::<Totals>();
    map.update(&3, &9, UpdateMode::Any).unwrap();
    let writable = map.map_values().unwrap();
    assert_eq!(errno(map.freeze()), libc::EBUSY, "the map is still mapped for writing");
    drop(writable);
    map.freeze().unwrap();
    assert_eq!(errno(map.map_values()), libc::EPERM);
    let values = map.map_values_read_only().unwrap();
    assert_eq!(values[3].load(), 9);
}

spec!(Pool: Arena, () as TypeDesc::VOID => () as TypeDesc::VOID, max 3,
    flags = MapFlags::MMAPABLE);
spec!(FixedPool: Arena, () as TypeDesc::VOID => () as TypeDesc::VOID, max 2,
    flags = MapFlags::MMAPABLE, map_extra = ADDRESS);

/// An address that nothing else uses, not even the tables of `AddressSanitizer`.
const ADDRESS: u64 = 0x2000_0000_0000;

/// Creates an arena. Returns `None` before Linux 6.9, which introduced arenas.
fn arena<S: bpfmap::MapSpec<Kind = bpfmap::kind::Arena>>() -> Option<Map<S>> {
    raise_memlock();
    let map = Map::<S>::create();
    if kernel() < (6, 9) {
        assert_eq!(errno(map), libc::EINVAL);
        println!("vmtest:note refused.creation=EINVAL, from Linux 6.9");
        return None;
    }
    Some(map.unwrap())
}

#[test]
fn an_arena_is_zero_filled_and_ends_after_its_last_page() {
    let Some(map) = arena::<Pool>() else { return };
    let arena = map.map_arena().unwrap();
    assert_eq!(arena.len(), 3 * 4096);
    assert_eq!(arena.at::<[u64; 4]>(0).unwrap().load(), [0; 4]);
    arena.at::<u32>(3 * 4096 - 4).unwrap().store(5);
    assert!(arena.at::<u32>(3 * 4096 - 3).is_none(), "not aligned");
    assert!(arena.at::<u32>(3 * 4096).is_none(), "beyond the end");
    assert!(arena.at::<u32>(usize::MAX - 3).is_none());
}

#[test]
fn a_pointer_is_followed_only_inside_the_arena() {
    let Some(map) = arena::<Pool>() else { return };
    let arena = map.map_arena().unwrap();
    let cell = arena.at::<u64>(4096).unwrap();
    cell.store(11);
    let pointer = arena.pointer::<u64>(4096).unwrap();
    assert_eq!(arena.follow(pointer).unwrap().load(), 11);
    // A program may store only the lower half of the address.
    let low = KernelPtr::new(pointer.address() & 0xffff_ffff);
    assert_eq!(arena.follow::<u64>(low).unwrap().load(), 11);
    assert!(arena.follow(ArenaPtr::<u64>::NULL).is_none());
    let start = arena.address();
    for outside in [start - 8, start + arena.len() as u64, start + 4, start ^ (1 << 40)] {
        assert!(arena.follow::<u64>(KernelPtr::new(outside)).is_none(), "{outside:#x}");
    }
}

#[test]
fn an_arena_is_mapped_at_the_address_in_its_spec() {
    let Some(map) = arena::<FixedPool>() else { return };
    let arena = map.map_arena().unwrap();
    assert_eq!(arena.address(), ADDRESS);
    let again = errno(map.map_arena());
    assert_eq!(again, libc::EEXIST, "the arena is already mapped there");
}

spec!(Shown: Array, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 4,
    flags = MapFlags::MMAPABLE.union(MapFlags::RDONLY));
spec!(Told: Array, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 4,
    flags = MapFlags::MMAPABLE.union(MapFlags::WRONLY));
spec!(Constant: Array, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 4,
    flags = MapFlags::MMAPABLE.union(MapFlags::RDONLY_PROG));

#[test]
fn flags_limit_only_the_descriptor_that_creation_returns() {
    let map = create::<Shown>();
    assert_eq!(map.lookup(&0).unwrap(), Some(0));
    let refused = map.update(&0, &1, UpdateMode::Any).unwrap_err();
    assert_eq!(refused.errno(), Some(libc::EPERM));
    assert!(refused.to_string().ends_with("to write, open the map by pin or id"), "{refused}");
    assert_eq!(errno(map.map_values()), libc::EACCES);
    assert_eq!(errno(map.map_values_read_only()), libc::EINVAL);
    let whole = Map::<Shown>::from_id(map.info().unwrap().id).unwrap();
    whole.update(&0, &1, UpdateMode::Any).unwrap();
    assert_eq!(whole.map_values().unwrap()[0].load(), 1);
    assert_eq!(map.lookup(&0).unwrap(), Some(1));

    let map = create::<Told>();
    map.update(&0, &1, UpdateMode::Any).unwrap();
    let refused = map.lookup(&0).unwrap_err();
    assert_eq!(refused.errno(), Some(libc::EPERM));
    assert!(refused.to_string().ends_with("to read, open the map by pin or id"), "{refused}");
    assert_eq!(errno(map.map_values()), libc::EACCES);
    assert_eq!(errno(map.map_values_read_only()), libc::EACCES);

    let map = create::<Constant>();
    map.update(&0, &1, UpdateMode::Any).unwrap();
    assert_eq!(errno(map.map_values()), libc::EACCES);
    assert_eq!(map.map_values_read_only().unwrap()[0].load(), 1);
}
