//! Maps of maps.

use crate::common::{
    self, ENOTSUPP, LOOKUP, TAKE, UPDATE, bare, errno, kernel, mismatch, raise_memlock,
    unprivileged,
};
use crate::spec;
use bpfmap::TypeDesc;
use bpfmap::{Action, ErrorKind, Map, MapFlags, MapSpec, OuterMapSpec, UpdateMode};

/// `nested!(Outer: Kind of Inner, u32 as TypeDesc::U32, max 4)`
macro_rules! nested {
    ($name:ident: $kind:ident of $inner:ty, $key:ty as $layout:expr, max $max:expr) => {
        spec!($name: $kind, $key as $layout => u32 as TypeDesc::U32, max $max,
            inner = &<$inner as MapSpec>::DEF);
        impl OuterMapSpec for $name {
            type Inner = $inner;
        }
    };
}

spec!(Cells: Array, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 2);
spec!(Counts: Hash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 8);
nested!(Pages: ArrayOfMaps of Cells, u32 as TypeDesc::U32, max 4);
nested!(Tenants: HashOfMaps of Counts, u64 as TypeDesc::U64, max 2);

/// Returns whether the kernel has batch operations for maps of maps, which need Linux 5.19.
fn has_batches() -> bool {
    kernel() >= (5, 19)
}

#[test]
fn an_array_stores_maps_and_returns_their_ids() {
    let pages: Map<Pages> = common::create();
    let (one, two): (Map<Cells>, Map<Cells>) = (common::create(), common::create());
    assert_eq!(pages.get(&0).unwrap(), None);
    pages.set(&0, &one).unwrap();
    assert_eq!(pages.get(&0).unwrap().unwrap().get(), one.info().unwrap().id);
    pages.set(&0, &two).unwrap();
    pages.set(&2, &one).unwrap();
    assert_eq!(pages.get(&4).unwrap(), None, "out of range");
    assert_eq!(errno(pages.set(&4, &one)), libc::E2BIG);

    let keys: Vec<u32> = pages.keys().collect::<Result<_, _>>().unwrap();
    assert_eq!(keys, [0, 1, 2, 3], "each slot is a key, even an empty slot");
    let held: Vec<_> = pages
        .objects()
        .map(|entry| entry.map(|(key, id)| (key, id.get())))
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(held, [(0, two.info().unwrap().id), (2, one.info().unwrap().id)]);

    assert!(pages.delete(&0).unwrap());
    assert!(!pages.delete(&0).unwrap(), "an empty slot");
    assert_eq!(errno(pages.delete(&4)), libc::E2BIG);
    assert_eq!(pages.clear().unwrap(), 1);
}

#[test]
fn a_hash_stores_maps_and_distinguishes_new_keys_from_present_keys() {
    let tenants: Map<Tenants> = common::create();
    let (one, two): (Map<Counts>, Map<Counts>) = (common::create(), common::create());
    assert!(tenants.set_new(&7, &one).unwrap());
    assert!(!tenants.set_new(&7, &two).unwrap());
    assert_eq!(tenants.get(&7).unwrap().unwrap().get(), one.info().unwrap().id);
    assert_eq!(tenants.get(&8).unwrap(), None);
    tenants.set(&8, &two).unwrap();
    assert_eq!(errno(tenants.set(&9, &two)), libc::E2BIG, "full");
    let mut held: Vec<_> = tenants
        .objects()
        .map(|entry| entry.map(|(key, id)| (key, id.get())))
        .collect::<Result<_, _>>()
        .unwrap();
    held.sort_unstable();
    assert_eq!(held, [(7, one.info().unwrap().id), (8, two.info().unwrap().id)]);
    assert!(tenants.delete(&7).unwrap());
    assert!(!tenants.delete(&7).unwrap());
    assert_eq!(tenants.clear().unwrap(), 1);
}

