//! Data that passes between this machine and its guests: the environment, paths, names, QEMU and a
//! debugger.

use crate::common::{KERNEL, harness, matrix, said, victim};
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

#[test]
fn environment_is_handed_over_by_a_list() {
    let run = |args: &[&str]| {
        let mut command = harness();
        command.args(["run", "--kernel", KERNEL]).args(args).args(["--", "env"]);
        command.env("CARGO_REGISTRY_TOKEN", "secret").env("MINE", "mine").env("RUST_LOG", "info");
        // Neither variable breaks the harness.
        command
            .env(OsStr::from_bytes(b"NAME\xff"), "x")
            .env("RUST_ODD", OsStr::from_bytes(b"\xff"));
        let output = command.stdin(Stdio::null()).output().unwrap();
        (output.status.code(), said(&output))
    };
    let (status, text) = run(&[]);
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("RUST_LOG=info\n"), "{text}");
    assert!(!text.contains("secret") && !text.contains("MINE"), "{text}");
    let (_, text) = run(&["--env", "MINE", "--env", "OTHER=other"]);
    assert!(text.contains("MINE=mine\n") && text.contains("OTHER=other\n"), "{text}");
    let (status, text) = run(&["--env", "NOT_SET_HERE"]);
    assert_eq!(status, Some(2), "{text}");
    assert!(text.contains("not set in the environment"), "{text}");
}

#[test]
fn binary_in_a_directory_above() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("below")).unwrap();
    fs::copy(victim(), directory.path().join("victim")).unwrap();
    let report = matrix(&["--filter", "passes", "--exact", "../victim"], |command| {
        // This is not a variable of the test itself.
        command.env("BPFMAP_ODD", OsStr::from_bytes(b"\xff"));
        command.current_dir(directory.path().join("below"));
    });
    assert!(report.green, "{}", report.said);
}

#[test]
fn kernel_whose_name_is_a_path() {
    let directory = tempfile::tempdir().unwrap();
    let reports = directory.path().join("reports");
    fs::create_dir(&reports).unwrap();
    let args = [
        "--kernel",
        "../escaped",
        "--report-dir",
        reports.to_str().unwrap(),
        victim().to_str().unwrap(),
    ];
    let report = matrix(&args, |_| {});
    assert!(!report.green);
    assert!(report.said.contains("can't be the name of a kernel"), "{}", report.said);
    assert!(!directory.path().join("escaped.console.log").exists());
}

#[test]
fn configuration_of_another_user() {
    // Only root can create a file that belongs to another user.
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let shared = tempfile::tempdir().unwrap();
    let own = shared.path().join("own");
    fs::create_dir(&own).unwrap();
    for name in ["bpfmap-vmtest.toml", "bpfmap-vmtest.lock"] {
        let path = shared.path().join(name);
        fs::write(&path, "").unwrap();
        let run = || {
            let mut command = harness();
            let output = command.args(["kernels", "list"]).current_dir(&own).output().unwrap();
            (output.status.success(), said(&output))
        };
        let (is_fine, said) = run();
        assert!(is_fine, "{said}");
        std::os::unix::fs::chown(&path, Some(12345), None).unwrap();
        let (is_fine, said) = run();
        let told = format!("{} belongs to the user 12345, not to 0", path.display());
        assert!(!is_fine && said.contains(&told) && said.contains("help: "), "{said}");
        // If the directory belongs to the same user (as in a container's volume), the file is
        // accepted.
        std::os::unix::fs::chown(&own, Some(12345), None).unwrap();
        let (is_fine, said) = run();
        assert!(is_fine, "{said}");
        std::os::unix::fs::chown(&own, Some(0), None).unwrap();
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn every_qemu_is_sandboxed() {
    let directory = tempfile::tempdir().unwrap();
    let (qemu, log) = (directory.path().join("qemu"), directory.path().join("log"));
    let script =
        format!("#!/bin/sh\necho \"$@\" >> {}\nexec qemu-system-x86_64 \"$@\"\n", log.display());
    fs::write(&qemu, script).unwrap();
    fs::set_permissions(&qemu, fs::Permissions::from_mode(0o755)).unwrap();
    let cache = tempfile::tempdir().unwrap();
    let image = crate::sources::kernel_image();
    let config = format!("[kernels]\nours = {{ path = {image:?} }}\n");
    fs::write(directory.path().join("bpfmap-vmtest.toml"), config).unwrap();
    let args = ["--kernel", "ours", "--filter", "passes", "--exact", victim().to_str().unwrap()];
    let report = matrix(&args, |command| {
        command.env("BPFMAP_VMTEST_QEMU", &qemu).env("XDG_CACHE_HOME", cache.path());
        command.current_dir(directory.path());
    });
    assert!(report.green, "{}", report.said);
    let log = fs::read_to_string(&log).unwrap();
    let started: Vec<&str> = log.lines().filter(|line| !line.contains("--version")).collect();
    // One guest is saved, and one is started from the snapshot.
    assert!(started.len() >= 2, "{log}");
    for line in started {
        assert!(
            line.contains("-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny"),
            "{line}"
        );
    }
}

/// Sends a packet of gdb's remote protocol. Returns the first bytes of the answer.
fn gdb(socket: &mut UnixStream, packet: &str) -> String {
    socket.write_all(packet.as_bytes()).unwrap();
    let mut answer = [0; 64];
    let length = socket.read(&mut answer).unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[test]
fn debugger_attaches_by_a_socket_that_is_the_users_alone() {
    let mut child = harness()
        .args(["run", "--kernel", KERNEL, "--gdb", "--", "true"])
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = lines.next().unwrap().unwrap();
    let (_, socket) = line.split_once("target remote ").unwrap_or_else(|| panic!("{line}"));
    let socket = Path::new(socket.trim_end_matches('\''));
    let end = Instant::now() + Duration::from_secs(60);
    let mut debugger = loop {
        if let Ok(connected) = UnixStream::connect(socket) {
            break connected;
        }
        assert!(Instant::now() < end, "nobody listens at {}", socket.display());
        std::thread::sleep(Duration::from_millis(20));
    };
    let mode = socket.parent().unwrap().metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o700);
    let answer = gdb(&mut debugger, "$?#3f");
    assert!(answer.contains('$') || gdb(&mut debugger, "+").contains('$'), "{answer}");
    // The guest is stopped, and then continues.
    gdb(&mut debugger, "+$c#63");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(!socket.parent().unwrap().exists());
}
