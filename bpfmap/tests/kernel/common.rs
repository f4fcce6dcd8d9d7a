//! Helpers that the tests share.

use bpfmap::{Error, ErrorKind, Map, MapSpec};
use std::ffi::{CStr, c_long};
use std::os::fd::AsRawFd;

/// The kernel's own `ENOTSUPP`.
pub(crate) const ENOTSUPP: i32 = 524;

/// Declares a spec: `spec!(Name: Kind, u32 as U32 => u64 as U64, max 10, flags …)`.
#[macro_export]
macro_rules! spec {
    ($name:ident: $kind:ident, $key:ty as $key_layout:expr => $value:ty as $value_layout:expr, max $max:expr
        $(, $field:ident = $content:expr)*) => {
        enum $name {}
        impl bpfmap::MapSpec for $name {
            type Kind = bpfmap::kind::$kind;
            type Key = $key;
            type Value = $value;
            const DEF: bpfmap::MapDef<'static> = bpfmap::kind::$kind::def(stringify!($name), $key_layout, $value_layout)
                .max_entries($max)
                $(.$field($content))*;
        }
    };
}

/// Returns the release of the running kernel, such as `(6, 12)`.
pub(crate) fn kernel() -> (u32, u32) {
    // SAFETY: all zero bytes are a valid `utsname`.
    let mut name: libc::utsname = unsafe { core::mem::zeroed() };
    // SAFETY: there is space for a `utsname`.
    assert_eq!(unsafe { libc::uname(&raw mut name) }, 0);
    // SAFETY: the kernel ends the release with a zero.
    let release = unsafe { CStr::from_ptr(name.release.as_ptr()) }.to_str().unwrap();
    let mut numbers =
        release.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

/// Creates the map. Up to Linux 5.10, the map must fit into `RLIMIT_MEMLOCK`, so this raises the
/// limit first.
pub(crate) fn create<S: MapSpec>() -> Map<S> {
    raise_memlock();
    Map::create().unwrap()
}

/// Raises the memory limit for maps, which applies up to Linux 5.10.
pub(crate) fn raise_memlock() {
    if kernel() < (5, 11) {
        set_memlock(libc::RLIM_INFINITY, libc::RLIM_INFINITY);
    }
}

/// Sets `RLIMIT_MEMLOCK`.
pub(crate) fn set_memlock(now: libc::rlim_t, most: libc::rlim_t) {
    let limit = libc::rlimit { rlim_cur: now, rlim_max: most };
    // SAFETY: the struct is only read.
    let set = unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const limit) };
    assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
}

/// Binds this thread to a CPU.
pub(crate) fn stay_on(cpu: usize) {
    // SAFETY: all zero bytes are an empty set.
    let mut set = unsafe { core::mem::zeroed() };
    // SAFETY: the function only sets the bit of the CPU in the set.
    unsafe { libc::CPU_SET(cpu, &mut set) };
    // SAFETY: the set has the given size, and is only read.
    let stays = unsafe { libc::sched_setaffinity(0, size_of_val(&set), &raw const set) };
    assert_eq!(stays, 0, "{}", std::io::Error::last_os_error());
}

/// Binds this thread to the last CPU. Only tests that request it run there.
pub(crate) fn stay_on_another_cpu() {
    // SAFETY: no address is passed.
    let cpus = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) };
    stay_on(usize::try_from(cpus).unwrap() - 1);
}

/// Runs `attempt` in a thread that has given up root, and returns its result.
pub(crate) fn unprivileged<T: Send>(attempt: impl FnOnce() -> T + Send) -> T {
    /// `struct __user_cap_header_struct` and `struct __user_cap_data_struct[2]` of `linux/capability.h`.
    #[repr(C)]
    struct Header {
        version: u32,
        pid: i32,
    }
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || {
            let header = Header { version: 0x2008_0522, pid: 0 };
            let none = [0_u32; 6];
            // These are direct system calls, because the functions of libc would change every
            // thread. SAFETY: the user ids are numbers, and no address is passed.
            let changed = unsafe { libc::syscall(libc::SYS_setresuid, 65534, 65534, 65534) };
            assert_eq!(changed, 0);
            // SAFETY: the structs have the sizes that belong to the version.
            let dropped =
                unsafe { libc::syscall(libc::SYS_capset, &raw const header, none.as_ptr()) };
            assert_eq!(dropped, 0);
            attempt()
        });
        thread.join().unwrap()
    })
}

/// `kernel.unprivileged_bpf_disabled`: 0 lets every process create the simplest map types.
pub(crate) fn anyone_may() -> bool {
    std::fs::read_to_string("/proc/sys/kernel/unprivileged_bpf_disabled")
        .is_ok_and(|text| text.trim() == "0")
}

/// Returns the errno of a failure.
#[track_caller]
pub(crate) fn errno<T: core::fmt::Debug>(result: Result<T, Error>) -> i32 {
    result.expect_err("should be refused").errno().expect("a system call that failed")
}

/// Returns the message of a mismatch that opening found.
#[track_caller]
pub(crate) fn mismatch<T: core::fmt::Debug>(result: Result<T, Error>) -> String {
    let error = result.expect_err("should be refused");
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
    error.to_string()
}

/// Runs an operation on one element that the typed handle doesn't have. Returns the errno of the
/// system call, or 0 if the call succeeds.
pub(crate) fn bare<S: MapSpec>(map: &Map<S>, command: c_long, key: Option<u32>, flags: u64) -> i32 {
    #[repr(C)]
    struct Attr {
        map_fd: u32,
        key: u64,
        value: u64,
        flags: u64,
    }
    let mut value = [0_u8; 4096];
    let key_address = key.as_ref().map_or(0, |key| core::ptr::from_ref(key).expose_provenance());
    // A deletion with a value or flags fails with `EINVAL` for every map.
    let value = if command == DELETE { 0 } else { value.as_mut_ptr().expose_provenance() };
    let attr = Attr { map_fd: fd_bits(map), key: key_address as u64, value: value as u64, flags };
    // SAFETY: key and value have at least the sizes in the maps of the callers.
    let result =
        unsafe { libc::syscall(libc::SYS_bpf, command, &raw const attr, size_of::<Attr>()) };
    if result == 0 { 0 } else { std::io::Error::last_os_error().raw_os_error().unwrap() }
}

/// Returns a descriptor in the form that the attributes of `bpf(2)` contain.
pub(crate) fn fd_bits(fd: &impl AsRawFd) -> u32 {
    u32::try_from(fd.as_raw_fd()).expect("the descriptor is open")
}

pub(crate) const LOOKUP: c_long = 1;
pub(crate) const UPDATE: c_long = 2;
pub(crate) const DELETE: c_long = 3;
pub(crate) const NEXT_KEY: c_long = 4;
pub(crate) const TAKE: c_long = 21;

/// `BPF_F_LOCK`
pub(crate) const F_LOCK: u64 = 4;
