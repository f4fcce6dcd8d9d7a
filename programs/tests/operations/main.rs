//! Runs each program with `BPF_PROG_TEST_RUN`, and looks at the maps from user space.

mod attached;
mod load;

use std::cell::RefCell;
use std::os::fd::AsFd as _;
use std::time::Duration;

use bpfmap::kind::{ArrayOfMaps, ProgArray};
use bpfmap::{
    Enum, Map, MapSpec, PerfBuffer, ProgramFd, RingBuf, UpdateMode, UserRingBuf, bytes_of,
};
use bpfmap_programs_common::{
    Balance, Balances, Commands, Counts, CpuCounts, CpuRecords, Hashes, Jumps, Outer, OuterInner,
    Records, Sorts, Verdict, generated,
};
use libbpf_rs::Object;

use self::load::{is_here, load, load_with, run};

/// Opens a map, which compares its BTF with the declaration.
fn open<S: MapSpec>(object: &Object) -> Map<S> {
    Map::from_object(object).unwrap()
}

/// Checks the members that the program has set.
#[track_caller]
fn assert_sorts(sorts: &Sorts, kind: u8) {
    assert_eq!(bytes_of(&sorts.address)[..4], [1, 2, 3, 4]);
    assert_eq!((sorts.kind, sorts.verdict), (kind, Enum::new(Verdict::Drop)));
    assert_eq!((sorts.vlan(), sorts.tagged()), (7, true));
    assert_eq!(sorts.name, "name");
}

#[test]
fn hash() {
    let object = load();
    let hashes = open::<Hashes>(&object);
    assert_eq!(run(&object, "hash"), 0);
    let entries: Vec<_> = hashes.iter().collect::<Result<_, _>>().unwrap();
    let [(1, value)] = entries.as_slice() else { panic!("{entries:?}") };
    assert_sorts(value, 3);
}

#[test]
fn array() {
    let object = load();
    assert_eq!(run(&object, "array"), 0);
    assert_eq!(open::<Counts>(&object).lookup(&1).unwrap(), Some([10, 2, 3, u32::MAX]));
}

#[test]
fn values_of_a_cpu() {
    let object = load();
    assert_eq!(run(&object, "cpu"), 0);
    let counts = open::<CpuCounts>(&object).lookup(&0).unwrap().unwrap();
    assert_eq!(counts.iter().sum::<u64>(), 6);
}

#[test]
fn values_of_another_cpu() {
    if !is_here("other_cpu") {
        assert!(load_with("other_cpu").is_err());
        return;
    }
    let object = load();
    let counts = open::<CpuCounts>(&object);
    let before = counts.lookup(&0).unwrap().unwrap()[0];
    assert_eq!(run(&object, "other_cpu"), 0);
    assert_eq!(counts.lookup(&0).unwrap().unwrap()[0], before + 1);
}

#[test]
fn queue_and_stack() {
    assert_eq!(run(&load(), "queue"), 0);
}

#[test]
fn ring_buffer() {
    let object = load();
    let mut records = RingBuf::open(&open::<Records>(&object)).unwrap();
    assert_eq!(run(&object, "ring"), 0);
    let seen = RefCell::new(vec![]);
    records.consume(|record: &Sorts| seen.borrow_mut().push(*record)).unwrap();
    let seen = seen.into_inner();
    assert_eq!(seen.iter().map(|sorts| sorts.kind).collect::<Vec<_>>(), [1, 2, 3]);
    assert_sorts(&seen[0], 1);
    let mut expected: Sorts = bpfmap::zeroed();
    expected.kind = 2;
    assert_eq!(seen[1], expected);
    assert_sorts(&seen[2], 3);
}

#[test]
fn inner_map() {
    fn is_array_of_maps<S: MapSpec<Kind = ArrayOfMaps>>(_: &Map<S>) {}

    let object = load();
    let (outer, inner) = (open::<Outer>(&object), Map::<OuterInner>::create().unwrap());
    is_array_of_maps(&outer);
    outer.set(&0, &inner).unwrap();
    inner.update(&0, &31, UpdateMode::Any).unwrap();
    assert_eq!(run(&object, "inner"), 0);
    assert_eq!(inner.lookup(&0).unwrap(), Some(42));
}

#[test]
fn tail_call() {
    fn is_array_of_programs<S: MapSpec<Kind = ProgArray>>(_: &Map<S>) {}

    let object = load();
    let jumps = open::<Jumps>(&object);
    is_array_of_programs(&jumps);
    assert_ne!(run(&object, "jump"), 0, "there is no program to jump to");
    let landing = object.progs_mut().find(|program| program.name() == "landing").unwrap();
    jumps.set(&0, ProgramFd::new(landing.as_fd())).unwrap();
    assert_eq!(run(&object, "jump"), 0);
}

/// The comparison includes the type of the records.
#[test]
fn generated_code_declares_maps_for_both_sides() {
    let maps = generated::Maps::from_object(&load()).unwrap();
    assert_eq!(maps.connections.info().unwrap().max_entries, 65_536);
}

#[test]
fn redirect_without_an_entry() {
    assert_eq!(run(&load(), "redirect"), 0);
}

#[test]
fn walk() {
    if is_here("walk") {
        assert_eq!(run(&load(), "walk"), 0);
    } else {
        assert!(load_with("walk").is_err());
    }
}

#[test]
fn bloom_filter() {
    if is_here("filter") {
        assert_eq!(run(&load(), "filter"), 0);
    } else {
        assert!(load_with("filter").is_err());
    }
}

#[test]
fn spin_lock() {
    let object = load();
    let balances = open::<Balances>(&object);
    let start = Balance { credit: 100, transfers: 4, ..Balance::default() };
    balances.update_locked(&0, &start, UpdateMode::Any).unwrap();
    assert_eq!(run(&object, "lock"), 5);
    let balance = balances.lookup_locked(&0).unwrap().unwrap();
    assert_eq!((balance.credit, balance.transfers), (70, 5));
}

#[test]
fn perf_event_array() {
    let object = load();
    let map = open::<CpuRecords>(&object);
    assert_eq!(run(&object, "perf"), 1, "no ring is open: ENOENT");
    let mut records = PerfBuffer::open(&map).unwrap();
    assert_eq!(run(&object, "perf"), 0);
    assert!(records.wait(Some(Duration::from_secs(20))).unwrap());
    let record = records.read().unwrap().unwrap();
    assert_sorts(record.event, 4);
}

#[test]
fn user_ring_buffer() {
    if !is_here("drain") {
        assert!(load_with("drain").is_err());
        return;
    }
    let object = load();
    let mut commands = UserRingBuf::open(&open::<Commands>(&object)).unwrap();
    assert_eq!(run(&object, "drain"), 0, "the ring is empty");
    for kind in [1, 3, 9, 5] {
        let mut command: Sorts = bpfmap::zeroed();
        command.kind = kind;
        assert!(commands.send(&command).unwrap());
    }
    assert_eq!(run(&object, "drain"), 3013, "the program stops at 9");
    assert_eq!(run(&object, "drain"), 1005);
}