#[test]
fn the_map_under_a_key_can_be_opened() {
    let tenants: Map<Tenants> = common::create();
    assert!(tenants.inner(&1).unwrap().is_none());
    let counts: Map<Counts> = common::create();
    tenants.set(&1, &counts).unwrap();
    counts.update(&5, &50, UpdateMode::Any).unwrap();
    let opened = tenants.inner(&1).unwrap().unwrap();
    assert_eq!(opened.lookup(&5).unwrap(), Some(50));
    // The outer map keeps the inner map alive after all handles are closed.
    drop((counts, opened));
    assert_eq!(tenants.inner(&1).unwrap().unwrap().lookup(&5).unwrap(), Some(50));
}

#[test]
fn opening_the_map_under_a_key_needs_a_privilege() {
    let tenants: Map<Tenants> = common::create();
    tenants.set(&1, &common::create()).unwrap();
    let error = unprivileged(|| tenants.inner(&1).unwrap_err());
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
}

#[test]
fn a_swap_returns_the_complete_old_map() {
    let pages: Map<Pages> = common::create();
    let old: Map<Cells> = common::create();
    assert!(pages.swap(&1, &old).unwrap().is_none());
    old.update(&0, &41, UpdateMode::Any).unwrap();
    let new: Map<Cells> = common::create();
    let snapshot = pages.swap(&1, &new).unwrap().unwrap();
    assert_eq!(snapshot.lookup(&0).unwrap(), Some(41));
    assert_eq!(pages.inner(&1).unwrap().unwrap().lookup(&0).unwrap(), Some(0));
}

#[test]
fn maps_can_be_stored_in_a_batch() {
    let maps: [Map<Counts>; 2] = [common::create(), common::create()];
    let tenants: Map<Tenants> = common::create();
    let done = tenants.set_batch(&[1, 2], &[&maps[0], &maps[1]]);
    let pages: Map<Pages> = common::create();
    let cells: Map<Cells> = common::create();
    let refused = pages.set_batch(&[3, 4], &[&cells, &cells]);
    if has_batches() {
        done.unwrap();
        assert_eq!(tenants.get(&2).unwrap().unwrap().get(), maps[1].info().unwrap().id);
        let error = refused.unwrap_err();
        assert_eq!(error.errno(), Some(libc::E2BIG));
        assert!(error.to_string().contains("after 1 entries"), "{error}");
        assert!(pages.get(&3).unwrap().is_some());
        assert_eq!(tenants.delete_batch(&[1, 9, 2]).unwrap(), 2);
    } else {
        assert_eq!(errno(done), ENOTSUPP);
        assert_eq!(errno(refused), ENOTSUPP);
        assert_eq!(errno(tenants.delete_batch(&[1])), ENOTSUPP);
    }
    let error = tenants.set_batch(&[1, 2], &[&maps[0]]).unwrap_err();
    assert_eq!(error.errno(), Some(libc::EINVAL), "{error}");
}

#[test]
fn inner_maps_must_match_the_template() {
    // An array must have the same size as the template, unless a flag allows a different size.
    let pages: Map<Pages> = common::create();
    let larger = Map::<Cells>::options().max_entries(3).create().unwrap();
    let error = pages.set(&0, &larger).unwrap_err();
    assert_eq!((error.errno(), error.action()), (Some(libc::EINVAL), Action::Update));
    assert!(error.to_string().contains("BPF_F_INNER_MAP"), "{error}");
    assert_eq!(pages.get(&0).unwrap(), None);

    spec!(Flexible: Array, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 2, flags = MapFlags::INNER_MAP);
    nested!(FlexiblePages: ArrayOfMaps of Flexible, u32 as TypeDesc::U32, max 1);
    let pages: Map<FlexiblePages> = common::create();
    pages.set(&0, &Map::<Flexible>::options().max_entries(300).create().unwrap()).unwrap();
    assert_eq!(pages.inner(&0).unwrap().unwrap().max_entries(), 300);

    let tenants: Map<Tenants> = common::create();
    tenants.set(&0, &Map::<Counts>::options().max_entries(99).create().unwrap()).unwrap();
    assert_eq!(tenants.inner(&0).unwrap().unwrap().max_entries(), 99);

    // From Linux 7.1 on, a per-CPU array must have the same size as the template.
    spec!(CpuCells: PercpuArray, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 2);
    nested!(CpuPages: ArrayOfMaps of CpuCells, u32 as TypeDesc::U32, max 1);
    let pages: Map<CpuPages> = common::create();
    let larger = Map::<CpuCells>::options().max_entries(3).create().unwrap();
    let answer = pages.set(&0, &larger);
    if kernel() >= (7, 1) {
        assert_eq!(errno(answer), libc::EINVAL);
    } else {
        answer.unwrap();
        assert_eq!(pages.inner(&0).unwrap().unwrap().max_entries(), 3);
    }
}

