//! Programs in a `prog_array`.

use crate::common::{self, DELETE, LOOKUP, TAKE, UPDATE, bare, errno};
use crate::spec;
use bpfmap::TypeDesc;
use bpfmap::{Action, Map, ProgramFd};
use std::ffi::{c_int, c_long};
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

spec!(Jumps: ProgArray, u32 as TypeDesc::U32 => u32 as TypeDesc::U32, max 4);

/// `BPF_PROG_TYPE_SOCKET_FILTER` and `BPF_PROG_TYPE_SCHED_CLS`.
pub(crate) const SOCKET_FILTER: u32 = 1;
const SCHED_CLS: u32 = 3;

/// Returns a socket filter that returns 0.
pub(crate) fn socket_filter() -> OwnedFd {
    program(SOCKET_FILTER)
}

/// Returns a program that returns 0.
fn program(program_type: u32) -> OwnedFd {
    // r0 = 0; exit
    load(program_type, &[0xb7, 0x95])
}

pub(crate) fn load(program_type: u32, instructions: &[u64]) -> OwnedFd {
    /// The start of `union bpf_attr` for `BPF_PROG_LOAD`.
    #[repr(C)]
    struct Attr {
        prog_type: u32,
        insn_cnt: u32,
        insns: u64,
        license: u64,
        log: [u64; 2],
    }
    const PROG_LOAD: c_long = 5;
    common::raise_memlock();
    let attr = Attr {
        prog_type: program_type,
        insn_cnt: u32::try_from(instructions.len()).unwrap(),
        insns: instructions.as_ptr().expose_provenance() as u64,
        license: c"GPL".as_ptr().expose_provenance() as u64,
        log: [0; 2],
    };
    // SAFETY: the instructions and the license are only read.
    let fd = unsafe {
        libc::syscall(libc::SYS_bpf, PROG_LOAD, core::ptr::from_ref(&attr), size_of::<Attr>())
    };
    assert!(fd >= 0, "{}", std::io::Error::last_os_error());
    // SAFETY: the kernel just returned this new descriptor.
    unsafe { OwnedFd::from_raw_fd(c_int::try_from(fd).unwrap()) }
}

#[test]
fn a_slot_stores_a_program_and_returns_its_id() {
    let jumps: Map<Jumps> = common::create();
    let (one, two) = (program(SOCKET_FILTER), program(SOCKET_FILTER));
    assert_eq!(jumps.get(&0).unwrap(), None);
    jumps.set(&0, ProgramFd::new(one.as_fd())).unwrap();
    let first = jumps.get(&0).unwrap().unwrap();
    jumps.set(&0, ProgramFd::new(two.as_fd())).unwrap();
    let second = jumps.get(&0).unwrap().unwrap();
    assert_ne!(first, second);
    assert_eq!(first.to_string(), first.get().to_string());

    // The map keeps the program alive after its descriptor is closed.
    jumps.set(&3, ProgramFd::new(one.as_fd())).unwrap();
    drop(one);
    assert_eq!(jumps.get(&3).unwrap(), Some(first));
    assert_eq!(jumps.get(&4).unwrap(), None, "out of range");
}

#[test]
fn slots_are_walked_and_emptied() {
    let jumps: Map<Jumps> = common::create();
    let program = program(SOCKET_FILTER);
    for slot in [1, 3] {
        jumps.set(&slot, ProgramFd::new(program.as_fd())).unwrap();
    }
    let keys: Vec<u32> = jumps.keys().collect::<Result<_, _>>().unwrap();
    assert_eq!(keys, [0, 1, 2, 3], "each slot is a key, even an empty slot");
    let id = jumps.get(&1).unwrap().unwrap();
    let held: Vec<_> = jumps.objects().collect::<Result<_, _>>().unwrap();
    assert_eq!(held, [(1, id), (3, id)]);

    assert!(jumps.delete(&1).unwrap());
    assert!(!jumps.delete(&1).unwrap(), "an empty slot");
    assert_eq!(errno(jumps.delete(&4)), libc::E2BIG);
    assert_eq!(jumps.clear().unwrap(), 1);
    assert_eq!(jumps.objects().count(), 0);
}

