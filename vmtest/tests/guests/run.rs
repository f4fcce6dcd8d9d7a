//! Programs and `cargo test` run in a kernel as if they ran on this machine.

use crate::common::{KERNEL, harness, run_victim, said, victim};
use bpfmap_vmtest::event::Outcome;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

fn run(kernel: &str) -> Command {
    let mut command = harness();
    command.args(["run", "--kernel", kernel]).stdin(Stdio::null());
    command
}

#[test]
fn output_is_apart_and_the_status_is_the_programs() {
    let script = "echo to stdout; echo to stderr >&2; uname -r; exit 42";
    for (kernel, release) in [("5.10", "5.10.0-"), ("7.3", "7.3.")] {
        let output = run(kernel).args(["--", "sh", "-c", script]).output();
        let output = output.unwrap();
        // `sh` finds no `uname` in the guest, which contains only the files that it was given.
        assert_eq!(output.status.code(), Some(42), "{}", said(&output));
        assert_eq!(output.stdout, b"to stdout\n");
        assert!(output.stderr.starts_with(b"to stderr\n"), "{}", said(&output));
        let output = run(kernel).args(["--", "uname", "-r"]).output().unwrap();
        assert!(output.stdout.starts_with(release.as_bytes()), "{}", said(&output));
    }
}

#[test]
fn a_signal_that_kills_the_program_is_told_as_a_shell_tells_it() {
    let output = run(KERNEL).args(["--", "sh", "-c", "kill -9 $$"]).output().unwrap();
    assert_eq!(output.status.code(), Some(128 + 9), "{}", said(&output));
}

/// The exit status must also be a failure, because a Cargo runner relies on it.
#[test]
fn a_complaint_of_the_kernel_is_a_failure() {
    let program = |test: &str, allow: &str| {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("bpfmap-vmtest.toml"), format!("allow = [{allow}]\n"))
            .unwrap();
        let mut command = run(KERNEL);
        command.current_dir(directory.path());
        let output = command.arg("--").arg(victim()).args(["--exact", test]).output().unwrap();
        (output.status.code(), said(&output))
    };
    for (test, told) in [
        ("warns", "warning: WARNING: CPU: 0 PID: 1 at kernel/nowhere.c:1 nothing"),
        ("warns_where_nobody_sees_it", "warning: the kernel printed a warning (taint W)"),
    ] {
        let (code, said) = program(test, "");
        assert_eq!(code, Some(125), "{said}");
        assert!(said.contains(told) && said.contains("help: "), "{said}");
    }
    let (code, said) = program("warns", "\"kernel/nowhere.c\"");
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = program("passes", "");
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn input_goes_in_and_comes_out_the_same() {
    let mut child = run(KERNEL)
        .args(["--", "cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let sent: Vec<u8> = (0..20_000_u32).flat_map(u32::to_le_bytes).collect();
    let mut stdin = child.stdin.take().unwrap();
    let copy = sent.clone();
    let writer = std::thread::spawn(move || stdin.write_all(&copy));
    let mut received = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut received).unwrap();
    writer.join().unwrap().unwrap();
    assert!(child.wait().unwrap().success());
    assert!(received == sent, "{} bytes came of {}", received.len(), sent.len());
}

#[test]
fn input_from_a_file_is_handed_over_whole() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let sent: Vec<u8> = (0..2_000_000_u32).flat_map(u32::to_le_bytes).collect();
    fs::write(file.path(), &sent).unwrap();
    let output =
        run(KERNEL).args(["--", "cksum"]).stdin(fs::File::open(file.path()).unwrap()).output();
    let here = Command::new("cksum").stdin(fs::File::open(file.path()).unwrap()).output().unwrap();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(output.stdout, here.stdout);
}

#[test]
fn signals_are_passed_on_to_the_program() {
    let script = "trap 'echo caught; exit 3' TERM; echo ready; while :; do :; done";
    let mut child =
        run(KERNEL).args(["--", "sh", "-c", script]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "caught");
    assert_eq!(child.wait().unwrap().code(), Some(3));
}

#[test]
fn environment_files_and_modules_are_there() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("sub")).unwrap();
    fs::write(directory.path().join("sub/file"), "contents").unwrap();
    let script = "read x < /data/sub/file; echo $x $KEY $VMTEST_KERNEL; read m rest < /proc/modules; echo $m";
    let output = run("6.1")
        .arg("--file")
        .arg(format!("{}:/data", directory.path().display()))
        .args(["--env", "KEY=value", "--module", "veth", "--", "sh", "-c", script])
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "contents value 6.1\nveth\n",
        "{}",
        said(&output)
    );
}

