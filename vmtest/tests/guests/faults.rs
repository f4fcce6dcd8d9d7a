//! Faults in guests and on the host. Each is a failure with its own name, and none hangs.

use crate::common::{
    self, ELF_HEADER, KERNEL, harness, matrix, processes_with, run_victim, said, victim,
};
use bpfmap_vmtest::event::Outcome;
use bpfmap_vmtest::kernel::{Kernel, Packages};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs one test that breaks its guest. Returns the name and the reason of the kernel's result.
fn broken_by(test: &str, args: &[&str]) -> (String, String) {
    let report = run_victim(&[test, "passes"], args);
    assert!(!report.green, "{}", report.said);
    let kernel = report.kernel();
    // The report names the test that broke the guest. The other test was run in another guest.
    assert_eq!(report.test("passes").outcome, Outcome::Passed, "{}", report.said);
    let log = kernel.console_tail.join("\n");
    assert!(kernel.advice.is_some() && log.contains("] "), "{}", report.said);
    assert_ne!(report.test(test).outcome, Outcome::NotRun, "{}", report.said);
    (kernel.outcome.clone(), kernel.reason.clone().unwrap_or_default())
}

#[test]
fn kernel_panic() {
    for kernel in ["5.10", "7.3"] {
        let (outcome, reason) = broken_by("panics", &["--kernel", kernel]);
        assert_eq!(outcome, "panic");
        assert!(reason.contains("sysrq triggered crash"), "{reason}");
    }
}

/// An invalid instruction.
const UD2: [u8; 2] = [0x0f, 0x0b];
/// A jump to itself.
const LOOP: [u8; 2] = [0xeb, 0xfe];

/// Returns a module of the kernel's packages that begins with a different instruction. The change
/// would break the signature, so the signature is removed. The kernel loads a module without a
/// signature.
fn module_beginning_with(instruction: [u8; 2]) -> Vec<u8> {
    use object::{Object as _, ObjectSection as _, ObjectSymbol as _};
    let packages = Packages::configured();
    let kernel = Kernel::debian(KERNEL, &packages).unwrap();
    let (_, mut module) = kernel.modules(&["dummy".to_owned()], &packages).unwrap().pop().unwrap();
    let file = object::File::parse(&*module).unwrap();
    let init = file.symbols().find(|symbol| symbol.name() == Ok("init_module")).unwrap();
    let section = file.section_by_index(init.section_index().unwrap()).unwrap();
    let mut at = usize::try_from(section.file_range().unwrap().0 + init.address()).unwrap();
    // These instructions mark the target of an indirect call, and the call that tracing replaces.
    for (code, length) in [(&[0xf3, 0x0f, 0x1e, 0xfa][..], 4), (&[0xe8][..], 5)] {
        at += if module[at..].starts_with(code) { length } else { 0 };
    }
    module[at..at + 2].copy_from_slice(&instruction);
    let mark = b"~Module signature appended~\n";
    let end = module.len() - mark.len();
    assert_eq!(&module[end..], mark);
    let length = u32::from_be_bytes(module[end - 4..end].try_into().unwrap());
    module.truncate(end - 12 - length as usize);
    module
}

