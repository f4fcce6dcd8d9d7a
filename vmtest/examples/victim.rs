//! A test binary whose tests break the guest in which they run. The tests of the harness use this
//! binary.
//!
//! The binary implements libtest's protocol itself, so that it can also violate this protocol. The
//! part of the binary's file name after `victim-` selects the violation.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;
use std::process::{Command, exit};
use std::time::Duration;

type Test = fn();

const WARNING: &str = "<4>WARNING: CPU: 0 PID: 1 at kernel/nowhere.c:1 nothing";

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

/// The serial port for results.
const RESULTS_PORT: &str = if cfg!(target_arch = "x86_64") { "/dev/ttyS1" } else { "/dev/ttyS0" };

fn tests() -> BTreeMap<&'static str, Test> {
    let tests: &[(&'static str, Test)] = &[
        ("passes", || println!("vmtest:note kernel={}", kernel())),
        ("fails", || exit(101)),
        ("skips", || println!("vmtest:skip for a reason")),
        ("crashes", || std::process::abort()),
        ("exits_early", || exit(0)),
        ("sleeps", || std::thread::sleep(Duration::from_secs(60 * 60))),
        ("eats_memory", eat_memory),
        ("fills_the_file_system", fill_the_file_system),
        ("needs_space", || fs::write("/tmp/space", [1; 16 << 10]).expect("there is space")),
        ("fails_at_first", fail_at_first),
        ("leaves_a_child", leave_a_child),
        ("meets_the_second", || meet("first", "second")),
        ("meets_the_first", || meet("second", "first")),
        ("panics", || write("/proc/sysrq-trigger", "c")),
        ("runs_out_of_memory", || {
            write("/proc/sys/vm/panic_on_oom", "2");
            eat_memory();
        }),
        ("powers_off", || write("/proc/sysrq-trigger", "o")),
        ("resets", || write("/proc/sysrq-trigger", "b")),
        ("kills_init", kill_init),
        ("freezes_init", freeze_init),
        ("ends_the_guest", end_the_guest),
        ("writes_into_the_results", || write(RESULTS_PORT, "nonsense")),
        ("loads_a_module", load_a_module),
        ("warns", || write("/dev/kmsg", WARNING)),
        ("warns_below_the_level", || {
            fs::write("/proc/sys/kernel/printk", "1").unwrap();
            write("/dev/kmsg", WARNING);
        }),
        ("warns_in_a_line_of_the_console", || {
            let mut console = OpenOptions::new().write(true).open("/dev/console").unwrap();
            console.write_all(b"half a line").unwrap();
            rustix::termios::tcdrain(&console).unwrap();
            write("/dev/kmsg", WARNING);
        }),
        ("warns_where_nobody_sees_it", || {
            fs::write("/sys/module/printk/parameters/ignore_loglevel", "N").unwrap();
            fs::write("/proc/sys/kernel/printk", "1").unwrap();
            // WARN sets this bit of the taint. A program can set a bit, but never clear one.
            fs::write("/proc/sys/kernel/tainted", "512").unwrap();
        }),
        ("forges_its_end", || {
            let end = r#"{"type":"test-ended","binary":99,"test":"x","status":{"exited":0},"seconds":1.0,"oom_kills":0,"taint":0,"full":false}"#;
            forge(end);
        }),
        ("forges_a_test_of_no_binary", || {
            forge(r#"{"type":"test-started","binary":99,"test":"x","attempt":0}"#);
        }),
        ("forges_the_last_record", || {
            forge(r#"{"type":"end","records":5}"#);
            end_the_guest();
        }),
        ("cannot_reach_init", cannot_reach_init),
        #[cfg(target_arch = "x86_64")]
        ("writes_to_a_port", || out(0x514, 0)),
        ("is_privileged", || assert!(File::open("/proc/1/mem").is_ok())),
        ("splats", || write("/dev/kmsg", "WARNING: possible circular locking dependency detected")),
    ];
    tests.iter().copied().collect()
}

/// Waits for another test, which must run at the same time.
fn meet(own: &str, other: &str) {
    println!("here is the {own}");
    fs::write(format!("/tmp/meeting-{own}"), "").unwrap();
    let met = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        fs::exists(format!("/tmp/meeting-{other}")).unwrap()
    });
    assert!(met, "the {other} did not come");
}

fn kernel() -> String {
    std::env::var("VMTEST_KERNEL").unwrap()
}

