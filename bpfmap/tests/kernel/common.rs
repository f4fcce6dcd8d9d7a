//! What the tests share.

use bpfmap::{Error, ErrorKind, Map, MapSpec};
use std::ffi::{CStr, c_long};
use std::os::fd::AsRawFd;

/// The kernel's own `ENOTSUPP`.
pub(crate) const ENOTSUPP: i32 = 524;

/// Writes a spec down: `spec!(Name: Kind, u32 as U32 => u64 as U64, max 10, flags …)`.
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

/// Returns the release of the running kernel: `(6, 12)`.
pub(crate) fn kernel() -> (u32, u32) {
    // SAFETY: all zero is a `utsname`.
    let mut name: libc::utsname = unsafe { core::mem::zeroed() };
    // SAFETY: there is room for a `utsname`.
    assert_eq!(unsafe { libc::uname(&raw mut name) }, 0);
    // SAFETY: the kernel ends it with a zero.
    let release = unsafe { CStr::from_ptr(name.release.as_ptr()) }.to_str().unwrap();
    let mut numbers =
        release.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

/// Makes the map; up to Linux 5.10 that needs room under `RLIMIT_MEMLOCK`.
pub(crate) fn create<S: MapSpec>() -> Map<S> {
    raise_memlock();
    Map::create().unwrap()
}

/// Makes room for maps, where the limit counts: up to Linux 5.10.
pub(crate) fn raise_memlock() {
    if kernel() < (5, 11) {
        set_memlock(libc::RLIM_INFINITY, libc::RLIM_INFINITY);
    }
}

/// Sets `RLIMIT_MEMLOCK`.
pub(crate) fn set_memlock(now: libc::rlim_t, most: libc::rlim_t) {
    let limit = libc::rlimit { rlim_cur: now, rlim_max: most };
    // SAFETY: reads the struct.
    let set = unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const limit) };
    assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
}

/// Keeps this thread on a processor.
pub(crate) fn stay_on(cpu: usize) {
    // SAFETY: all zero is an empty set.
    let mut set = unsafe { core::mem::zeroed() };
    // SAFETY: the number of a processor, and a set to put it in.
    unsafe { libc::CPU_SET(cpu, &mut set) };
    // SAFETY: the set is as long as stated.
    let stays = unsafe { libc::sched_setaffinity(0, size_of_val(&set), &raw const set) };
    assert_eq!(stays, 0, "{}", std::io::Error::last_os_error());
}

/// Keeps this thread on the last processor, where tests are put only if they ask for it.
pub(crate) fn stay_on_another_cpu() {
    // SAFETY: a plain number.
    let cpus = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) };
    stay_on(usize::try_from(cpus).unwrap() - 1);
}

/// Gives up root in this thread alone, and says what `attempt` says then.
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
            // The bare calls: libc's would change every thread.
            // SAFETY: the user ids are no addresses.
            let changed = unsafe { libc::syscall(libc::SYS_setresuid, 65534, 65534, 65534) };
            assert_eq!(changed, 0);
            // SAFETY: the structs are as long as the version says.
            let dropped =
                unsafe { libc::syscall(libc::SYS_capset, &raw const header, none.as_ptr()) };
            assert_eq!(dropped, 0);
            attempt()
        });
        thread.join().unwrap()
    })
}

/// `kernel.unprivileged_bpf_disabled`: 0 lets anyone create the simplest map types.
pub(crate) fn anyone_may() -> bool {
    std::fs::read_to_string("/proc/sys/kernel/unprivileged_bpf_disabled")
        .is_ok_and(|text| text.trim() == "0")
}

/// Returns the errno of a failure.
#[track_caller]
pub(crate) fn errno<T: core::fmt::Debug>(result: Result<T, Error>) -> i32 {
    result.expect_err("should be refused").errno().expect("a system call that failed")
}

/// Returns the difference that opening finds.
#[track_caller]
pub(crate) fn mismatch<T: core::fmt::Debug>(result: Result<T, Error>) -> String {
    let error = result.expect_err("should be refused");
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
    error.to_string()
}

/// Returns an operation that the typed handle doesn't have: the errno of the bare system call on one element, 0 if it
/// works.
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
    // A deletion with a value or flags is EINVAL, whatever the map.
    let value = if command == DELETE { 0 } else { value.as_mut_ptr().expose_provenance() };
    let attr = Attr { map_fd: fd_bits(map), key: key_address as u64, value: value as u64, flags };
    // SAFETY: key and value are as long as those of the maps that come here.
    let result =
        unsafe { libc::syscall(libc::SYS_bpf, command, &raw const attr, size_of::<Attr>()) };
    if result == 0 { 0 } else { std::io::Error::last_os_error().raw_os_error().unwrap() }
}

/// Returns a descriptor as attributes of `bpf(2)` hold it.
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
