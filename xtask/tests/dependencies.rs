//! Tests the dependencies of the crates for users, and the places where versions are written.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// The dependency of `syn`, `quote` and `proc-macro2`.
const OF_SYN: &str = "unicode-ident";

#[test]
fn the_derives_build_no_back_end() {
    let expected = [
        "bitflags",
        "bpfmap-btf",
        "bpfmap-core",
        "bpfmap-derive",
        "bpfmap-schema",
        "proc-macro2",
        "quote",
        "strsim",
        "syn",
        OF_SYN,
    ];
    assert_eq!(packages(&["--package", "bpfmap-derive"]), expected.map(str::to_owned).into());
}

#[test]
fn a_crate_that_only_opens_maps_builds_libc_and_bitflags_beside_bpfmap() {
    let expected = ["bitflags", "bpfmap", "bpfmap-btf", "bpfmap-core", "libc"];
    let found = packages(&["--package", "bpfmap", "--no-default-features"]);
    assert_eq!(found, expected.map(str::to_owned).into());
}

#[test]
fn the_facts_and_the_btf_need_no_more_than_bitflags() {
    let core = ["bitflags", "bpfmap-core"].map(str::to_owned);
    assert_eq!(packages(&["--package", "bpfmap-core"]), core.into());
    let btf = ["bpfmap-btf"].map(str::to_owned);
    assert_eq!(packages(&["--package", "bpfmap-btf"]), btf.into());
}

/// If the build script and the application need a package with different features, the package is
/// compiled twice.
#[test]
fn no_package_is_built_twice_for_a_build_script_and_an_application() {
    let tree = ["tree", "--edges", "normal,build", "--prefix", "none", "--no-dedupe"];
    for package in ["execsnoop", "syscalls"] {
        let text = cargo(&[&tree[..], &["--format", "{p}|{f}", "--package", package]].concat());
        let mut features: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for line in text.lines() {
            let (package, enabled) = line.split_once('|').unwrap();
            features.entry(package).or_default().insert(enabled);
        }
        for shared in ["bpfmap-core", "libbpf-rs", "libc"] {
            assert!(features.keys().any(|it| it.starts_with(shared)), "{package} builds {shared}");
        }
        features.retain(|_, sets| sets.len() > 1);
        assert_eq!(features, BTreeMap::new(), "built more than once for {package}");
    }
}

/// The crates that a user's build compiles support the Rust version of Debian stable. The tools
/// need at most Rust 1.88. Those whose dependencies need a newer Rust specify that version.
#[test]
fn each_package_specifies_its_oldest_rust() {
    const NEWER: &[(&str, &str)] = &[
        ("aya-loader", "1.87"),
        ("bpfmap-ebpf", "1.87"),
        ("bpfmap-programs", "1.87"),
        ("profiler", "1.88"),
        ("rust-program", "1.87"),
    ];
    const TOOLS: &[&str] = &[
        "bpfmap-bench",
        "bpfmap-book",
        "bpfmap-book-source",
        "bpfmap-cli",
        "bpfmap-compile-cost",
        "bpfmap-import-cost",
        "bpfmap-legacy",
        "bpfmap-roundtrip",
        "bpfmap-vmtest",
        "xtask",
    ];
    let metadata = cargo(&["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: serde_json::Value = serde_json::from_str(&metadata).unwrap();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let newer = NEWER.iter().find(|(package, _)| *package == name);
        let oldest = match newer {
            Some((_, oldest)) => oldest,
            None if TOOLS.contains(&name) => "1.88",
            None => "1.85",
        };
        assert_eq!(package["rust_version"].as_str(), Some(oldest), "rust-version of {name}");
    }
}

/// Each version is written only once, in the manifest of the workspace.
#[test]
fn each_dependency_comes_from_the_workspace() {
    let metadata = cargo(&["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: serde_json::Value = serde_json::from_str(&metadata).unwrap();
    for package in metadata["packages"].as_array().unwrap() {
        let path = package["manifest_path"].as_str().unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        let mut section = "";
        for line in text.lines() {
            if line.starts_with('[') {
                section = line.trim_matches(['[', ']']);
            } else if section.ends_with("dependencies") && line.contains(" = ") {
                let inherited = line.contains("workspace = true");
                // The tests of a crate may need a crate that depends on it. Published packages must
                // not have such a cycle.
                let is_left_out = section == "dev-dependencies"
                    && line.contains("path = ")
                    && !line.contains("version = ");
                assert!(
                    inherited || is_left_out,
                    "{path}: expected `workspace = true` in `{line}`"
                );
            }
        }
    }
}

/// Returns the packages that a build with `arguments` compiles for the target, including the
/// selected packages.
fn packages(arguments: &[&str]) -> BTreeSet<String> {
    let tree = ["tree", "--edges", "normal", "--prefix", "none", "--format", "{p}"];
    let text = cargo(&[&tree, arguments].concat());
    text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

fn cargo(arguments: &[&str]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let output =
        Command::new(env!("CARGO")).current_dir(root).args(arguments).arg("--locked").output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
