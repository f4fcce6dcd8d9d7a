//! Tests that Cargo builds. They are found from any directory of a workspace, and run with the
//! environment that Cargo gives them.

use crate::common::{self, KERNEL, Report, harness, said};
use bpfmap_vmtest::event::Outcome;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// A workspace of a library with a program, a macro, and a package without tests.
const FILES: &[(&str, &str)] = &[
    ("Cargo.toml", "[workspace]\nmembers = [\"alpha\", \"beta\", \"gamma\"]\nresolver = \"3\"\n"),
    (
        "alpha/Cargo.toml",
        "[package]\nname = \"alpha\"\nversion = \"1.2.3\"\nedition = \"2024\"\n[features]\nmore = []\n",
    ),
    ("alpha/src/lib.rs", "#[test]\nfn adds() { assert_eq!(1 + 1, 2); }\n"),
    ("alpha/src/main.rs", "fn main() { println!(\"helped\"); }\n"),
    (
        "alpha/tests/place.rs",
        r#"
        use std::env;

        #[test]
        fn in_its_folder() {
            assert_eq!(env::current_dir().unwrap().to_str(), Some(env!("CARGO_MANIFEST_DIR")));
        }

        #[test]
        fn knows_its_package() {
            let variable = |name: &str| env::var(name).unwrap();
            assert_eq!(variable("CARGO_MANIFEST_DIR"), env!("CARGO_MANIFEST_DIR"));
            assert_eq!(variable("CARGO_PKG_NAME"), "alpha");
            assert_eq!(variable("CARGO_PKG_VERSION_MINOR"), "2");
        }

        #[test]
        fn runs_its_program() {
            let output = std::process::Command::new(env!("CARGO_BIN_EXE_alpha")).output().unwrap();
            assert_eq!(output.stdout, b"helped\n");
        }

        #[cfg(feature = "more")]
        #[test]
        fn has_the_feature() {}
        "#,
    ),
    (
        "beta/Cargo.toml",
        "[package]\nname = \"beta\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[lib]\nproc-macro = true\n",
    ),
    ("beta/src/lib.rs", "#[test]\nfn of_a_macro() {}\n"),
    (
        "gamma/Cargo.toml",
        "[package]\nname = \"gamma\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[lib]\ntest = false\n",
    ),
    ("gamma/src/lib.rs", ""),
];

fn workspace() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in FILES {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// Runs the harness in a directory, without the variables of another Cargo.
fn alone_in(folder: &Path, command: &mut Command) {
    command.current_dir(folder).env_remove("CARGO_TARGET_DIR").env("CARGO_NET_OFFLINE", "true");
}

/// Returns the command `bpfmap-vmtest test` in a directory.
fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = harness();
    alone_in(folder, command.arg("test").args(arguments));
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

fn report(folder: &Path, arguments: &[&str]) -> Report {
    common::report("test", arguments, |command| alone_in(folder, command))
}

/// Returns the tests that ran, as `BINARY TEST`.
fn names(report: &Report) -> Vec<String> {
    let mut names: Vec<String> =
        report.tests.iter().map(|test| format!("{} {}", test.binary, test.test)).collect();
    names.sort();
    names
}

#[test]
fn a_whole_workspace_is_tested_from_a_directory_in_it() {
    let workspace = workspace();
    let arguments = ["--workspace", "--kernel", KERNEL];
    let report = report(&workspace.path().join("beta/src"), &arguments);
    assert!(report.green, "{}", report.said);
    let expected = [
        "alpha adds",
        "alpha::place in_its_folder",
        "alpha::place knows_its_package",
        "alpha::place runs_its_program",
        "beta of_a_macro",
    ];
    assert_eq!(names(&report), expected, "{}", report.said);
}

#[test]
fn packages_targets_features_and_filters_select() {
    let workspace = workspace();
    for (arguments, expected) in [
        (&["-p", "alpha", "--lib"][..], &["alpha adds"][..]),
        (&["-p", "alpha", "folder"], &["alpha::place in_its_folder"]),
        (
            &["--test", "place", "-F", "more", "--", "has_the_feature", "--exact"],
            &["alpha::place has_the_feature"],
        ),
        (&["--workspace", "--exclude", "alpha", "--target-dir", "elsewhere"], &["beta of_a_macro"]),
        (&["--release", "-p", "alpha", "--", "--skip", "adds", "--skip=its"], &[] as &[&str]),
    ] {
        let arguments = [&["--driver", "host"], arguments].concat();
        let report = report(workspace.path(), &arguments);
        if expected.is_empty() {
            assert!(!report.green, "{}", report.said);
            let reasons: Vec<_> =
                report.tests.iter().filter_map(|it| it.reason.as_deref()).collect();
            let told = "`--skip adds`, `--skip its` leaves out every test that would be selected (of 3 tests)";
            assert!(reasons.contains(&told), "{reasons:?}");
        } else {
            assert!(report.green, "{}", report.said);
            assert_eq!(names(&report), expected, "{}", report.said);
        }
    }
    assert!(workspace.path().join("elsewhere/debug").is_dir());
    assert!(workspace.path().join("target/release").is_dir());
}

#[test]
fn a_filter_that_matches_no_test_is_a_failure() {
    let workspace = workspace();
    let report = report(workspace.path(), &["--driver", "host", "--", "nowhere"]);
    assert!(!report.green, "{}", report.said);
    assert!(report.tests.iter().all(|test| test.outcome == Outcome::NoTests));
    assert!(report.said.contains("the filter `nowhere` matches none"), "{}", report.said);
}

#[test]
fn targets_that_cannot_be_built_are_named() {
    let workspace = workspace();
    let lib = workspace.path().join("beta/src/lib.rs");
    fs::write(&lib, "fn broken( {}\n").unwrap();
    let broken = run(workspace.path(), &["-p", "beta"]);
    let no_tests = run(workspace.path(), &["-p", "gamma"]);
    let no_package = run(workspace.path(), &["-p", "delta"]);
    let empty = tempfile::tempdir().unwrap();
    let no_manifest = run(empty.path(), &[]);
    let no_cargo = command(workspace.path(), &[])
        .env_remove("CARGO")
        .env("PATH", empty.path())
        .output()
        .unwrap();
    let filter = run(workspace.path(), &["--", "--report-time"]);
    for (output, words) in [
        (
            broken,
            &["this file contains an unclosed delimiter", "Cargo could not build the tests"][..],
        ),
        (no_tests, &["Cargo built no test binary", "help: select a package"]),
        (no_package, &["`delta`", "Cargo could not build the tests"]),
        (no_manifest, &["could not find `Cargo.toml`", "Cargo could not build the tests"]),
        (no_cargo, &["cannot run cargo", "help: install Rust"]),
    ] {
        let said = said(&output);
        assert_eq!(output.status.code(), Some(125), "{said}");
        for word in words {
            assert!(said.contains(word), "{said}");
        }
    }
    // The last one is an error in the command line.
    let text = said(&filter);
    assert_eq!(filter.status.code(), Some(2), "{text}");
    for words in ["unknown argument `--report-time` after `--`", "help: use only names of tests"] {
        assert!(text.contains(words), "{text}");
    }
}
