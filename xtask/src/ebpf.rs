//! `cargo xtask ebpf` and `cargo xtask code-size`. The first command installs the tools that build BPF programs in Rust, and
//! builds the Rust programs of this repository. The second compares their sizes with programs in C.
//!
//! The target `bpfel-unknown-none` has no compiled library, so Cargo compiles `core` from its
//! source. The tools are in a directory of the user's cache, and `target/ebpf-tools` contains links
//! to them. The installed toolchain stays unchanged. Instead, Cargo uses a directory that contains
//! links to the toolchain and the source of the library.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Error;
use crate::apt::Apt;
use crate::cargo::{cache, cargo, root};
use crate::step::{Steps, output, run as run_command};

/// The version of bpf-linker. It uses the LLVM of the compiler.
const LINKER: &str = "0.10.3";

/// The Debian suites that may have the library source of this compiler.
const SUITES: &[&str] = &["trixie-backports", "trixie"];

/// Runs `cargo xtask ebpf`.
///
/// # Errors
///
/// Fails if a tool can't be installed, or if a program does not build.
pub(crate) fn run() -> Result<(), Error> {
    let mut steps = Steps::new(2);
    steps.next("Tools");
    ensure_tools()?;
    steps.next("Programs in Rust");
    run_command(cargo().args([
        "build",
        "--package",
        "rust-program",
        "--package",
        "bpfmap-programs",
        "--package",
        "bpfmap-program-fixtures",
    ]))
}

/// Runs `cargo xtask code-size`.
///
/// # Errors
///
/// Fails if a tool can't be installed, if a program does not build, or if a program in Rust is much
/// larger than the same program in C.
pub(crate) fn code_size() -> Result<(), Error> {
    ensure_tools()?;
    let test = ["test", "--package", "bpfmap-programs", "--test", "code_size"];
    run_command(cargo().args(test).args(["--", "--nocapture"]))
}

/// Installs the tools that are missing.
///
/// # Errors
///
/// Fails if a tool can't be installed.
pub(crate) fn ensure_tools() -> Result<(), Error> {
    let cache = cache("bpfmap-tools")?;
    let linker = linker(&cache)?;
    let sysroot = PathBuf::from(output(Command::new("rustc").args(["--print", "sysroot"]))?.trim());
    let folder = root().join("target/ebpf-tools");
    fs::create_dir_all(folder.join("bin"))?;
    link(&linker, &folder.join("bin/bpf-linker"))?;
    let compiler = sysroot.join("bin/rustc");
    let script = if library(&sysroot).join("Cargo.lock").exists() {
        format!("#!/bin/sh\nexec '{}' \"$@\"\n", compiler.display())
    } else {
        let with_source = folder.join("sysroot");
        add_source(&sysroot, &source(&cache)?, &with_source)?;
        let (compiler, sysroot) = (compiler.display(), with_source.display());
        format!("#!/bin/sh\nexec '{compiler}' --sysroot '{sysroot}' \"$@\"\n")
    };
    let wrapper = folder.join("rustc");
    // Cargo builds everything again if the file is newer.
    if fs::read_to_string(&wrapper).is_ok_and(|there| there == script) {
        return Ok(());
    }
    fs::write(&wrapper, script)?;
    Ok(fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755))?)
}

/// Returns the path of bpf-linker. Installs bpf-linker if it is missing or has a different version.
fn linker(cache: &Path) -> Result<PathBuf, Error> {
    let program = cache.join("bin/bpf-linker");
    let found = Command::new(&program).arg("--version").output();
    let is_it = |output: &[u8]| String::from_utf8_lossy(output).trim().ends_with(LINKER);
    if !found.is_ok_and(|output| is_it(&output.stdout)) {
        println!("Installing bpf-linker {LINKER} in {}", cache.display());
        let mut install = cargo();
        install.args(["install", "--locked", "--root"]).arg(cache);
        run_command(install.arg(format!("bpf-linker@{LINKER}")))?;
    }
    println!("bpf-linker {LINKER}: {}", program.display());
    Ok(program)
}

