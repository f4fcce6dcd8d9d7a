//! The message of the build script if libelf is missing.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const MESSAGE: &str = "cargo::error=libbpf-rs needs libelf, and `libelf.h` was not found: run `apt install libelf-dev \
    zlib1g-dev` (Debian, Ubuntu), `dnf install elfutils-libelf-devel zlib-devel` (Fedora) or `pacman -S libelf zlib` \
    (Arch); if you don't use libbpf-rs, turn off the default features of bpfmap";

#[test]
fn a_missing_libelf_is_named_with_its_package() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("libelf");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("tools")).unwrap();
    let script = compiled(&folder);
    let said = |others: &[(&str, &str)]| {
        let mut command = Command::new(&script);
        command.env_clear().envs([
            ("HOST", "this"),
            ("TARGET", "this"),
            ("CARGO_FEATURE_LIBBPF_RS", "1"),
            // Neither the compiler nor pkg-config finds a library.
            ("CC", "/bin/false"),
            ("PKG_CONFIG", "/bin/false"),
        ]);
        let output = command.envs(others.iter().copied()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().filter(|line| !line.starts_with("cargo::rerun-if-")).collect::<String>()
    };
    assert_eq!(said(&[]), MESSAGE);
    assert_eq!(said(&[("CC", "/bin/true")]), "", "the compiler finds it");
    assert_eq!(said(&[("PKG_CONFIG", "/bin/true")]), "", "pkg-config knows it");
    assert_eq!(said(&[("CC", "/nowhere/cc")]), "", "the compiler itself is missing");
    assert_eq!(said(&[("TARGET", "other")]), "", "nothing is known about another machine");

    let tools = folder.join("tools");
    for tool in ["autoreconf", "autopoint", "flex", "bison"] {
        fs::write(tools.join(tool), "").unwrap();
    }
    let path = [("PATH", tools.to_str().unwrap())];
    assert_eq!(said(&path), MESSAGE, "one of the tools that compile libelf is missing");
    fs::write(tools.join("gawk"), "").unwrap();
    assert_eq!(said(&path), "", "all tools that compile libelf are present");
}

/// Without libbpf-rs, libelf is not needed.
#[test]
fn libelf_is_not_required_without_libbpf() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no_libelf");
    fs::create_dir_all(&folder).unwrap();
    let output =
        Command::new(compiled(&folder)).env_clear().env("CC", "/bin/false").output().unwrap();
    assert!(!String::from_utf8(output.stdout).unwrap().contains("cargo::error"));
}

#[test]
fn the_page_about_builds_names_the_same_packages() {
    let page = include_str!("../../docs/troubleshooting.md");
    for row in [
        "| libelf | libbpf-rs | `libelf-dev` | `elfutils-libelf-devel` | `libelf` |",
        "| zlib | libbpf-rs | `zlib1g-dev` | `zlib-devel` | `zlib` |",
    ] {
        assert!(page.contains(row), "no row {row}");
    }
}

/// Compiles the build script, and returns its path.
fn compiled(folder: &Path) -> PathBuf {
    let script = folder.join("build-script");
    let status = Command::new(Path::new(env!("CARGO")).with_file_name("rustc"))
        .args(["--edition", "2024", "-o"])
        .arg(&script)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("build.rs"))
        .status();
    assert!(status.unwrap().success());
    script
}
