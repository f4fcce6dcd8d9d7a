//! Steps for stack traces: programs record the kernel stack and the user stack of the process, and
//! user space reads both.

use std::os::fd::{AsRawFd as _, BorrowedFd, OwnedFd};

use libbpf_rs::{ProgramInput, libbpf_sys};

use crate::build_id::is_code_of;
use crate::handle::{Handle, ReadStacks};
use crate::objects::load_program;
use crate::program::{program_of, signed};
use crate::raw::fd_bits;
use crate::{Fixture, index};
use bpfmap::StackFrame;

/// Checks the addresses of the kernel stack and of the user stack, which programs have recorded.
pub(crate) fn reads_the_addresses_of_both_stacks(fixture: &Fixture, map: &impl ReadStacks) {
    let addresses = |id| {
        let addresses = map.addresses(&index(id));
        addresses.unwrap_or_else(|| panic!("there is no stack {id}"))
    };
    let id = run(fixture, map, "write");
    let kernel = addresses(id);
    assert!(!kernel.is_empty() && kernel.iter().all(|it| is_kernel(*it)), "{kernel:x?}");
    make_room(map, id);
    let id = run(fixture, map, "check");
    let process = addresses(id);
    assert!(process.first().is_some_and(|it| is_code(*it)), "{process:x?}");
    make_room(map, id);
    assert_eq!(run(fixture, map, "write"), run(fixture, map, "write"), "the same stack");
}

/// Checks both stacks in a map whose frames contain build IDs.
pub(crate) fn reads_the_files_of_both_stacks(fixture: &Fixture, map: &impl ReadStacks) {
    let frames = |id| {
        let frames = map.frames(&index(id));
        frames.unwrap_or_else(|| panic!("there is no stack {id}"))
    };
    let id = run(fixture, map, "write");
    let kernel = frames(id);
    let in_kernel = |it: &StackFrame| matches!(it, StackFrame::Address(at) if is_kernel(*at));
    assert!(!kernel.is_empty() && kernel.iter().all(in_kernel), "{kernel:x?}");
    make_room(map, id);
    let process = (0..TRIES).find_map(|_| {
        let id = run(fixture, map, "check");
        // The first frame is the code of this process that made the system call.
        if let Some(StackFrame::File { build_id, offset }) = frames(id).first() {
            return Some((*build_id, *offset));
        }
        // The kernel can't look up files while another thread changes the memory map of the
        // process, so the test tries again.
        map.delete(&index(id));
        None
    });
    let (build_id, offset) = process.expect("the kernel finds the file of the first frame");
    assert!(
        is_code_of(&build_id, offset),
        "no loaded file with the build ID {build_id:x?} contains code at the offset {offset:#x}"
    );
}

/// Runs a program that records a stack, and returns the stack's ID.
fn run(fixture: &Fixture, map: &impl Handle, role: &str) -> u32 {
    let program = fixture.program(&program_of(role, map.name()));
    let output = program.test_run(ProgramInput::default());
    let id = output.expect("BPF_PROG_TEST_RUN runs a raw_tp program (Linux 5.10)").return_value;
    assert!(signed(id) >= 0, "{}: no stack is recorded: {}", map.name(), signed(id));
    id
}

/// Deletes a stack that was read. A map with a single entry does not accept a second stack
/// (`ENOMEM`), even if the second stack has a different ID.
fn make_room(map: &impl ReadStacks, id: u32) {
    assert!(map.delete(&index(id)), "there is no stack {id}");
}

/// The maximum number of times that the test records a stack, until the kernel finds the files.
const TRIES: usize = 1000;

/// Returns whether an address is in the upper half, which belongs to the kernel.
fn is_kernel(address: u64) -> bool {
    address >> 63 == 1
}

/// Returns whether this process can execute the code at an address.
fn is_code(address: u64) -> bool {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("/proc is mounted");
    let covers = |range: &str| {
        let (start, end) = range.split_once('-')?;
        let start = u64::from_str_radix(start, 16).ok()?;
        let end = u64::from_str_radix(end, 16).ok()?;
        Some((start..end).contains(&address))
    };
    // 55d0c0a0e000-55d0c0a0f000 r-xp …
    maps.lines().any(|line| {
        let mut words = line.split(' ');
        words.next().and_then(covers) == Some(true)
            && words.next().is_some_and(|it| it.contains('x'))
    })
}

/// Lets programs record stacks until the map contains one more stack than before. `entries` counts
/// the stacks in the map.
pub(crate) fn record_one_more(map: BorrowedFd<'_>, entries: impl Fn() -> u32) {
    const USER_STACK: u64 = 1 << 8;
    let before = entries();
    // Without its innermost frames, a stack is different, and a different program has a different
    // stack. The ID of a stack is a hash, and a stack whose ID is in use is not kept (`EEXIST`).
    // Stacks are therefore created until one has a free ID.
    let mut programs = vec![];
    for _ in 0..PROGRAMS {
        for flags in (0..8).flat_map(|skipped| [skipped, USER_STACK | skipped]) {
            programs.push(record(map, flags));
            if entries() > before {
                return;
            }
        }
    }
    panic!("no program records a stack");
}

/// The maximum number of programs of each kind that record their stacks. If each stack has one of
/// four IDs, the probability that all kernel stacks have the same ID is less than one in 10^100.
const PROGRAMS: usize = 25;

/// Runs a program that records a stack, and returns the program. `flags` are the flags for
/// `bpf_get_stackid`.
fn record(map: BorrowedFd<'_>, flags: u64) -> OwnedFd {
    const RAW_TRACEPOINT: u32 = 17;
    let fd = u64::from(fd_bits(map.as_raw_fd()));
    let program = load_program(
        RAW_TRACEPOINT,
        &[
            // r2 = the map; r3 = the flags; bpf_get_stackid(r1, r2, r3); exit
            fd << 32 | 0x1218,
            0,
            flags << 32 | 0x03b7,
            27 << 32 | 0x85,
            0x95,
        ],
    );
    let mut options = libbpf_sys::bpf_test_run_opts {
        sz: size_of::<libbpf_sys::bpf_test_run_opts>() as libbpf_sys::size_t,
        ..Default::default()
    };
    // SAFETY: the program has no input and no output.
    let result =
        unsafe { libbpf_sys::bpf_prog_test_run_opts(program.as_raw_fd(), &raw mut options) };
    assert_eq!(result, 0, "a raw_tp program is run (Linux 5.10)");
    program
}