#[test]
fn many_empty_slots_do_not_count_as_a_disturbance() {
    spec!(Sparse: ProgArray, u32 as TypeDesc::U32 => u32 as TypeDesc::U32, max 3000);
    let sparse: Map<Sparse> = common::create();
    assert_eq!(sparse.objects().count(), 0);
    sparse.set(&2999, ProgramFd::new(program(SOCKET_FILTER).as_fd())).unwrap();
    let held: Vec<_> = sparse.objects().collect::<Result<_, _>>().unwrap();
    assert_eq!(held, [(2999, sparse.get(&2999).unwrap().unwrap())]);
}

#[test]
fn a_descriptor_that_is_not_a_program_of_the_maps_type_is_refused() {
    let jumps: Map<Jumps> = common::create();
    let filter = program(SOCKET_FILTER);
    assert_eq!(errno(jumps.set(&4, ProgramFd::new(filter.as_fd()))), libc::E2BIG);

    // SAFETY: this number is not an open descriptor, and it is never closed.
    let closed = unsafe { BorrowedFd::borrow_raw(1 << 20) };
    assert_eq!(errno(jumps.set(&0, ProgramFd::new(closed))), libc::EBADF);

    let file = File::open("/proc/self/exe").unwrap();
    let error = jumps.set(&0, ProgramFd::new(file.as_fd())).unwrap_err();
    assert_eq!((error.errno(), error.action()), (Some(libc::EINVAL), Action::Update));
    assert!(error.to_string().contains("the descriptor is not a program"), "{error}");

    // The first program determines which other programs are accepted.
    jumps.set(&0, ProgramFd::new(filter.as_fd())).unwrap();
    let other = program(SCHED_CLS);
    assert_eq!(errno(jumps.set(&1, ProgramFd::new(other.as_fd()))), libc::EINVAL);
    assert_eq!(jumps.get(&1).unwrap(), None);
}

#[test]
fn the_kernel_refuses_operations_that_the_handle_lacks() {
    let jumps: Map<Jumps> = common::create();
    for flags in [1, 2, 3, 1 << 40] {
        assert_eq!(bare(&jumps, UPDATE, Some(0), flags), libc::EINVAL, "flags {flags}");
        // The kernel checks the flags first.
        assert_eq!(bare(&jumps, UPDATE, Some(4), flags), libc::EINVAL, "flags {flags}");
    }
    assert_eq!(bare(&jumps, LOOKUP, Some(0), 0), libc::ENOENT);
    assert_eq!(bare(&jumps, DELETE, Some(0), 0), libc::ENOENT);
    assert_eq!(bare(&jumps, TAKE, Some(0), 0), common::ENOTSUPP);
}

/// A program that uses the map keeps the map alive, but not its entries.
#[test]
fn closing_the_last_descriptor_empties_the_map() {
    let jumps: Map<Jumps> = common::create();
    jumps.set(&1, ProgramFd::new(program(SOCKET_FILTER).as_fd())).unwrap();
    // r2 = the map; r0 = 0; exit
    let descriptor = u64::try_from(jumps.as_raw_fd()).unwrap();
    let user = load(SOCKET_FILTER, &[0x1218 | descriptor << 32, 0, 0xb7, 0x95]);
    let id = jumps.info().unwrap().id;
    drop(jumps);

    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let jumps = Map::<Jumps>::from_id(id).unwrap();
        if jumps.get(&1).unwrap().is_none() {
            break;
        }
        assert!(Instant::now() < end, "the map still has its program");
        std::thread::sleep(Duration::from_millis(1));
    }
    drop(user);
}
