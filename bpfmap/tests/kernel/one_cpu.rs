//! Operations on the value of one CPU, and operations that write the same value for all CPUs (Linux
//! 7.0).

use crate::common::{create, errno, kernel};
use crate::spec;
use bpfmap::TypeDesc;
use bpfmap::kind::SelectCpu;
use bpfmap::{ErrorKind, Map, MapSpec, PerCpu, UpdateMode, possible_cpus};

/// A value of 6 bytes. The next CPU's value begins at byte 8.
type Odd = [u16; 3];
const ODD: &TypeDesc<'static> = &TypeDesc::Array { element: TypeDesc::U16, len: 3 };
spec!(ByKey: PercpuHash, u32 as TypeDesc::U32 => Odd as ODD, max 2);
spec!(ByUse: LruPercpuHash, u32 as TypeDesc::U32 => Odd as ODD, max 100);
spec!(ByIndex: PercpuArray, u32 as TypeDesc::U32 => Odd as ODD, max 2);

/// Returns whether this kernel is too old for these operations. In this case, checks that the
/// kernel refuses each operation and that the entry does not change.
fn is_refused<S>(map: &Map<S>) -> bool
where
    S: MapSpec<Key = u32, Value = Odd>,
    S::Kind: SelectCpu,
{
    if kernel() >= (7, 0) {
        return false;
    }
    let refusals = [
        map.lookup_on(&0, 0).map(drop).unwrap_err(),
        map.update_on(&0, 0, &[1; 3]).unwrap_err(),
        map.update_all_cpus(&0, &[1; 3]).unwrap_err(),
    ];
    for error in refusals {
        assert_eq!((error.kind(), error.errno()), (ErrorKind::Unsupported, Some(libc::EINVAL)));
        assert!(error.to_string().contains("Linux 7.0"), "{error}");
    }
    println!("vmtest:note refused.one_cpu=EINVAL, from Linux 7.0");
    true
}

/// Checks the effect of the three operations on entry 0, which is present.
fn selects<S>(map: &Map<S>, read: impl Fn(&Map<S>) -> PerCpu<Odd>)
where
    S: MapSpec<Key = u32, Value = Odd>,
    S::Kind: SelectCpu,
{
    let cpus = possible_cpus().unwrap();
    let before = read(map);
    if is_refused(map) {
        assert_eq!(read(map), before);
        return;
    }
    let last = cpus - 1;
    map.update_all_cpus(&0, &[1, 2, 3]).unwrap();
    assert_eq!(read(map), PerCpu::splat([1, 2, 3]).unwrap());
    map.update_on(&0, last, &[7, 8, 9]).unwrap();
    let expected = PerCpu::from_fn(|cpu| if cpu == last { [7, 8, 9] } else { [1, 2, 3] }).unwrap();
    assert_eq!(read(map), expected);
    for cpu in 0..cpus {
        assert_eq!(map.lookup_on(&0, cpu).unwrap(), expected.get(cpu).copied());
    }
    for cpu in [cpus, u32::MAX as usize, 1 << 32] {
        assert_eq!(errno(map.lookup_on(&0, cpu)), libc::ERANGE);
        assert_eq!(errno(map.update_on(&0, cpu, &[0; 3])), libc::ERANGE);
    }
    assert_eq!(read(map), expected);
}

#[test]
fn an_array_has_a_value_on_each_cpu() {
    let map = create::<ByIndex>();
    map.update(&0, &PerCpu::splat([5; 3]).unwrap(), UpdateMode::Any).unwrap();
    selects(&map, |map| map.lookup(&0).unwrap().unwrap());
    if kernel() >= (7, 0) {
        assert_eq!(map.lookup_on(&2, 0).unwrap(), None, "an index out of range");
        assert_eq!(errno(map.update_on(&2, 0, &[0; 3])), libc::E2BIG);
        assert_eq!(errno(map.update_all_cpus(&2, &[0; 3])), libc::E2BIG);
    }
}

#[test]
fn a_hash_has_a_value_on_each_cpu() {
    let map = create::<ByKey>();
    map.update(&0, &PerCpu::splat([5; 3]).unwrap(), UpdateMode::Any).unwrap();
    selects(&map, |map| map.lookup(&0).unwrap().unwrap());
    if kernel() < (7, 0) {
        return;
    }
    // A new entry is zero on the other CPUs.
    assert_eq!(map.lookup_on(&1, 0).unwrap(), None);
    map.update_on(&1, 0, &[4; 3]).unwrap();
    let expected = PerCpu::from_fn(|cpu| if cpu == 0 { [4; 3] } else { [0; 3] }).unwrap();
    assert_eq!(map.lookup(&1).unwrap(), Some(expected));
    assert_eq!(errno(map.update_on(&2, 0, &[0; 3])), libc::E2BIG, "the table is full");
    assert_eq!(errno(map.update_all_cpus(&2, &[0; 3])), libc::E2BIG);
}

#[test]
fn an_lru_hash_has_a_value_on_each_cpu() {
    let map = create::<ByUse>();
    map.update(&0, &PerCpu::splat([5; 3]).unwrap(), UpdateMode::Any).unwrap();
    selects(&map, |map| map.lookup(&0).unwrap().unwrap());
    if kernel() >= (7, 0) {
        map.update_all_cpus(&1, &[4; 3]).unwrap();
        assert_eq!(map.lookup(&1).unwrap(), Some(PerCpu::splat([4; 3]).unwrap()));
    }
}

/// A frozen map can be read but not written.
#[test]
fn a_frozen_map_keeps_its_values() {
    let map = create::<ByIndex>();
    map.freeze().unwrap();
    if is_refused(&map) {
        return;
    }
    assert_eq!(map.lookup_on(&0, 0).unwrap(), Some([0; 3]));
    assert_eq!(errno(map.update_on(&0, 0, &[1; 3])), libc::EPERM);
    assert_eq!(errno(map.update_all_cpus(&0, &[1; 3])), libc::EPERM);
}
