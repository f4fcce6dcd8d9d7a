//! Creates kernel objects that maps can contain.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

use crate::cgroup::Cgroup2;
use crate::values::MakeValues;
use bpfmap::{LiveMap, MapDef};
use libbpf_rs::libbpf_sys;

/// Kernel objects, which are identified by numbers. Each object is created when it is first needed.
pub(crate) struct Objects {
    make: Box<dyn Fn() -> Object>,
    made: RefCell<BTreeMap<u32, Object>>,
    value_size: usize,
}

/// A kernel object, and the number that a lookup returns for it. The number is `None` if a lookup
/// does not return the object.
pub(crate) struct Object {
    pub(crate) fd: OwnedFd,
    pub(crate) shown: Option<u32>,
}

impl Objects {
    /// Returns objects that `make` creates. `value_size` is the size in bytes of a value that
    /// contains an object.
    pub(crate) fn new(value_size: usize, make: impl Fn() -> Object + 'static) -> Self {
        Self { make: Box::new(make), made: RefCell::default(), value_size }
    }

    /// Returns programs. A lookup returns the ID of a program.
    pub(crate) fn programs(value_size: usize) -> Self {
        Self::new(value_size, || Object::shown_by_id(program()))
    }

    /// Returns inner maps for a map of maps. A lookup returns the ID of an inner map.
    pub(crate) fn maps(value_size: usize, inner: &'static MapDef<'static>) -> Self {
        Self::new(value_size, move || {
            Object::shown_by_id(
                LiveMap::create(inner).unwrap_or_else(|error| panic!("{error}")).into(),
            )
        })
    }

    /// Returns cgroups. A lookup does not return a cgroup.
    pub(crate) fn cgroups(value_size: usize) -> Self {
        let hierarchy = Cgroup2::mount();
        Self::new(value_size, move || Object { fd: hierarchy.root().into(), shown: None })
    }

    /// Returns perf events. A lookup does not return a perf event.
    pub(crate) fn perf_events(value_size: usize) -> Self {
        Self::new(value_size, || Object { fd: perf_event(), shown: None })
    }

    fn with<T>(&self, number: u32, take: impl FnOnce(&Object) -> T) -> T {
        take(self.made.borrow_mut().entry(number).or_insert_with(&self.make))
    }

    /// Returns a value that starts with a number.
    fn value(&self, number: [u8; 4]) -> Vec<u8> {
        let mut value = vec![0; self.value_size];
        value[..4].copy_from_slice(&number);
        value
    }
}

impl MakeValues for Objects {
    fn written(&self, number: u32) -> Vec<u8> {
        self.value(self.with(number, |object| object.fd.as_raw_fd()).to_ne_bytes())
    }

    fn shown(&self, number: u32) -> Option<Vec<u8>> {
        self.with(number, |object| object.shown).map(|id| self.value(id.to_ne_bytes()))
    }
}

impl Object {
    /// Returns an object whose ID a lookup returns.
    pub(crate) fn shown_by_id(fd: OwnedFd) -> Self {
        let id = id(fd.as_fd());
        Self { fd, shown: Some(id) }
    }
}

/// Returns the ID of a map or a program. The ID is the second number in the info struct of a map
/// and of a program.
pub(crate) fn id(object: BorrowedFd<'_>) -> u32 {
    let mut info = [0_u32; 2];
    let mut size = 8;
    // SAFETY: the kernel writes no more than `size` bytes.
    let result = unsafe {
        let info = info.as_mut_ptr().cast();
        libbpf_sys::bpf_obj_get_info_by_fd(object.as_raw_fd(), info, &raw mut size)
    };
    assert_eq!(result, 0, "the kernel does not return the info of the object");
    info[1]
}

/// Returns a perf event that receives the events of programs on the first CPU.
fn perf_event() -> OwnedFd {
    let mut attributes = libbpf_sys::perf_event_attr {
        type_: libbpf_sys::PERF_TYPE_SOFTWARE,
        size: u32::try_from(size_of::<libbpf_sys::perf_event_attr>()).expect("some bytes"),
        config: libbpf_sys::PERF_COUNT_SW_BPF_OUTPUT.into(),
        sample_type: libbpf_sys::PERF_SAMPLE_RAW.into(),
        ..Default::default()
    };
    let (process, cpu, group) = (-1, 0, -1);
    // SAFETY: the attributes have the size that they state.
    let fd = unsafe {
        let attributes = &raw mut attributes;
        libc::syscall(libc::SYS_perf_event_open, attributes, process, cpu, group, 0)
    };
    assert!(fd >= 0, "can't open a perf event: {}", std::io::Error::last_os_error());
    // SAFETY: the kernel has just created this descriptor, and nothing else owns it.
    unsafe { OwnedFd::from_raw_fd(i32::try_from(fd).expect("a descriptor")) }
}

/// Returns a program that returns 0.
fn program() -> OwnedFd {
    const SOCKET_FILTER: u32 = 1;
    // r0 = 0; exit
    load_program(SOCKET_FILTER, &[0xb7, 0x95])
}

/// Loads a program of the type `prog_type` that consists of `instructions`.
pub(crate) fn load_program(prog_type: u32, instructions: &[u64]) -> OwnedFd {
    // SAFETY: the pointer and the length describe the instructions, each of which has 8 bytes, and
    // the text ends with a zero byte.
    let fd = unsafe {
        libbpf_sys::bpf_prog_load(
            prog_type,
            std::ptr::null(),
            c"GPL".as_ptr(),
            instructions.as_ptr().cast(),
            instructions.len() as libbpf_sys::size_t,
            std::ptr::null_mut(),
        )
    };
    assert!(fd >= 0, "the kernel does not load a small program: errno {}", -fd);
    // SAFETY: the kernel has just created this descriptor, and nothing else owns it.
    unsafe { OwnedFd::from_raw_fd(fd) }
}
