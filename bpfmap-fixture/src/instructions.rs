//! Instruction arrays: the kernel fills them in when a program is loaded.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use libbpf_rs::libbpf_sys;

use crate::{MapFixture, Subject};
use bpfmap::{InsnOffsets, MapSpec, UpdateMode};

/// Asserts that the offsets of a program's instructions are found in the map once the program is
/// loaded: what the verifier left where it was, and where the JIT put it.
///
/// # Panics
///
/// When an offset differs, or the kernel fails.
pub fn finds_the_instructions_of_a_program<S>(fixture: &MapFixture<'_>)
where
    S: MapSpec<Kind = bpfmap::kind::InsnArray, Value = InsnOffsets>,
{
    if crate::is_refused::<S>(fixture) {
        return;
    }
    let map = Subject::map::<S>(fixture);
    for index in 0..map.max_entries() {
        map.update(&crate::index(index), &InsnOffsets::of(index), UpdateMode::Any)
            .unwrap_or_else(|error| panic!("{error}"));
    }
    map.freeze().unwrap_or_else(|error| panic!("{error}"));
    let program = load(map.as_fd(), map.max_entries());
    let mut last = None;
    for index in 0..map.max_entries() {
        let found = map.lookup(&crate::index(index)).unwrap_or_else(|error| panic!("{error}"));
        let found = found.unwrap_or_else(|| panic!("{}: index {index} is not there", S::DEF.name));
        assert_eq!((found.orig_off, found.xlated_off), (index, index));
        assert!(Some(found.jitted_off) > last, "instruction {index}: {found:?} after {last:?}");
        last = Some(found.jitted_off);
    }
    drop(program);
}

/// Loads a program of `len` instructions that do nothing, then those that return.
fn load(map: BorrowedFd<'_>, len: u32) -> OwnedFd {
    /// `r0 = 0` and `exit`, `include/linux/filter.h`.
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
    // SAFETY: as many instructions as are said, an array of one descriptor, and a text that ends with NUL.
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
    // SAFETY: the kernel just made it for us.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

const fn instruction(code: u8) -> libbpf_sys::bpf_insn {
    // SAFETY: plain integers.
    let mut instruction: libbpf_sys::bpf_insn = unsafe { std::mem::zeroed() };
    instruction.code = code;
    instruction
}