#[test]
fn guests_of_one_snapshot_draw_different_random_numbers_and_know_the_time() {
    let draw = || {
        let script = "read x < /proc/sys/kernel/random/uuid; echo $x";
        run(KERNEL).args(["--", "sh", "-c", script]).output().unwrap().stdout
    };
    assert_ne!(draw(), draw());
    let output = run(KERNEL).args(["--", "date", "+%s"]).output().unwrap();
    let time: u64 = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    assert!(now.as_secs().abs_diff(time) < 600, "{time}");
}

#[test]
fn the_host_driver_has_the_same_rules() {
    let args = ["--driver", "host", "--test-time-out", "2"];
    let report = run_victim(
        &["fails", "crashes", "exits_early", "skips", "sleeps", "leaves_a_child"],
        &args,
    );
    assert!(!report.green, "{}", report.said);
    for (test, outcome) in [
        ("fails", Outcome::Failed),
        ("crashes", Outcome::Crashed),
        ("exits_early", Outcome::EndedEarly),
        ("skips", Outcome::Skipped),
        ("sleeps", Outcome::TimedOut),
        ("leaves_a_child", Outcome::Passed),
    ] {
        assert_eq!(report.test(test).outcome, outcome, "{}", report.said);
    }
    assert_eq!(report.kernel().outcome, "ok", "{}", report.said);
}

#[test]
fn a_shell_has_a_terminal() {
    // `script` gives the harness its own terminal, into which this test types.
    let command = format!("{} shell --kernel {KERNEL}", env!("CARGO_BIN_EXE_bpfmap-vmtest"));
    let mut child = Command::new("script")
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"test -t 0 && echo a $((40 + 2)) terminal; exit 7\n").unwrap();
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(7), "{said}");
    assert!(said.contains("a 42 terminal"), "{said}");
}

/// Creates a crate that does not depend on this crate. Its tests need a dynamic library of its
/// workspace.
fn foreign_crate(directory: &Path) {
    let write = |path: &str, text: &str| {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(
        "Cargo.toml",
        "[workspace]\nmembers = [\"shared\"]\n[package]\nname = \"foreign\"\nversion = \"0.1.0\"\n\
         edition = \"2024\"\n[dependencies]\nshared = { path = \"shared\" }\n",
    );
    write(
        "shared/Cargo.toml",
        "[package]\nname = \"shared\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
         [lib]\ncrate-type = [\"dylib\"]\n",
    );
    write(
        "shared/src/lib.rs",
        "pub fn release() -> String { std::fs::read_to_string(\"/proc/sys/kernel/osrelease\").unwrap() }\n",
    );
    write(
        "src/lib.rs",
        "#[test]\nfn runs_in_5_10() { assert!(shared::release().starts_with(\"5.10.\")); }\n\
         #[test]\nfn knows_its_crate() { assert_eq!(std::env::var(\"CARGO_PKG_NAME\").unwrap(), \"foreign\"); }\n",
    );
    let harness = env!("CARGO_BIN_EXE_bpfmap-vmtest");
    write(
        ".cargo/config.toml",
        &format!(
            "target.x86_64-unknown-linux-gnu.runner = [{harness:?}, \"run\", \"--kernel=5.10\", \"--\"]\n"
        ),
    );
}

fn cargo(directory: &Path, args: &[&str]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO"));
    // The variables that Cargo sets for this test must not reach the Cargo that builds the other
    // crate.
    for (key, _) in std::env::vars()
        .filter(|(key, _)| key.starts_with("CARGO_PKG") || key.starts_with("NEXTEST"))
    {
        command.env_remove(key);
    }
    command.env_remove("CARGO_TARGET_DIR").env_remove("RUSTFLAGS").env_remove("RUSTC_WRAPPER");
    command.args(args).arg("--offline").current_dir(directory).output().unwrap()
}

#[test]
fn cargo_test_and_nextest_run_inside_5_10_by_one_line() {
    let directory = tempfile::tempdir().unwrap();
    foreign_crate(directory.path());
    let output = cargo(directory.path(), &["test", "--lib"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("test result: ok. 2 passed"), "{}", said(&output));

    let output = cargo(directory.path(), &["nextest", "run"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("2 tests run: 2 passed"), "{}", said(&output));

    // A failure in the guest is also a failure on the host.
    let lib = directory.path().join("src/lib.rs");
    let text = fs::read_to_string(&lib).unwrap().replace("\"5.10.\"", "\"4.19.\"");
    fs::write(&lib, text).unwrap();
    let output = cargo(directory.path(), &["test", "--lib"]);
    assert!(!output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("1 passed; 1 failed"), "{}", said(&output));
}