fn write(path: &str, text: &str) {
    let mut file = OpenOptions::new().write(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    // The write may take effect only after a moment, and the test must not end before that.
    std::thread::sleep(Duration::from_millis(if path == "/dev/kmsg" { 0 } else { 5000 }));
}

/// Writes to a file until a write fails, and does not delete the file.
fn fill_the_file_system() {
    let mut file = File::create("/tmp/large").unwrap();
    let data = vec![1; 1 << 20];
    while let Ok(()) = file.write_all(&data) {}
    exit(101);
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

/// Ends the machine like init does after its last record, but without sending that record.
#[cfg(target_arch = "x86_64")]
fn end_the_guest() {
    // SAFETY: ioperm takes plain numbers.
    assert_eq!(unsafe { libc::ioperm(0xf4, 4, 1) }, 0, "{}", std::io::Error::last_os_error());
    out(0xf4, 0x10);
}

/// Ends the machine like init does after its last record, but without sending that record.
#[cfg(not(target_arch = "x86_64"))]
fn end_the_guest() {
    rustix::system::reboot(rustix::system::RebootCommand::PowerOff).unwrap();
}

/// Writes a byte to a port. The process dies if it may not use the port.
#[cfg(target_arch = "x86_64")]
fn out(port: u16, value: u8) {
    // SAFETY: the instruction touches no memory of this process.
    unsafe {
        core::arch::asm!("out dx, al", in("dx") port, in("al") value);
    }
}

/// Forges a record: writes a record to the port that init uses, with the number that init would use
/// for its next record.
fn forge(message: &str) {
    let mut record = b"VMM\0".to_vec();
    record.extend(5_u32.to_le_bytes());
    record.extend(u32::try_from(message.len()).unwrap().to_le_bytes());
    record.extend(message.as_bytes());
    record.extend(crc32fast::hash(&record).to_le_bytes());
    let mut port = OpenOptions::new().write(true).open(RESULTS_PORT).unwrap();
    port.write_all(&record).unwrap();
    rustix::termios::tcdrain(&port).unwrap();
}

/// Tries the ways in which root can read another process and access the machine's devices.
fn cannot_reach_init() {
    for path in ["/proc/1/mem", "/dev/mem", "/dev/port", "/proc/kcore"] {
        let read = File::open(path).and_then(|file| file.read_at(&mut [0], 0x1000));
        assert!(read.is_err(), "{path}");
    }
    // SAFETY: the calls take plain numbers.
    unsafe {
        assert_eq!(libc::ptrace(libc::PTRACE_ATTACH, 1, 0, 0), -1);
    }
    cannot_reach_ports();
    // The programs that the kernel starts for a test lack the capabilities, too.
    let helpers = fs::read_to_string("/proc/sys/kernel/usermodehelper/bset").unwrap();
    let low: u32 = helpers.split_whitespace().next().unwrap().parse().unwrap();
    assert_eq!(low & (1 << 17 | 1 << 19), 0, "{helpers}");
    // A test can still read its own child process.
    let mut child = Command::new("/proc/self/exe").args(["--exact", "sleeps"]).spawn().unwrap();
    fs::read_to_string(format!("/proc/{}/maps", child.id())).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
}

#[cfg(target_arch = "x86_64")]
fn cannot_reach_ports() {
    // SAFETY: the calls take plain numbers.
    unsafe {
        assert_eq!(libc::ioperm(0xf4, 4, 1), -1);
        assert_eq!(libc::iopl(3), -1);
    }
    // The process cannot use the ports that init itself used.
    let status = Command::new("/proc/self/exe").args(["--exact", "writes_to_a_port"]).status();
    assert!(!status.unwrap().success());
}

/// Other processors have no ports. Their devices are in memory, which `/dev/mem` shows.
#[cfg(not(target_arch = "x86_64"))]
fn cannot_reach_ports() {}

/// Loads the module in `/module.ko`.
fn load_a_module() {
    let file = File::open("/module.ko").unwrap();
    // SAFETY: the parameters are a string that lives as long as the call.
    let loaded =
        unsafe { libc::syscall(libc::SYS_finit_module, file.as_raw_fd(), c"".as_ptr(), 0) };
    assert_eq!(loaded, 0, "{}", std::io::Error::last_os_error());
}

/// Leaves a child process that keeps the output open. The guest must not wait for this child
/// process.
fn leave_a_child() {
    let mut child = Command::new("/proc/self/exe").args(["--exact", "sleeps"]).spawn().unwrap();
    assert!(child.try_wait().unwrap().is_none());
}

/// Overwrites the stack of the first process, which then returns to an invalid address.
fn kill_init() {
    let maps = fs::read_to_string("/proc/1/maps").unwrap();
    let stack = maps.lines().find(|line| line.ends_with("[stack]")).unwrap();
    let (start, end) = stack.split_whitespace().next().unwrap().split_once('-').unwrap();
    let [start, end] = [start, end].map(|text| u64::from_str_radix(text, 16).unwrap());
    let memory = File::options().write(true).open("/proc/1/mem").unwrap();
    let length = usize::try_from(end - start).unwrap();
    memory.write_all_at(&vec![0x41; length], start).unwrap();
    std::thread::sleep(Duration::from_secs(60));
}

/// Freezes the first process. The guest continues to run, but sends no more messages.
fn freeze_init() {
    fs::create_dir("/sys/fs/cgroup/ice").unwrap();
    fs::write("/sys/fs/cgroup/ice/cgroup.procs", "1").unwrap();
    fs::write("/sys/fs/cgroup/ice/cgroup.freeze", "1").unwrap();
    std::thread::sleep(Duration::from_secs(60 * 60));
}
