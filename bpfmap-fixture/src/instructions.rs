//! Steps for instruction arrays, which the kernel fills when it loads a program.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use libbpf_rs::libbpf_sys;

use crate::declaration::Declaration;
use crate::handle::{Handle as _, LookUp, Update};
use crate::{Answer, MapFixture, Subject, index, raw};
use bpfmap::{InsnOffsets, bytes_of, from_bytes};

/// Checks that the map contains the offsets of a program's instructions after the kernel has loaded
/// the program.
pub(crate) fn finds_the_instructions_of_a_program<D>(declaration: &D, fixture: &MapFixture<'_>)
where
    D: Declaration<Map: LookUp + Update>,
{
    if crate::is_refused_map(declaration, fixture) {
        return;
    }
    let map = Subject::map(declaration, fixture);
    for number in 0..map.max_entries() {
        map.update(&index(number), bytes_of(&InsnOffsets::of(number)));
    }
    assert_eq!(raw::freeze(map.as_fd()), Answer::OK, "{}: the map can be frozen", map.name());
    let program = load(map.as_fd(), map.max_entries());
    let mut last = None;
    for number in 0..map.max_entries() {
        let found = map.lookup(&index(number), 0);
        let found = found.unwrap_or_else(|| panic!("{}: no index {number}", map.name()));
        let found: InsnOffsets = from_bytes(&found).expect("a value is an offset");
        assert_eq!((found.orig_off, found.xlated_off), (number, number));
        assert!(Some(found.jitted_off) > last, "instruction {number}: {found:?} after {last:?}");
        last = Some(found.jitted_off);
    }
    drop(program);
}

/// Loads a program that consists of `len` instructions that have no effect, followed by a return.
fn load(map: BorrowedFd<'_>, len: u32) -> OwnedFd {
    /// `r0 = 0` and `exit` (`include/linux/filter.h`).
    const R0_IS_0: libbpf_sys::bpf_insn = instruction(0xb7);
    const EXIT: libbpf_sys::bpf_insn = instruction(0x95);
    let mut instructions = vec![R0_IS_0; len as usize];
    instructions.push(EXIT);
    let maps = [map.as_raw_fd()];
    let options = libbpf_sys::bpf_prog_load_opts {
        sz: size_of::<libbpf_sys::bpf_prog_load_opts>() as libbpf_sys::size_t,
        fd_array: maps.as_ptr(),
        fd_array_cnt: 1,
        ..Default::default()
    };
    let license = CString::new("GPL").expect("no NUL");
    // SAFETY: the lengths match the instructions and the descriptors, and the text ends with a zero
    // byte.
    let fd = unsafe {
        libbpf_sys::bpf_prog_load(
            libbpf_sys::BPF_PROG_TYPE_SOCKET_FILTER,
            std::ptr::null(),
            license.as_ptr(),
            instructions.as_ptr(),
            instructions.len() as libbpf_sys::size_t,
            (&raw const options).cast_mut(),
        )
    };
    assert!(fd >= 0, "the kernel refuses the program: errno {}", -fd);
    // SAFETY: the kernel has just created this descriptor, and nothing else owns it.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

const fn instruction(code: u8) -> libbpf_sys::bpf_insn {
    // SAFETY: all members are integers.
    let mut instruction: libbpf_sys::bpf_insn = unsafe { std::mem::zeroed() };
    instruction.code = code;
    instruction
}
