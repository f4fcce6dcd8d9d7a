//! The output of `{:?}`, including extreme contents.

use crate::common::create;
use crate::spec;
use bpfmap::{
    ArenaPtr, Be64, KernelPtr, Map, Padded, PerCpu, TypeDesc, UpdateMode, UserPtr, zeroed,
};

spec!(Counters: PercpuHash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 3);

#[test]
fn the_debug_output_of_iterators_names_the_map() {
    let map = create::<Counters>();
    map.update(&u32::MAX, &PerCpu::splat(u64::MAX).unwrap(), UpdateMode::Any).unwrap();
    let mut walk = map.walk().unwrap();
    for _ in 0..3 {
        assert_eq!(format!("{walk:?}"), "Walk { map: \"Counters\", .. }");
        walk.next_entry().unwrap();
    }
    assert!(format!("{:?}", map.iter()).starts_with("Iter {"));
    assert!(format!("{:?}", map.keys()).starts_with("Keys {"));
    assert!(format!("{:?}", map.drain()).starts_with("Drain {"));
    assert!(format!("{:?}", Map::<Counters>::options().any_max_entries()).contains("None"));
}

#[test]
fn values_of_any_bytes_are_shown() {
    let values = PerCpu::splat(i128::MIN).unwrap();
    let shown = format!("{values:?}");
    assert!(shown.starts_with(&format!("[{}", i128::MIN)), "{shown}");
    let mut iter = values.iter();
    assert!(iter.by_ref().last().is_some());
    assert_eq!(format!("{iter:?}"), "PerCpuIter { left: 0, .. }");
    assert_eq!(format!("{:?}", ArenaPtr::<u64>::NULL), "0x0");
    assert!(format!("{:?}", KernelPtr::new(u64::MAX)).contains("ffffffffffffffff"));
    assert!(format!("{:?}", zeroed::<UserPtr<u64>>()).contains("0x0"));
    assert!(format!("{:?}", Be64::new(u64::MAX)).contains(&u64::MAX.to_string()));
    let _ = format!("{:?}", zeroed::<Padded<u8, 7>>());
}
