//! The harness with danobi/vmtest as the program that boots guests: its input, and its results. An
//! example of this crate stands in for the tool, so that no test needs the tool to be installed.

use crate::common::{Report, build_example, matrix, victim};
use bpfmap_vmtest::event::Outcome;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Copies the test binary to a directory below `parent`. The tool hides `/tmp` from its guests, and
/// this repository may be in `/tmp`.
fn victim_below(parent: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir_in(parent).unwrap();
    let copy = directory.path().join("victim");
    fs::copy(victim(), &copy).unwrap();
    (directory, copy)
}

/// Copies the test binary to a directory in which guests of the tool find it, wherever this
/// repository is.
fn visible_victim() -> (TempDir, PathBuf) {
    victim_below("/var/tmp")
}

/// Returns a path as an argument.
fn argument(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Runs tests of the victim with the driver `vmtest`, on a kernel that needs no modules.
fn run(tests: &[&str], change: impl FnOnce(&mut std::process::Command)) -> Report {
    let directory = tempfile::tempdir().unwrap();
    let image = crate::sources::kernel_image();
    let config = format!("[kernels]\nours = {{ path = \"{}\" }}\n", image.display());
    fs::write(directory.path().join("bpfmap-vmtest.toml"), config).unwrap();
    let mut args =
        vec!["--driver", "vmtest", "--kernel", "ours", "--exact", "--test-time-out", "3"];
    let (_copy, victim) = visible_victim();
    args.push(argument(&victim));
    for test in tests {
        args.extend(["--filter", test]);
    }
    let stand_in = build_example("vmtest");
    matrix(&args, |command| {
        let path = std::env::var("PATH").unwrap();
        let first = stand_in.parent().unwrap().display();
        command.env("PATH", format!("{first}:{path}")).current_dir(directory.path());
        change(command);
    })
}

#[test]
fn vmtests_guests_have_the_same_rules() {
    let tests = ["fails", "crashes", "exits_early", "skips", "sleeps", "passes"];
    let report = run(&tests, |_| {});
    assert!(!report.green, "{}", report.said);
    for (test, outcome) in tests.into_iter().zip([
        Outcome::Failed,
        Outcome::Crashed,
        Outcome::EndedEarly,
        Outcome::Skipped,
        Outcome::TimedOut,
        Outcome::Passed,
    ]) {
        assert_eq!(report.test(test).outcome, outcome, "{}", report.said);
    }
    assert_eq!(report.kernel().outcome, "ok", "{}", report.said);
    assert!(run(&["passes"], |_| {}).green);
}

#[test]
fn a_kernel_that_panics_in_vmtests_guest_is_told() {
    let report = run(&["passes"], |command| {
        command.env("STAND_IN_PANICS", "1");
    });
    assert!(!report.green, "{}", report.said);
    assert_eq!(report.kernel().outcome, "panic", "{}", report.said);
}

#[test]
fn vmtest_that_is_not_installed_is_named() {
    let report = run(&["passes"], |command| {
        command.env("PATH", "/usr/bin:/bin");
    });
    assert!(!report.green);
    assert_eq!(report.kernel().outcome, "driver-missing", "{}", report.said);
    assert!(report.said.contains("cargo install vmtest"), "{}", report.said);
}

#[test]
fn a_kernel_without_9p_is_told_before_vmtest_tries_it() {
    let (_copy, victim) = visible_victim();
    let report = matrix(&["--driver", "vmtest", argument(&victim)], |_| {});
    assert!(!report.green);
    assert_eq!(report.kernel().outcome, "missing-module", "{}", report.said);
    assert!(report.said.contains("can't mount a root over 9p"), "{}", report.said);
}

#[test]
fn a_binary_that_vmtest_hides_is_refused_before_anything_boots() {
    let (_copy, victim) = victim_below("/tmp");
    let report = matrix(&["--driver", "vmtest", argument(&victim)], |_| {});
    assert!(!report.green);
    assert!(report.kernels.is_empty(), "{}", report.said);
    assert!(report.said.contains("is in /tmp, which vmtest hides"), "{}", report.said);
}
