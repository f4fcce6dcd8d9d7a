//! Guests for arm64. `cargo xtask arm64` builds init and the victim for arm64, and runs these tests
//! with their paths in `VMTEST_ARM64_VICTIM` and beside the harness.

use bpfmap_vmtest::event::{Event, KernelResult, Outcome, TestResult};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The kernel that most tests boot.
const KERNEL: &str = "6.12-arm64";

fn harness() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bpfmap-vmtest"));
    // So that a configuration above this crate does not change what is tested.
    command.current_dir(std::env::temp_dir());
    command.env_remove("GITHUB_STEP_SUMMARY").env_remove("BPFMAP_VMTEST_KERNEL");
    command
}

/// The victim for arm64.
fn victim() -> PathBuf {
    let path = std::env::var_os("VMTEST_ARM64_VICTIM");
    PathBuf::from(path.expect("`cargo xtask arm64` runs these tests, and sets VMTEST_ARM64_VICTIM"))
}

/// The victim for this machine.
fn victim_of_host() -> PathBuf {
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "bpfmap-vmtest", "--example", "victim"])
        .status();
    assert!(status.unwrap().success());
    Path::new(env!("CARGO_BIN_EXE_bpfmap-vmtest")).with_file_name("examples").join("victim")
}

fn said(output: &Output) -> String {
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it));
    format!("{stdout}{stderr}")
}

#[derive(Debug, Default)]
struct Report {
    green: bool,
    tests: Vec<TestResult>,
    kernels: Vec<KernelResult>,
    said: String,
}

impl Report {
    fn test(&self, name: &str) -> &TestResult {
        self.tests.iter().find(|test| test.test == name).unwrap_or_else(|| panic!("{self:#?}"))
    }

    /// The outcome of the only kernel, with its reason.
    fn kernel(&self) -> (&str, &str) {
        let [kernel] = self.kernels.as_slice() else { panic!("{self:#?}") };
        (&kernel.outcome, kernel.reason.as_deref().unwrap_or_default())
    }
}

/// Runs these tests of binaries.
fn matrix(binaries: &[&Path], tests: &[&str], args: &[&str]) -> Report {
    let directory = tempfile::tempdir().unwrap();
    let json = directory.path().join("events.json");
    let mut command = harness();
    command.arg("matrix").arg("--json").arg(&json).args(args).args(binaries).arg("--exact");
    for test in tests {
        command.args(["--filter", test]);
    }
    let output = command.output().unwrap();
    let green = output.status.success();
    let mut report = Report { green, said: said(&output), ..Report::default() };
    for line in std::fs::read_to_string(&json).unwrap_or_default().lines() {
        match serde_json::from_str(line).unwrap() {
            Event::Test(test) => report.tests.push(test),
            Event::Kernel(kernel) => report.kernels.push(kernel),
            Event::Summary(summary) => assert_eq!(summary.green, green, "{}", report.said),
            other => panic!("{other:?}"),
        }
    }
    report
}

/// Runs tests of the victim for arm64 on a kernel for arm64.
fn run_victim(tests: &[&str], args: &[&str]) -> Report {
    matrix(&[&victim()], tests, &[&["--kernel", KERNEL], args].concat())
}

/// Runs one test that breaks its guest, and returns the outcome of the kernel and the reason.
fn broken_by(test: &str, args: &[&str]) -> (String, String) {
    let report = run_victim(&[test], args);
    assert!(!report.green, "{}", report.said);
    let (outcome, reason) = report.kernel();
    (outcome.to_owned(), reason.to_owned())
}

#[test]
fn the_binary_chooses_the_architecture_and_the_results_are_the_tests() {
    let tests = ["fails", "crashes", "exits_early", "skips", "passes"];
    let report = matrix(&[&victim()], &tests, &["--kernel", "6.12"]);
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
    assert_eq!(report.test("passes").notes["kernel"], KERNEL);
    assert!(report.test("passes").release.ends_with("-cloud-arm64"), "{}", report.said);
    assert_eq!(report.kernel().0, "ok");
}

#[test]
fn each_kernel_runs_the_binaries_of_its_architecture() {
    let binaries = [victim(), victim_of_host()];
    let binaries: Vec<&Path> = binaries.iter().map(PathBuf::as_path).collect();
    let report = matrix(&binaries, &["passes"], &["--kernel", "6.12"]);
    assert!(report.green, "{}", report.said);
    let mut kernels: Vec<&str> = report.tests.iter().map(|test| test.kernel.as_str()).collect();
    kernels.sort_unstable();
    assert_eq!(kernels, ["6.12", KERNEL]);
}

