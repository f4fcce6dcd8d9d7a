//! Values of per-CPU maps.

use crate::common::{create, kernel};
use crate::spec;
use bpfmap::{MemberDesc, TypeDesc};
use bpfmap::{PerCpu, Plain, UpdateMode, possible_cpus};

spec!(Counters: PercpuHash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 100);
spec!(Slots: PercpuArray, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 10);

/// A value of 12 bytes. The next CPU's value begins at byte 16.
#[repr(C)]
struct Odd {
    numbers: [u32; 3],
}
bpfmap::plain_struct!(Odd { numbers: [u32; 3] });
const ODD: &TypeDesc<'static> = &TypeDesc::Struct {
    name: "odd",
    size: 12,
    members: &[MemberDesc {
        name: "numbers",
        bit_offset: 0,
        bits: 0,
        ty: &TypeDesc::Array { element: TypeDesc::U32, len: 3 },
    }],
};
spec!(Odds: PercpuHash, u32 as TypeDesc::U32 => Odd as ODD, max 10);
spec!(OddSlots: PercpuArray, u32 as TypeDesc::U32 => Odd as ODD, max 10);
spec!(Bytes: PercpuArray, u32 as TypeDesc::U32 => u8 as TypeDesc::U8, max 10);

fn numbered<V: Plain>(value: impl Fn(u32) -> V) -> PerCpu<V> {
    PerCpu::from_fn(|cpu| value(u32::try_from(cpu).unwrap())).unwrap()
}

#[test]
fn each_cpu_has_its_own_value() {
    let cpus = possible_cpus().unwrap();
    assert!(cpus >= 1);
    let map = create::<Counters>();
    let values = numbered(|cpu| u64::from(cpu) + 100);
    map.update(&1, &values, UpdateMode::Any).unwrap();
    let read = map.lookup(&1).unwrap().unwrap();
    assert_eq!(read, values);
    assert_eq!(read.len(), cpus);
    assert_eq!(read.get(0), Some(&100));
    assert_eq!(read[cpus - 1], 99 + cpus as u64);

    let map = create::<Slots>();
    map.update(&9, &values, UpdateMode::Any).unwrap();
    assert_eq!(map.lookup(&9).unwrap(), Some(values));
    assert_eq!(map.lookup(&8).unwrap(), Some(PerCpu::zeroed().unwrap()));
}

/// The kernel rounds each value up to 8 bytes.
#[test]
fn values_with_odd_sizes_do_not_overlap() {
    let values = numbered(|cpu| Odd { numbers: [cpu, cpu + 1, cpu + 2] });
    let map = create::<Odds>();
    map.update(&1, &values, UpdateMode::Any).unwrap();
    assert_eq!(map.lookup(&1).unwrap().as_ref(), Some(&values));
    let map = create::<OddSlots>();
    map.update(&1, &values, UpdateMode::Any).unwrap();
    assert_eq!(map.lookup(&1).unwrap(), Some(values));
    let map = create::<Bytes>();
    let bytes = numbered(|cpu| u8::try_from(cpu + 1).unwrap());
    map.update(&1, &bytes, UpdateMode::Any).unwrap();
    assert_eq!(map.lookup(&1).unwrap(), Some(bytes));
}

#[test]
fn a_buffer_can_be_reused() {
    let map = create::<Odds>();
    for key in 0..3 {
        let values = numbered(|cpu| Odd { numbers: [key, cpu, 7] });
        map.update(&key, &values, UpdateMode::Any).unwrap();
    }
    let mut buffer = PerCpu::zeroed().unwrap();
    for key in 0..3 {
        assert!(map.lookup_into(&key, &mut buffer).unwrap());
        assert_eq!(buffer, numbered(|cpu| Odd { numbers: [key, cpu, 7] }));
    }
    assert!(!map.lookup_into(&3, &mut buffer).unwrap());
}

#[test]
fn entries_are_walked_loaded_and_drained() {
    for options in
        [bpfmap::Map::<Odds>::options(), bpfmap::Map::<Odds>::options().without_batches()]
    {
        crate::common::raise_memlock();
        let map = options.create().unwrap();
        let values = |key| numbered(|cpu| Odd { numbers: [key, cpu, key + cpu] });
        assert_eq!(map.extend((0..10).map(|key| (key, values(key)))).unwrap(), 10);
        let mut seen = Vec::new();
        for entry in &map {
            let (key, value) = entry.unwrap();
            assert_eq!(value, values(key));
            seen.push(key);
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..10).collect::<Vec<_>>());
        let mut drained: Vec<_> = map.drain().collect::<Result<Vec<_>, _>>().unwrap();
        drained.sort_unstable_by_key(|(key, _)| *key);
        for (key, (drained, value)) in (0..).zip(&drained) {
            assert_eq!(*drained, key);
            assert_eq!(*value, values(key));
        }
        assert_eq!(drained.len(), 10);
        assert_eq!(map.keys().count(), 0);
    }
}

#[test]
fn an_array_of_values_is_walked_and_loaded() {
    let map = create::<OddSlots>();
    let values = |key| numbered(|cpu| Odd { numbers: [key, cpu, 1] });
    map.extend((0..10).map(|key| (key, values(key)))).unwrap();
    for (key, entry) in (0..).zip(&map) {
        assert_eq!(entry.unwrap(), (key, values(key)));
    }
    // This calls the batch operation directly, which was added later for this map type.
    let keys = [1_u32, 2];
    let result = map.update_batch(&keys, &[values(5), values(6)]);
    if kernel() < (5, 13) {
        assert_eq!(result.unwrap_err().kind(), bpfmap::ErrorKind::Unsupported);
    } else {
        result.unwrap();
        assert_eq!(map.lookup(&2).unwrap(), Some(values(6)));
    }
}
