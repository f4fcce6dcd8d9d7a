//! Runs each program with `BPF_PROG_TEST_RUN`, and looks at the maps from user space.

use std::cell::RefCell;
use std::os::fd::AsFd as _;

use bpfmap::kind::{ArrayOfMaps, ProgArray};
use bpfmap::{
    Enum, KernelVersion, Map, MapSpec, ProgramFd, RingBuf, UpdateMode, bytes_of, running_kernel,
};
use bpfmap_programs_common::{
    Counts, CpuCounts, Hashes, Jumps, Outer, OuterInner, Records, Sorts, Verdict, generated,
};
use libbpf_rs::{Object, ObjectBuilder, ProgramInput};

/// The programs, and the maps that need a newer kernel than 5.10.
const NEWER: &[(&str, Option<&str>, KernelVersion)] = &[
    ("walk", None, KernelVersion::new(5, 13)),
    ("filter", Some("seen"), KernelVersion::new(5, 16)),
    ("other_cpu", None, KernelVersion::new(5, 19)),
];

/// Loads the programs and maps that this kernel has.
fn load() -> Object {
    load_with("").unwrap()
}

/// Does the same, and loads a program even if this kernel is too old for it.
fn load_with(name: &str) -> libbpf_rs::Result<Object> {
    let mut object = ObjectBuilder::default().open_memory(bpfmap_programs::OPERATIONS).unwrap();
    let kernel = running_kernel().unwrap();
    let newer = NEWER.iter().filter(|(program, _, since)| *since > kernel && *program != name);
    for (program, map, _) in newer {
        object.progs_mut().find(|it| it.name() == *program).unwrap().set_autoload(false);
        if let Some(map) = map {
            object.maps_mut().find(|it| it.name() == *map).unwrap().set_autocreate(false).unwrap();
        }
    }
    object.load()
}

/// Runs a program, and returns the number that it returned: 0, or a line of `program/src/main.rs`.
fn run(object: &Object, name: &str) -> u32 {
    let program = object.progs_mut().find(|program| program.name() == name).unwrap();
    let packet = [0; 64];
    let input = ProgramInput { data_in: Some(&packet), ..ProgramInput::default() };
    program.test_run(input).unwrap().return_value
}

/// Opens a map, which compares its BTF with the declaration.
fn open<S: MapSpec>(object: &Object) -> Map<S> {
    Map::from_object(object).unwrap()
}

/// Returns whether the kernel has what a program needs.
fn is_here(name: &str) -> bool {
    let (.., since) = NEWER.iter().find(|(program, ..)| *program == name).unwrap();
    running_kernel().unwrap() >= *since
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