#[test]
fn kernel_oops() {
    let directory = tempfile::tempdir().unwrap();
    let module = directory.path().join("module.ko");
    fs::write(&module, module_beginning_with(UD2)).unwrap();
    let output = harness()
        .args(["run", "--kernel", KERNEL, "--file"])
        .arg(format!("{}:/module.ko", module.display()))
        .arg("--")
        .arg(victim())
        .args(["--exact", "loads_a_module"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(125), "{}", said(&output));
    assert!(said(&output).contains("oops: Oops: invalid opcode"), "{}", said(&output));
    assert!(said(&output).contains("init_module"), "{}", said(&output));
}

#[test]
fn a_test_whose_guest_dies_is_tried_again_in_another_only_on_request() {
    let report = run_victim(&["panics", "passes"], &["--retries", "1"]);
    assert!(!report.green);
    let test = report.test("panics");
    assert_eq!((test.outcome, test.attempts), (Outcome::GuestFailed, 2), "{}", report.said);
    assert!(test.output.contains("[tried before: panic"), "{}", test.output);
    assert_eq!(report.test("passes").outcome, Outcome::Passed);
    assert_eq!(report.kernel().outcome, "panic");
}

#[test]
fn kernel_warning() {
    let (outcome, reason) = broken_by("warns", &[]);
    assert_eq!(outcome, "warning");
    assert!(
        reason.contains("kernel/nowhere.c:1") && reason.contains("while warns ran"),
        "{reason}"
    );
}

#[test]
fn lockdep_splat() {
    let (outcome, reason) = broken_by("splats", &[]);
    assert_eq!(outcome, "warning");
    assert!(reason.contains("possible circular locking"), "{reason}");
}

#[test]
fn a_warning_that_is_allowed_is_none() {
    let report =
        run_victim(&["warns", "splats"], &["--allow", "kernel/nowhere.c", "--allow", "circular"]);
    assert!(report.green, "{}", report.said);
}

#[test]
fn hang() {
    let (outcome, reason) = broken_by("freezes_init", &["--silence", "3"]);
    assert_eq!(outcome, "hang");
    assert!(reason.contains("sent nothing for 3 seconds"), "{reason}");
}

#[test]
fn a_hang_is_told_with_a_backtrace() {
    let report = run_victim(&["freezes_init"], &["--silence", "3"]);
    let log = report.kernel().console_tail.join("\n");
    assert!(log.contains("NMI") && log.contains("<TASK>") || log.contains("Call Trace"), "{log}");
}

#[test]
fn guest_out_of_memory() {
    let (outcome, reason) = broken_by("runs_out_of_memory", &["--memory", "192M"]);
    assert_eq!(outcome, "out-of-memory", "{reason}");
}

#[test]
fn test_killed_by_oom() {
    let report = run_victim(&["eats_memory", "passes"], &["--memory", "192M"]);
    assert!(!report.green);
    assert_eq!(report.test("eats_memory").outcome, Outcome::KilledByOom, "{}", report.said);
    assert_eq!(report.test("passes").outcome, Outcome::Passed);
    assert_eq!(report.kernel().outcome, "ok");
}

#[test]
fn guest_powered_off() {
    assert_eq!(broken_by("powers_off", &[]).0, "powered-off");
}

#[test]
fn guest_reset() {
    let (outcome, reason) = broken_by("resets", &[]);
    assert_eq!(outcome, "powered-off");
    assert!(reason.contains("reset"), "{reason}");
}

#[test]
fn init_died() {
    let (outcome, reason) = broken_by("kills_init", &["--privileged"]);
    assert_eq!(outcome, "init-died");
    assert!(reason.contains("Attempted to kill init"), "{reason}");
}

#[test]
fn results_cut_short() {
    let test = "ends_the_guest";
    assert_eq!(broken_by(test, &["--privileged"]).0, "results-cut-short");
    // Without the privilege, only the test fails.
    let report = run_victim(&[test], &[]);
    assert_eq!((report.kernel().outcome.as_str(), report.green), ("ok", false), "{}", report.said);
}

#[test]
fn results_damaged() {
    let (outcome, reason) = broken_by("writes_into_the_results", &[]);
    assert_eq!(outcome, "results-damaged");
    assert!(reason.contains("record"), "{reason}");
}

#[test]
fn test_fails_crashes_and_ends_early() {
    let report = run_victim(&["fails", "crashes", "exits_early", "skips", "passes"], &[]);
    assert!(!report.green);
    for (test, outcome) in [
        ("fails", Outcome::Failed),
        ("crashes", Outcome::Crashed),
        ("exits_early", Outcome::EndedEarly),
        ("skips", Outcome::Skipped),
        ("passes", Outcome::Passed),
    ] {
        assert_eq!(report.test(test).outcome, outcome, "{}", report.said);
    }
    assert_eq!(report.test("skips").reason.as_deref(), Some("for a reason"));
    assert_eq!(report.test("passes").notes["kernel"], KERNEL);
}

#[test]
fn test_timed_out() {
    let report = run_victim(&["sleeps", "passes"], &["--test-time-out", "2"]);
    assert!(!report.green);
    assert_eq!(report.test("sleeps").outcome, Outcome::TimedOut, "{}", report.said);
    assert!(report.test("sleeps").output.contains("nanosleep"), "{}", report.said);
    assert_eq!(report.test("passes").outcome, Outcome::Passed);
}

#[test]
fn test_that_hangs_in_the_kernel() {
    let directory = tempfile::tempdir().unwrap();
    let module = directory.path().join("module.ko");
    fs::write(&module, module_beginning_with(LOOP)).unwrap();
    let file = format!("{}:/module.ko", module.display());
    // The other processor can still report the hang.
    let args = ["--cpus", "2", "--file", &file, "--test-time-out", "2", "--retries", "1"];
    let report = run_victim(&["loads_a_module", "passes"], &args);
    assert!(!report.green, "{}", report.said);
    let test = report.test("loads_a_module");
    assert_eq!((test.outcome, test.attempts), (Outcome::GuestFailed, 2), "{}", report.said);
    assert!(test.reason.as_deref().unwrap_or_default().contains("can't be killed"), "{test:?}");
    assert!(test.output.contains("[tried before: hang") && test.output.contains("time is up"));
    let log = report.kernel().console_tail.join("\n");
    assert!(log.contains("sysrq: Show Blocked State"), "{log}");
    assert_eq!(report.test("passes").outcome, Outcome::Passed);
}

#[test]
fn file_for_a_driver_that_hands_over_none() {
    let args = ["matrix", "--driver", "host", "--file", "/etc/hostname:/name"];
    let output = harness().args(args).arg(victim()).output().unwrap();
    assert!(!output.status.success());
    assert!(said(&output).contains("only the driver `guest`"), "{}", said(&output));
}

#[test]
fn only_skipped_is_not_green() {
    let report = run_victim(&["skips"], &[]);
    assert!(!report.green, "{}", report.said);
}

#[test]
fn nothing_selected_is_not_green() {
    let report = run_victim(&["pases"], &["--driver", "host"]);
    assert!(!report.green, "{}", report.said);
    let (test, said) = (report.test(""), &report.said);
    assert_eq!(test.outcome, Outcome::NoTests, "{said}");
    let reason = test.reason.clone().unwrap_or_default();
    assert!(reason.starts_with("the filter `pases` matches none of its "), "{said}");
    assert!(reason.ends_with("did you mean `passes`?"), "{said}");
    assert!(said.contains("NONE on host: victim: the filter `pases` matches none"), "{said}");
    // If there are two binaries, one of them may have no selected test.
    let other = std::env::current_exe().unwrap();
    let report = run_victim(&["passes"], &["--driver", "host", other.to_str().unwrap()]);
    assert!(report.green, "{}", report.said);
}

#[test]
fn tests_run_side_by_side_on_request() {
    let meeting = ["meets_the_first", "meets_the_second", "passes", "fails"];
    let report = run_victim(&meeting, &["--cpus", "2", "--test-threads", "3"]);
    for (test, said) in
        [("meets_the_first", "here is the second"), ("meets_the_second", "here is the first")]
    {
        let test = report.test(test);
        assert_eq!(test.outcome, Outcome::Passed, "{}", report.said);
        assert_eq!(test.output.matches("here is").count(), 1, "{}", test.output);
        assert!(test.output.contains(said), "{}", test.output);
    }
    assert_eq!(report.test("passes").outcome, Outcome::Passed);
    assert_eq!(report.test("fails").outcome, Outcome::Failed);
    assert_eq!(report.kernel().outcome, "ok", "{}", report.said);

    // By default, a test has the guest for itself.
    let report = run_victim(&meeting[..2], &["--cpus", "2"]);
    let passed = |name: &str| report.test(name).outcome == Outcome::Passed;
    assert!(!(passed(meeting[0]) && passed(meeting[1])), "{}", report.said);
}

/// After a guest with several tests has failed, the tests run one after the other.
#[test]
fn the_test_that_breaks_a_guest_is_found_among_several() {
    let report = run_victim(&["passes", "panics", "skips"], &["--test-threads", "3"]);
    assert_eq!(report.kernel().outcome, "panic", "{}", report.said);
    assert_eq!(report.test("panics").outcome, Outcome::GuestFailed, "{}", report.said);
    assert_eq!(report.test("passes").outcome, Outcome::Passed, "{}", report.said);
    assert_eq!(report.test("skips").outcome, Outcome::Skipped, "{}", report.said);
}

#[test]
fn retries_are_told() {
    let report = run_victim(&["fails_at_first"], &["--retries", "2"]);
    assert!(report.green, "{}", report.said);
    assert_eq!(report.test("fails_at_first").attempts, 2);
    assert!(report.said.contains("1 flaky"), "{}", report.said);
}

#[test]
fn fail_fast_runs_no_more() {
    let report = run_victim(&["fails", "passes"], &["--fail-fast"]);
    assert!(!report.green);
    assert_eq!(report.test("passes").outcome, Outcome::NotRun, "{}", report.said);
}

#[test]
fn a_child_left_behind_is_ended() {
    let report = run_victim(&["leaves_a_child", "passes"], &[]);
    assert!(report.green, "{}", report.said);
}

/// Copies the victim to a file with another name.
fn victim_called(name: &str, directory: &Path) -> PathBuf {
    let path = directory.join(name);
    fs::copy(victim(), &path).unwrap();
    path
}

#[test]
fn test_list_empty() {
    let directory = tempfile::tempdir().unwrap();
    let binary = victim_called("victim-empty", directory.path());
    let report = matrix(&[binary.to_str().unwrap()], |_| {});
    assert!(!report.green);
    assert_eq!(report.test("").outcome, Outcome::NoTests, "{}", report.said);
}

#[test]
fn tests_not_listed() {
    let directory = tempfile::tempdir().unwrap();
    let binary = victim_called("victim-unlisted", directory.path());
    let report = matrix(&[binary.to_str().unwrap()], |_| {});
    assert!(!report.green);
    assert_eq!(report.test("").outcome, Outcome::NotListed, "{}", report.said);
}

#[test]
fn library_missing() {
    let directory = tempfile::tempdir().unwrap();
    let mut data = fs::read(victim()).unwrap();
    let at = data.windows(10).position(|bytes| bytes == b"libc.so.6\0").unwrap();
    data[at..at + 4].copy_from_slice(b"libX");
    let binary = directory.path().join("victim");
    fs::write(&binary, data).unwrap();
    let report = matrix(&[binary.to_str().unwrap()], |_| {});
    assert!(!report.green);
    assert!(
        report.said.starts_with("bpfmap-vmtest: missing-library: ")
            && report.said.contains("needs libX.so.6, which is not installed on this machine"),
        "{}",
        report.said
    );
}

#[test]
fn module_missing() {
    let report = run_victim(&["passes"], &["--module", "no_such_module"]);
    assert!(!report.green);
    assert_eq!(report.kernel().outcome, "missing-module", "{}", report.said);
    assert_eq!(report.test("").outcome, Outcome::NotRun);
}

#[test]
fn kernel_unknown() {
    for command in [&["matrix", "--kernel", "1.2", "x"][..], &["run", "--kernel", "1.2", "true"]] {
        let output = harness().args(command).output().unwrap();
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(
            said.starts_with("bpfmap-vmtest: unknown-kernel: unknown kernel `1.2`")
                && said.contains("5.10, 6.1, 6.12"),
            "{said}"
        );
    }
}

/// Creates a program that takes the place of QEMU.
fn fake_qemu(directory: &Path, script: &str) -> PathBuf {
    let path = directory.join("qemu");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

const REAL: &str = "qemu-system-x86_64";

fn with_qemu(script: &str, args: &[&str]) -> common::Report {
    let directory = tempfile::tempdir().unwrap();
    let qemu = fake_qemu(directory.path(), script);
    let mut all = vec![victim().to_str().unwrap(), "--filter", "passes", "--engine", "tcg"];
    all.extend(args);
    let report = matrix(&all, |command| {
        command.env("BPFMAP_VMTEST_QEMU", &qemu);
    });
    assert!(!report.green, "{}", report.said);
    report
}

#[test]
fn init_of_another_version() {
    use object::{Object as _, ObjectSection as _};
    let directory = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_bpfmap-vmtest");
    // A harness with another name uses the init in its own directory.
    let (other, init) = (directory.path().join("other"), directory.path().join("bpfmap-vmtest"));
    fs::copy(program, &other).unwrap();
    fs::copy(program, &init).unwrap();
    let run = || {
        let args = ["run", "--kernel", KERNEL, "--", "true"];
        let output = Command::new(&other).args(args).current_dir(directory.path()).output();
        let output = output.unwrap();
        (output.status.code(), said(&output))
    };
    assert_eq!(run(), (Some(0), String::new()));

    let mut data = fs::read(&init).unwrap();
    let file = object::File::parse(&*data).unwrap();
    let (start, length) = file.section_by_name(".vmtest.protocol").unwrap().file_range().unwrap();
    let last = usize::try_from(start + length).unwrap() - 1;
    data[last] = b'x';
    fs::write(&init, data).unwrap();
    let (status, said) = run();
    assert_eq!(status, Some(125), "{said}");
    assert!(said.starts_with("bpfmap-vmtest: init-mismatch: "), "{said}");
    for text in [other.to_str().unwrap(), init.to_str().unwrap(), "x, and ", "help: build both"] {
        assert!(said.contains(text), "{text}: {said}");
    }
}

#[test]
fn qemu_missing() {
    let report = matrix(&[victim().to_str().unwrap()], |command| {
        command.env("BPFMAP_VMTEST_QEMU", "/nonexistent/qemu");
    });
    assert!(!report.green);
    assert!(report.said.contains("qemu-missing: cannot run /nonexistent/qemu"), "{}", report.said);
    assert!(report.said.contains("install QEMU"), "{}", report.said);
}

#[test]
fn qemu_too_old() {
    let report = with_qemu("echo QEMU emulator version 2.5.0", &[]);
    assert!(
        report.said.contains("qemu-too-old: ")
            && report.said.contains("is too old")
            && report.said.contains("or newer"),
        "{}",
        report.said
    );
}

#[test]
fn qemu_does_not_start() {
    let script =
        format!("[ \"$1\" = --version ] && exec {REAL} --version\necho bad option >&2; exit 1");
    let report = with_qemu(&script, &["--no-snapshot"]);
    assert_eq!(report.kernel().outcome, "qemu-failed", "{}", report.said);
    assert!(report.kernel().reason.as_deref().unwrap().contains("bad option"), "{}", report.said);
}

#[test]
fn qemu_without_sandbox() {
    // These are the messages of a QEMU without libseccomp, and of a QEMU on a kernel without
    // seccomp filters.
    for said in [
        "qemu-system-x86_64: -sandbox support is not enabled in this QEMU binary",
        "qemu-system-x86_64: failed to install seccomp syscall filter in the kernel: Invalid argument",
    ] {
        let script =
            format!("[ \"$1\" = --version ] && exec {REAL} --version\necho '{said}' >&2; exit 1");
        for args in [&["--no-snapshot"][..], &[]] {
            let report = with_qemu(&script, args);
            assert_eq!(report.kernel().outcome, "qemu-without-sandbox", "{}", report.said);
            assert!(report.kernel().reason.as_deref().unwrap().contains(said), "{}", report.said);
            assert!(report.said.contains("install a QEMU with libseccomp"), "{}", report.said);
        }
    }
}

#[test]
fn qemu_crashed() {
    // A signal kills QEMU after one second of processor time.
    let script = format!("[ \"$1\" = --version ] || ulimit -t 1\nexec {REAL} \"$@\"");
    let report = with_qemu(&script, &["--no-snapshot"]);
    assert_eq!(report.kernel().outcome, "qemu-crashed", "{}", report.said);
    assert!(report.kernel().reason.as_deref().unwrap().contains("signal"), "{}", report.said);
}

#[test]
fn host_overloaded() {
    // The guest gets almost no time on a processor that another program keeps busy.
    let script = format!(
        "[ \"$1\" = --version ] && exec {REAL} --version\n\
         taskset -c 0 sh -c \"while kill -0 $$; do :; done\" &\n\
         exec taskset -c 0 chrt --idle 0 {REAL} \"$@\""
    );
    let report = with_qemu(&script, &["--no-snapshot", "--silence", "1"]);
    assert_eq!(report.kernel().outcome, "host-overloaded", "{}", report.said);
}

#[test]
fn kernel_image_corrupt() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("bzImage"), vec![0; 100_000]).unwrap();
    let config = "[kernels]\nbroken = { path = \"bzImage\" }\n";
    fs::write(directory.path().join("bpfmap-vmtest.toml"), config).unwrap();
    let report = matrix(&["--kernel", "broken", victim().to_str().unwrap()], |command| {
        command.current_dir(directory.path());
    });
    assert!(!report.green);
    assert_eq!(report.kernel().outcome, "kernel-corrupt", "{}", report.said);
}