#[test]
fn a_map_of_other_maps_is_refused_when_it_is_opened() {
    spec!(Wide: Hash, u32 as TypeDesc::U32 => [u64; 2] as &TypeDesc::Array { element: TypeDesc::U64, len: 2 }, max 8);
    nested!(Other: HashOfMaps of Wide, u64 as TypeDesc::U64, max 2);
    let tenants: Map<Tenants> = common::create();
    // The kernel doesn't show the template, so an empty map is accepted.
    Map::<Other>::from_map(&tenants).unwrap();
    tenants.set(&1, &common::create()).unwrap();
    let difference = mismatch(Map::<Other>::from_map(&tenants));
    assert!(difference.contains("value_size: 8, schema says 16"), "{difference}");
    Map::<Tenants>::from_map(&tenants).unwrap();
}

#[test]
fn a_map_can_be_created_with_a_given_template() {
    raise_memlock();
    let large = Map::<Cells>::options().max_entries(50).create().unwrap();
    let pages = Map::<Pages>::options().create_like(&large).unwrap();
    pages.set(&0, &large).unwrap();
    assert_eq!(
        errno(pages.set(&1, &common::create())),
        libc::EINVAL,
        "the map has the size in the schema"
    );
}

#[test]
fn some_map_types_cannot_be_inner_maps() {
    fn refused<S: MapSpec>() -> Option<i32> {
        raise_memlock();
        Map::<S>::create().unwrap_err().errno()
    }
    spec!(Jumps: ProgArray, u32 as TypeDesc::U32 => u32 as TypeDesc::U32, max 1);
    nested!(Second: ArrayOfMaps of Pages, u32 as TypeDesc::U32, max 1);
    nested!(SecondHash: HashOfMaps of Tenants, u32 as TypeDesc::U32, max 1);
    nested!(Tables: ArrayOfMaps of Jumps, u32 as TypeDesc::U32, max 1);
    spec!(NoTemplate: ArrayOfMaps, u32 as TypeDesc::U32 => u32 as TypeDesc::U32, max 1);
    assert_eq!(refused::<Second>(), Some(libc::EINVAL));
    assert_eq!(refused::<SecondHash>(), Some(libc::EINVAL));
    assert_eq!(refused::<Tables>(), Some(ENOTSUPP));
    // Descriptor 0 is not a map.
    assert!(matches!(refused::<NoTemplate>(), Some(libc::EBADF | libc::EINVAL)));
}

#[test]
fn the_kernel_refuses_operations_that_the_handle_lacks() {
    let pages: Map<Pages> = common::create();
    for flags in [1, 2, 3, 1 << 40] {
        assert_eq!(bare(&pages, UPDATE, Some(4), flags), libc::EINVAL, "flags {flags}");
    }
    assert_eq!(bare(&pages, LOOKUP, Some(4), 0), libc::ENOENT);
    assert_eq!(bare(&pages, TAKE, Some(0), 0), ENOTSUPP);
}
