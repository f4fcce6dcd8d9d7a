//! A test binary whose tests break the guest they run in, for the tests of the harness.
//!
//! It speaks libtest's language by hand, so that it can also break that: the part of its file's
//! name after a dash says how.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;
use std::process::{Command, exit};
use std::time::Duration;

type Test = fn();

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let breaks = args[0].rsplit_once("victim-").map_or("", |(_, how)| how);
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    if has("--list") {
        match breaks {
            "empty" => exit(0),
            "unlisted" => std::process::abort(),
            _ if has("--ignored") => exit(0),
            _ => {}
        }
        for name in tests().keys() {
            println!("{name}: test");
        }
        return;
    }
    let name = args.iter().skip_while(|arg| *arg != "--exact").nth(1).cloned().unwrap_or_default();
    let tests = tests();
    let Some(test) = tests.get(name.as_str()) else {
        println!("test result: ok. 0 passed; 0 failed; 0 ignored;");
        return;
    };
    println!("running 1 test");
    test();
    println!("test result: ok. 1 passed; 0 failed; 0 ignored;");
}

fn tests() -> BTreeMap<&'static str, Test> {
    let tests: [(&'static str, Test); 20] = [
        ("passes", || println!("vmtest:note kernel={}", kernel())),
        ("fails", || exit(101)),
        ("skips", || println!("vmtest:skip for a reason")),
        ("crashes", || std::process::abort()),
        ("exits_early", || exit(0)),
        ("sleeps", || std::thread::sleep(Duration::from_hours(1))),
        ("eats_memory", eat_memory),
        ("fails_at_first", fail_at_first),
        ("leaves_a_child", leave_a_child),
        ("panics", || write("/proc/sysrq-trigger", "c")),
        ("runs_out_of_memory", || {
            write("/proc/sys/vm/panic_on_oom", "2");
            eat_memory();
        }),
        ("powers_off", || write("/proc/sysrq-trigger", "o")),
        ("resets", || write("/proc/sysrq-trigger", "b")),
        ("kills_init", kill_init),
        ("freezes_init", freeze_init),
        ("leaves_through_the_debug_port", leave_through_the_debug_port),
        ("writes_into_the_results", || write("/dev/ttyS1", "nonsense")),
        ("loads_a_module", load_a_module),
        ("warns", || write("/dev/kmsg", "WARNING: CPU: 0 PID: 1 at kernel/nowhere.c:1 nothing")),
        ("splats", || write("/dev/kmsg", "WARNING: possible circular locking dependency detected")),
    ];
    tests.into_iter().collect()
}

fn kernel() -> String {
    std::env::var("VMTEST_KERNEL").unwrap()
}

fn write(path: &str, text: &str) {
    let mut file = OpenOptions::new().write(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    // What this set off may take a moment, and the test must not be over before.
    std::thread::sleep(Duration::from_millis(if path == "/dev/kmsg" { 0 } else { 5000 }));
}

fn eat_memory() {
    let mut hoard = Vec::new();
    loop {
        hoard.push(vec![1_u8; 1 << 20]);
    }
}

fn fail_at_first() {
    if !fs::exists("/tmp/second").unwrap() {
        fs::write("/tmp/second", "").unwrap();
        exit(101);
    }
}

/// Does what init does when all is said, without having said it.
fn leave_through_the_debug_port() {
    // SAFETY: ioperm takes plain numbers; the output instruction touches no memory.
    unsafe {
        assert_eq!(libc::ioperm(0xf4, 4, 1), 0);
        core::arch::asm!("out dx, al", in("dx") 0xf4_u16, in("al") 0x10_u8);
    }
}

/// Loads the module that lies at `/module.ko`.
fn load_a_module() {
    let file = File::open("/module.ko").unwrap();
    // SAFETY: the parameters are a string that lives as long as the call.
    let loaded =
        unsafe { libc::syscall(libc::SYS_finit_module, file.as_raw_fd(), c"".as_ptr(), 0) };
    assert_eq!(loaded, 0, "{}", std::io::Error::last_os_error());
}

/// A child that holds the output open must not hold the guest up.
fn leave_a_child() {
    let mut child = Command::new("/proc/self/exe").args(["--exact", "sleeps"]).spawn().unwrap();
    assert!(child.try_wait().unwrap().is_none());
}

/// Fills the stack of the first process, which then returns to nowhere.
fn kill_init() {
    let maps = fs::read_to_string("/proc/1/maps").unwrap();
    let stack = maps.lines().find(|line| line.ends_with("[stack]")).unwrap();
    let (start, end) = stack.split_whitespace().next().unwrap().split_once('-').unwrap();
    let [start, end] = [start, end].map(|text| u64::from_str_radix(text, 16).unwrap());
    let memory = File::options().write(true).open("/proc/1/mem").unwrap();
    let length = usize::try_from(end - start).unwrap();
    memory.write_all_at(&vec![0x41; length], start).unwrap();
    std::thread::sleep(Duration::from_mins(1));
}

/// Freezes the first process: the guest lives, but says nothing more.
fn freeze_init() {
    fs::create_dir("/sys/fs/cgroup/ice").unwrap();
    fs::write("/sys/fs/cgroup/ice/cgroup.procs", "1").unwrap();
    fs::write("/sys/fs/cgroup/ice/cgroup.freeze", "1").unwrap();
    std::thread::sleep(Duration::from_hours(1));
}