#[test]
fn no_disk_space() {
    let directory = tempfile::tempdir().unwrap();
    let cache = directory.path().join("cache");
    fs::create_dir(&cache).unwrap();
    // An image that passes the checks and does not fit on the disk.
    let mut image = ELF_HEADER.to_vec();
    image.resize(8 << 20, 0);
    fs::write(directory.path().join("vmlinux"), image).unwrap();
    let config = "[kernels]\nlarge = { path = \"vmlinux\" }\n";
    fs::write(directory.path().join("bpfmap-vmtest.toml"), config).unwrap();
    let script = "mount -t tmpfs -o size=1m none cache && exec \"$@\"";
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", script, "sh"])
        .args([env!("CARGO_BIN_EXE_bpfmap-vmtest"), "run", "--kernel", "large", "--", "true"])
        .current_dir(directory.path())
        .env("XDG_CACHE_HOME", &cache)
        .output()
        .unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(125), "{said}");
    assert!(said.starts_with("bpfmap-vmtest: no-disk-space: "), "{said}");
    assert!(said.contains("No space left") && said.contains("free some space"), "{said}");
}

#[test]
fn guest_cannot_run_the_program() {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("program");
    fs::copy("/bin/true", &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o644)).unwrap();
    let output = harness().args(["run", "--kernel", KERNEL, "--"]).arg(&program).output().unwrap();
    assert_eq!(output.status.code(), Some(125));
    assert!(said(&output).contains("guest-setup: cannot run"), "{}", said(&output));
}