/// Returns the directory with the library source of this compiler. Debian contains this source for
/// some versions of the compiler.
fn source(cache: &Path) -> Result<PathBuf, Error> {
    let version = output(Command::new("rustc").arg("--version"))?;
    let version = version.split_whitespace().nth(1).unwrap_or_default().to_owned();
    let folder = cache.join(format!("rust-src-{version}"));
    let library = folder.join(format!("usr/src/rustc-{version}/library"));
    if !library.join("Cargo.lock").exists() {
        println!("Installing the library source of Rust {version} in {}", folder.display());
        download(&version, &folder).map_err(|error| {
            format!(
                "the library source of Rust {version} is missing: {error}\n  help: run `rustup component add rust-src`"
            )
        })?;
    }
    println!("library source: {}", library.display());
    Ok(library)
}

/// Downloads Debian's package with the library source of this version, and unpacks it in `folder`.
fn download(version: &str, folder: &Path) -> Result<(), Error> {
    let parent = folder.parent().ok_or("the cache has no parent")?;
    for suite in SUITES {
        let apt = Apt::with_suite(suite)?;
        run_command(apt.command().arg("update"))?;
        let Some(package) = apt.version("rust-src", version)? else { continue };
        let part = tempfile::tempdir_in(parent)?;
        let mut download = apt.command();
        download.args(["download", &format!("rust-src={package}")]).current_dir(part.path());
        run_command(&mut download)?;
        let file = fs::read_dir(part.path())?.next().ok_or("apt downloaded nothing")??.path();
        let unpacked = part.path().join("unpacked");
        run_command(Command::new("dpkg-deb").arg("--extract").arg(&file).arg(&unpacked))?;
        return Ok(fs::rename(unpacked, folder)?);
    }
    Err(format!("the suites {} of Debian have no such version", SUITES.join(", ")).into())
}

/// Creates a directory that contains links to the files of a compiler's system root, and a link to
/// the library source at the path where Cargo expects it.
fn add_source(sysroot: &Path, source: &Path, with_source: &Path) -> Result<(), Error> {
    let library = library(with_source);
    fs::create_dir_all(library.parent().ok_or("the root has no library")?)?;
    for (part, besides) in [("lib", "rustlib"), ("lib/rustlib", "src")] {
        for entry in fs::read_dir(sysroot.join(part))? {
            let entry = entry?;
            if entry.file_name() != besides {
                link(&entry.path(), &with_source.join(part).join(entry.file_name()))?;
            }
        }
    }
    link(source, &library)
}

/// Returns the path at which Cargo expects the library source.
fn library(sysroot: &Path) -> PathBuf {
    sysroot.join("lib/rustlib/src/rust/library")
}

/// Creates a symbolic link. An existing link is replaced.
fn link(target: &Path, place: &Path) -> Result<(), Error> {
    match fs::read_link(place) {
        Ok(there) if there == target => return Ok(()),
        Ok(_) => fs::remove_file(place)?,
        Err(_) => {}
    }
    Ok(symlink(target, place)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_is_where_cargo_expects_it() {
        let folder = tempfile::tempdir().unwrap();
        let [sysroot, source, made] =
            ["sysroot", "source", "made"].map(|it| folder.path().join(it));
        fs::create_dir_all(sysroot.join("lib/rustlib/x86_64-unknown-linux-gnu")).unwrap();
        fs::write(sysroot.join("lib/libLLVM.so"), "").unwrap();
        fs::create_dir_all(&source).unwrap();
        fs::write(source.join("Cargo.lock"), "").unwrap();
        for _ in 0..2 {
            add_source(&sysroot, &source, &made).unwrap();
            assert!(library(&made).join("Cargo.lock").exists());
            assert!(made.join("lib/libLLVM.so").exists());
            assert!(made.join("lib/rustlib/x86_64-unknown-linux-gnu").is_dir());
        }
        // Another compiler, and the source of its library.
        let other = folder.path().join("other");
        fs::create_dir_all(&other).unwrap();
        add_source(&sysroot, &other, &made).unwrap();
        assert_eq!(fs::read_link(library(&made)).unwrap(), other);
    }
}