#[test]
fn guests_come_from_snapshots() {
    for _ in 0..2 {
        let report = run_victim(&["passes"], &[]);
        assert!(report.green, "{}", report.said);
        assert!(report.kernels[0].snapshot, "{}", report.said);
    }
    let report = run_victim(&["passes"], &["--no-snapshot", "--cpus", "2"]);
    assert!(report.green && !report.kernels[0].snapshot, "{}", report.said);
}

#[test]
fn modules_are_loaded() {
    for kernel in ["6.1-arm64", KERNEL, "7.3-arm64"] {
        let args = ["--kernel", kernel, "--module", "veth"];
        let report = matrix(&[&victim()], &["passes"], &args);
        assert!(report.green, "{kernel}: {}", report.said);
    }
    let report = run_victim(&["passes"], &["--module", "nonesuch"]);
    assert_eq!(report.kernel().0, "missing-module", "{}", report.said);
}

#[test]
fn failures_have_their_names() {
    assert_eq!(broken_by("panics", &[]).0, "panic");
    assert_eq!(broken_by("warns", &[]).0, "warning");
    assert_eq!(broken_by("powers_off", &[]).0, "powered-off");
    assert_eq!(broken_by("ends_the_guest", &[]).0, "powered-off");
    let (outcome, reason) = broken_by("resets", &[]);
    assert!(outcome == "powered-off" && reason.contains("reset"), "{reason}");
    assert_eq!(broken_by("runs_out_of_memory", &["--memory", "192M"]).0, "out-of-memory");
    assert_eq!(broken_by("kills_init", &["--privileged"]).0, "init-died");
    assert_eq!(broken_by("writes_into_the_results", &[]).0, "results-damaged");
    for forgery in ["forges_its_end", "forges_a_test_of_no_binary", "forges_the_last_record"] {
        assert_eq!(broken_by(forgery, &[]).0, "results-forged", "{forgery}");
    }
}

#[test]
fn tests_have_limits() {
    let report = run_victim(&["eats_memory", "passes"], &["--memory", "192M"]);
    assert_eq!(report.test("eats_memory").outcome, Outcome::KilledByOom, "{}", report.said);
    assert_eq!(report.test("passes").outcome, Outcome::Passed, "{}", report.said);
    let report = run_victim(&["sleeps", "passes"], &["--test-time-out", "2"]);
    assert_eq!(report.test("sleeps").outcome, Outcome::TimedOut, "{}", report.said);
    assert_eq!(report.test("passes").outcome, Outcome::Passed, "{}", report.said);
}

#[test]
fn a_hang_is_told_with_a_backtrace() {
    let report = run_victim(&["freezes_init"], &["--silence", "3"]);
    let (outcome, reason) = report.kernel();
    assert_eq!(outcome, "hang", "{}", report.said);
    assert!(reason.contains("sent nothing for 3 seconds"), "{reason}");
    let log = report.kernels[0].console_tail.join("\n");
    assert!(log.contains("sysrq_handle_crash"), "{log}");
}

#[test]
fn a_test_cannot_reach_init() {
    let report = run_victim(&["cannot_reach_init"], &[]);
    assert!(report.green, "{}", report.said);
}

#[test]
fn what_fits_no_guest_is_refused() {
    let (arm64, host) = (victim(), victim_of_host());
    for (args, binary, expected) in [
        (
            ["--kernel", "6.12", "--arch", "arm64"],
            &host,
            "victim is for x86-64, and the guest for arm64",
        ),
        (
            ["--kernel", "6.12", "--arch", "amd64"],
            &arm64,
            "victim is for arm64, and the guest for x86-64",
        ),
        (
            ["--kernel", KERNEL, "--filter", "x"],
            &host,
            "the kernel 6.12-arm64 is for arm64, but there is no test binary for arm64",
        ),
    ] {
        let output = harness().arg("matrix").args(args).arg(binary).output().unwrap();
        let text = said(&output);
        assert!(output.status.code() == Some(125) && text.contains(expected), "{text}");
    }
    let args = ["run", "--kernel", KERNEL, "--", "true"];
    let output = harness().args(args).output().unwrap();
    let text = said(&output);
    assert!(text.contains("true is for x86-64, and the guest for arm64"), "{text}");
    assert!(text.contains("`--root`"), "{text}");
}

#[test]
fn a_root_file_system_has_the_programs_of_its_architecture() {
    let args = ["run", "--kernel", "6.12", "--arch", "arm64", "--root", "debian:trixie"];
    let output = harness().args(args).args(["--", "uname", "-m"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "aarch64\n", "{}", said(&output));
}
