//! Loads the programs, and runs them with `BPF_PROG_TEST_RUN`.

use bpfmap::{KernelVersion, running_kernel};
use libbpf_rs::{Object, ObjectBuilder, ProgramInput, ProgramType};

/// A program that not every kernel of the matrix has, with its map and its first kernel.
struct Newer {
    program: &'static str,
    map: Option<&'static str>,
    since: KernelVersion,
}

const fn newer(program: &'static str, map: Option<&'static str>, since: (u16, u16)) -> Newer {
    Newer { program, map, since: KernelVersion::new(since.0, since.1) }
}

/// The programs and maps that need a newer kernel than 5.10.
const NEWER: &[Newer] = &[
    newer("task", Some("of_tasks"), (5, 11)),
    newer("task_detach", Some("of_tasks"), (5, 11)),
    newer("walk", None, (5, 13)),
    newer("filter", Some("seen"), (5, 16)),
    newer("other_cpu", None, (5, 19)),
    newer("drain", Some("commands"), (6, 1)),
    newer("cgroup", Some("of_cgroups"), (6, 2)),
];

/// The program at a security hook, which some machines refuse. Only its own test loads it.
pub(crate) const HOOKED: &str = "inode";

/// Loads the programs and maps that this kernel has, except for [`HOOKED`].
pub(crate) fn load() -> Object {
    load_with("").unwrap()
}

/// Does the same, and loads a program even if this kernel is too old for it or may refuse it.
pub(crate) fn load_with(name: &str) -> libbpf_rs::Result<Object> {
    let mut object = ObjectBuilder::default().open_memory(bpfmap_programs::OPERATIONS).unwrap();
    let kernel = running_kernel().unwrap();
    let newer = NEWER.iter().filter(|newer| newer.since > kernel && newer.program != name);
    let left_out = newer.map(|newer| (newer.program, newer.map));
    let hooked = (name != HOOKED).then_some((HOOKED, Some("of_inodes")));
    for (program, map) in left_out.chain(hooked) {
        object.progs_mut().find(|it| it.name() == program).unwrap().set_autoload(false);
        // Another program may need the map.
        let wanted = NEWER.iter().find(|newer| newer.program == name).and_then(|newer| newer.map);
        if let Some(map) = map.filter(|map| wanted != Some(*map)) {
            object.maps_mut().find(|it| it.name() == map).unwrap().set_autocreate(false).unwrap();
        }
    }
    object.load()
}

/// Runs a program, and returns the number that it returned: 0, or a line of `program/src/main.rs`.
pub(crate) fn run(object: &Object, name: &str) -> u32 {
    let program = object.progs_mut().find(|program| program.name() == name).unwrap();
    let packet = [0; 64];
    let takes_packets = program.prog_type() != ProgramType::RawTracepoint;
    let input = ProgramInput {
        data_in: takes_packets.then_some(packet.as_slice()),
        ..ProgramInput::default()
    };
    program.test_run(input).unwrap().return_value
}

/// Returns whether the kernel has what a program needs.
pub(crate) fn is_here(name: &str) -> bool {
    let newer = NEWER.iter().find(|newer| newer.program == name).unwrap();
    running_kernel().unwrap() >= newer.since
}