#[test]
fn run_timed_out() {
    let output = harness()
        .args(["run", "--kernel", KERNEL, "--time-out", "3", "--", "sleep", "1000"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(125));
    assert!(said(&output).contains("timed-out"), "{}", said(&output));
}

#[test]
fn matrix_interrupted() {
    let directory = tempfile::tempdir().unwrap();
    let (json, junit) = (directory.path().join("json"), directory.path().join("junit.xml"));
    let mark = format!("interrupted={}", std::process::id());
    let mut child = harness()
        .args(["matrix", "--kernel", KERNEL, "--kernel", "5.10", "--jobs", "1", "--exact"])
        .args(["--filter", "passes", "--filter", "sleeps", "--cmdline", &mark, "--no-snapshot"])
        .arg("--json")
        .arg(&json)
        .arg("--junit")
        .arg(&junit)
        .arg(victim())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    while !fs::read_to_string(&json).unwrap_or_default().contains("\"passed\"") {
        assert!(Instant::now() < end, "no test passed");
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert_eq!(processes_with(&mark), [0; 0], "QEMU lives on");
    let events = fs::read_to_string(&json).unwrap();
    for text in [
        "\"test\":\"passes\",\"outcome\":\"passed\"",
        "\"test\":\"sleeps\",\"outcome\":\"guest-failed\"",
        "\"kernel\":\"5.10\",\"release\":\"\",\"origin\":\"\",\"outcome\":\"interrupted\"",
        "\"type\":\"summary\",\"green\":false",
    ] {
        assert!(events.contains(text), "{text}\n{events}");
    }
    assert!(fs::read_to_string(&junit).unwrap().contains("interrupted"));
}

#[test]
fn harness_killed() {
    // An argument that identifies the QEMU of this guest.
    let mark = format!("mark={}", std::process::id());
    let mut child = harness()
        .args([
            "run",
            "--kernel",
            KERNEL,
            "--no-snapshot",
            "--cmdline",
            &mark,
            "--",
            "sleep",
            "1000",
        ])
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    while processes_with(&mark).len() < 2 {
        assert!(Instant::now() < end, "QEMU did not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    while !processes_with(&mark).is_empty() {
        assert!(Instant::now() < end, "QEMU lives on");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn snapshot_damaged() {
    let cache = tempfile::tempdir().unwrap();
    let with_cache = |command: &mut Command| {
        command.env("XDG_CACHE_HOME", cache.path());
    };
    let image = crate::sources::kernel_image();
    let directory = tempfile::tempdir().unwrap();
    let config = format!("[kernels]\nours = {{ path = {image:?} }}\n");
    fs::write(directory.path().join("bpfmap-vmtest.toml"), config).unwrap();
    let run = || {
        let args =
            ["--kernel", "ours", "--filter", "passes", "--exact", victim().to_str().unwrap()];
        matrix(&args, |command| {
            with_cache(command);
            command.current_dir(directory.path());
        })
    };
    let report = run();
    assert!(report.green && report.kernel().snapshot, "{}", report.said);
    for entry in fs::read_dir(cache.path().join("bpfmap-vmtest/snapshots")).unwrap() {
        let state = entry.unwrap().path().join("state");
        let data = fs::read(&state).unwrap();
        fs::write(&state, &data[..data.len() / 2]).unwrap();
        common::forge_what_was_written(state.parent().unwrap());
    }
    let report = run();
    assert!(report.green && !report.kernel().snapshot, "{}", report.said);
}

/// If a kernel measures a TSC frequency that is too low, its clock is too fast.
#[test]
fn snapshot_of_a_guest_whose_clock_is_too_fast() {
    let cache = tempfile::tempdir().unwrap();
    let image = crate::sources::kernel_image();
    let directory = tempfile::tempdir().unwrap();
    let config = format!("[kernels]\nours = {{ path = {image:?} }}\n");
    fs::write(directory.path().join("bpfmap-vmtest.toml"), config).unwrap();
    let args = ["--kernel", "ours", "--cmdline", "tsc_early_khz=40000", "--filter", "passes"];
    let report =
        matrix(&[&args[..], &["--exact", victim().to_str().unwrap()]].concat(), |command| {
            command.env("XDG_CACHE_HOME", cache.path()).current_dir(directory.path());
        });
    assert!(!report.kernel().snapshot, "{}", report.said);
    let kept = fs::read_dir(cache.path().join("bpfmap-vmtest/snapshots")).unwrap().count();
    assert_eq!(kept, 0, "each guest from such a snapshot would have the wrong clock");
}
