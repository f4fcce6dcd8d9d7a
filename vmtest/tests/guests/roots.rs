//! Root file systems of guests: each kind of source, and each fault that a source can have.

use crate::common::{KERNEL, harness, matrix, said, victim};
use crate::sources::digest;
use bpfmap_vmtest::event::Outcome;
use serde_json::json;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tar::EntryType;

/// A root file system with a shell and `cat`, taken from this machine.
fn small_root() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let here = root.path();
    for directory in ["usr/bin", "usr/lib/x86_64-linux-gnu", "usr/lib64", "etc"] {
        fs::create_dir_all(here.join(directory)).unwrap();
    }
    for directory in ["bin", "lib", "lib64"] {
        symlink(Path::new("usr").join(directory), here.join(directory)).unwrap();
    }
    for file in
        ["bin/sh", "bin/cat", "lib/x86_64-linux-gnu/libc.so.6", "lib64/ld-linux-x86-64.so.2"]
    {
        fs::copy(Path::new("/").join(file), here.join(file)).unwrap();
    }
    fs::write(here.join("etc/marker"), "of the root\n").unwrap();
    root
}

/// Runs a shell command with a root file system. Returns whether it succeeded, and its output.
fn run(root: &str, more: &[&str], script: &str) -> (bool, String) {
    let output = harness()
        .args(["run", "--kernel", KERNEL, "--root", root])
        .args(more)
        .args(["--", "sh", "-c", script])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (output.status.success(), said(&output))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Adds an entry to an archive without a check of its name.
fn append(tar: &mut tar::Builder<Vec<u8>>, kind: EntryType, name: &str, link: &str, data: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(data.len() as u64);
    header.set_cksum();
    tar.append(&header, data).unwrap();
}

/// Returns the small root as an archive, with the entries that `change` adds.
fn archive(change: impl FnOnce(&mut tar::Builder<Vec<u8>>)) -> Vec<u8> {
    let root = small_root();
    let mut tar = tar::Builder::new(Vec::new());
    tar.follow_symlinks(false);
    tar.append_dir_all("", root.path()).unwrap();
    change(&mut tar);
    tar.into_inner().unwrap()
}

#[test]
fn a_directory_is_the_root_and_stays_as_it_is() {
    let root = small_root();
    let script = "cat /etc/marker && echo x > /etc/new && cat /etc/new && test ! -e /etc/passwd";
    // The second guest comes from a snapshot, and does not see the files that the first guest has
    // written.
    for _ in 0..2 {
        let (green, said) = run(text(root.path()), &[], &format!("test ! -e /etc/new && {script}"));
        assert!(green && said == "of the root\nx\n", "{said}");
    }
    assert!(!root.path().join("etc/new").exists());
    fs::write(root.path().join("etc/marker"), "another\n").unwrap();
    let (green, said) = run(text(root.path()), &[], "cat /etc/marker");
    assert!(green && said == "another\n", "{said}");
}

#[test]
fn an_archive_keeps_owners_modes_and_hard_links() {
    let data = archive(|tar| {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o4755);
        header.set_uid(1234);
        header.set_gid(42);
        header.set_size(2);
        tar.append_data(&mut header, "usr/bin/tool", &b"#!"[..]).unwrap();
        append(tar, EntryType::Link, "usr/bin/same", "usr/bin/tool", b"");
        append(tar, EntryType::Char, "dev/null", "", b"");
    });
    let mut compressed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut compressed, &data).unwrap();
    let directory = tempfile::tempdir().unwrap();
    for (name, data) in [("root.tar", data), ("root.tar.gz", compressed.finish().unwrap())] {
        let path = directory.path().join(name);
        fs::write(&path, data).unwrap();
        let script =
            "cd /usr/bin && test -u tool -a ! -O tool -a -O sh && cat same && echo x > /dev/null";
        let (green, said) = run(text(&path), &[], script);
        assert!(green && said == "#!", "{name}: {said}");
    }
}

/// Returns the files, with their paths, of an image layout with these layers.
fn layout(layers: &[Vec<u8>], processor: &str) -> Vec<(String, Vec<u8>)> {
    let mut files = vec![("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec())];
    let mut add = |data: Vec<u8>| {
        let (digest, size) = (digest(&data), data.len());
        files.push((format!("blobs/sha256/{digest}"), data));
        json!({ "digest": format!("sha256:{digest}"), "size": size })
    };
    let layers: Vec<_> = layers.iter().map(|layer| add(layer.clone())).collect();
    let config = add(json!({ "architecture": processor, "os": "linux" }).to_string().into_bytes());
    let manifest = add(json!({ "config": config, "layers": layers }).to_string().into_bytes());
    files.push((
        "index.json".to_owned(),
        json!({ "manifests": [manifest] }).to_string().into_bytes(),
    ));
    files
}

/// Writes an image layout as a directory.
fn write_layout(files: &[(String, Vec<u8>)], directory: &Path) {
    fs::create_dir_all(directory.join("blobs/sha256")).unwrap();
    for (path, data) in files {
        fs::write(directory.join(path), data).unwrap();
    }
}

#[test]
fn an_image_is_its_layers_on_each_other() {
    let first = archive(|tar| {
        for name in ["etc/gone", "opt/a/b", "opt/c"] {
            append(tar, EntryType::Regular, name, "", b"first\n");
        }
    });
    let mut second = tar::Builder::new(Vec::new());
    append(&mut second, EntryType::Regular, "etc/marker", "", b"second\n");
    append(&mut second, EntryType::Regular, "etc/.wh.gone", "", b"");
    append(&mut second, EntryType::Regular, "opt/new", "", b"");
    append(&mut second, EntryType::Regular, "opt/.wh..wh..opq", "", b"");
    let files = layout(&[first, second.into_inner().unwrap()], "amd64");
    let directory = tempfile::tempdir().unwrap();
    write_layout(&files, &directory.path().join("image"));
    let mut tar = tar::Builder::new(Vec::new());
    for (name, data) in &files {
        append_long(&mut tar, name, data);
    }
    fs::write(directory.path().join("image.tar"), tar.into_inner().unwrap()).unwrap();
    for name in ["image", "image.tar"] {
        let script = "cat /etc/marker && test ! -e /etc/gone && echo /opt/*";
        let (green, said) = run(text(&directory.path().join(name)), &[], script);
        assert!(green && said == "second\n/opt/new\n", "{name}: {said}");
    }
}

fn append_long(tar: &mut tar::Builder<Vec<u8>>, name: &str, data: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o644);
    header.set_size(data.len() as u64);
    tar.append_data(&mut header, name, data).unwrap();
}

#[test]
fn packages_of_debian_are_a_system() {
    let script =
        "set -e; ip -V; test -x /bin/ls -a -L /bin -a -L /lib64; cat /etc/passwd; ls -ld /tmp";
    let (green, said) = run("debian:bookworm/iproute2", &[], script);
    assert!(
        green && said.contains("ip utility, iproute2") && said.contains("root:x:0:0"),
        "{said}"
    );
}

#[test]
fn programs_of_this_machine_run_beside_those_of_an_older_and_a_newer_c_library() {
    for suite in ["bullseye", "trixie"] {
        let root = format!("debian:{suite}");
        let more = ["--host-programs", "bash"];
        let script =
            "set -e; ls / > /dev/null; bash -c 'echo here'; cat /etc/hosts | sort > /dev/null";
        // The first run may report that it fetches packages.
        let (green, said) = run(&root, &more, script);
        assert!(green && said.starts_with("here\n"), "{suite}: {said}");
        assert_eq!(run(&root, &more, script), (true, "here\n".to_owned()), "{suite}");
        let args = ["--root", &root, "--filter", "passes", "--exact", text(victim())];
        let report = matrix(&args, |_| {});
        assert!(report.green, "{suite}: {}", report.said);
    }
}

#[test]
fn tests_run_in_the_root_of_the_configuration() {
    let root = small_root();
    fs::rename(root.path(), root.path().with_extension("moved")).unwrap();
    let directory = tempfile::tempdir().unwrap();
    fs::rename(root.path().with_extension("moved"), directory.path().join("root")).unwrap();
    fs::write(
        directory.path().join("bpfmap-vmtest.toml"),
        "root = \"root\"\nhost_programs = [\"ls\"]\n",
    )
    .unwrap();
    let report = matrix(&["--filter", "passes", "--exact", text(victim())], |command| {
        command.current_dir(directory.path());
    });
    assert!(report.green, "{}", report.said);
    let output = harness()
        .args(["run", "--kernel", KERNEL, "--file", "bpfmap-vmtest.toml:/etc/marker"])
        .args(["--", "sh", "-c", "ls /usr/bin && cat /etc/marker"])
        .current_dir(directory.path())
        .output()
        .unwrap();
    assert_eq!(said(&output), "cat\nls\nsh\nroot = \"root\"\nhost_programs = [\"ls\"]\n");
}

#[test]
fn without_a_root_there_is_what_every_system_has() {
    let script = "set -e; /bin/true; ! /bin/false; cat /etc/passwd /etc/group | while read x; do echo $x; done; bash -c :";
    let output = harness()
        .args(["run", "--kernel", KERNEL, "--host-programs", "bash", "--", "sh", "-c", script])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = said(&output);
    assert!(output.status.success() && text.contains("nobody:x:65534"), "{text}");
    // Files that are passed to the guest replace these files.
    let output = harness()
        .args(["run", "--kernel", KERNEL, "--file", "/etc/hostname:/etc/passwd", "--"])
        .args(["cat", "/etc/passwd"])
        .output()
        .unwrap();
    assert_eq!(said(&output), fs::read_to_string("/etc/hostname").unwrap());
}

/// Checks that a root file system is refused with an error that has this name and contains these
/// texts, and that the cache keeps none of its files.
fn refused(root: &str, more: &[&str], program: &str, name: &str, expected: &[&str]) {
    let cache = tempfile::tempdir().unwrap();
    let own = dirs_of_kernels(cache.path());
    let output = harness()
        .args(["run", "--kernel", KERNEL, "--root", root])
        .args(more)
        .args(["--", program])
        .env("XDG_CACHE_HOME", cache.path())
        .output()
        .unwrap();
    let text = said(&output);
    assert_eq!(output.status.code(), Some(125), "{root}: {text}");
    assert!(text.contains(&format!("bpfmap-vmtest: {name}: ")), "{root}: {text}");
    for expected in expected {
        assert!(text.contains(expected), "{root}: {text}");
    }
    assert!(text.contains("help: "), "{text}");
    let roots = own.join("roots");
    let left: Vec<PathBuf> =
        fs::read_dir(&roots).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    // A complete root file system that is only too large for this guest is kept.
    let is_whole = |path: &PathBuf| path.join("root.json").exists();
    assert!(left.iter().all(is_whole), "{root}: {left:?}");
}

/// Creates a separate cache with the kernels of the usual cache. Returns its directory.
fn dirs_of_kernels(cache: &Path) -> PathBuf {
    let usual = std::env::var_os("XDG_CACHE_HOME")
        .map_or_else(|| std::env::home_dir().unwrap().join(".cache"), PathBuf::from);
    let own = cache.join("bpfmap-vmtest");
    fs::create_dir(&own).unwrap();
    fs::set_permissions(&own, fs::Permissions::from_mode(0o700)).unwrap();
    symlink(usual.join("bpfmap-vmtest/debian"), own.join("debian")).unwrap();
    own
}

/// Writes an archive, and checks that it is refused.
fn archive_refused(change: impl FnOnce(&mut tar::Builder<Vec<u8>>), expected: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("root.tar");
    fs::write(&path, archive(change)).unwrap();
    refused(text(&path), &[], "sh", "archive-refused", expected);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn archive_with_a_path_that_leaves_it() {
    let outside = std::env::temp_dir().join("left-the-root");
    let target = format!("../../../../../../../..{}", outside.display());
    archive_refused(
        |tar| append(tar, EntryType::Regular, &target, "", b"x"),
        &["root.tar: the name", "leads out of the archive"],
    );
    archive_refused(
        |tar| append(tar, EntryType::Link, "x", "../../etc/passwd", b""),
        &["\"../../etc/passwd\" leads out of the archive"],
    );
    assert!(!outside.exists());
}

#[test]
fn archive_with_a_link_that_leaves_it() {
    let outside = std::env::temp_dir().join("left-through-a-link");
    archive_refused(
        |tar| {
            append(tar, EntryType::Symlink, "way", "../../../../../../../../tmp", b"");
            append(tar, EntryType::Regular, "way/left-through-a-link", "", b"x");
        },
        &["way/left-through-a-link leads out of the root through a symbolic link"],
    );
    assert!(!outside.exists());
}

#[test]
fn archive_with_a_device() {
    archive_refused(
        |tar| append(tar, EntryType::Block, "opt/disk", "", b""),
        &["opt/disk is a device", "made of directories, files and links"],
    );
    archive_refused(
        |tar| append(tar, EntryType::Fifo, "opt/pipe", "", b""),
        &["opt/pipe is a FIFO"],
    );
}

#[test]
fn archive_that_is_cut() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("root.tar");
    let data = archive(|_| {});
    fs::write(&path, &data[..data.len() / 2]).unwrap();
    refused(text(&path), &[], "sh", "archive-damaged", &["root.tar: it is damaged"]);
    // Without the last block, the archive could have been cut between two files.
    fs::write(&path, &data[..data.len() - 1024]).unwrap();
    refused(text(&path), &[], "sh", "archive-damaged", &["without the block of zeros"]);
    // A file that is not an archive is not printed.
    fs::write(&path, "text\n".repeat(200)).unwrap();
    refused(text(&path), &[], "sh", "archive-damaged", &["its first header is not"]);
}

#[test]
fn image_that_leaves_itself() {
    let layer = |kind, name: &str, link: &str| {
        archive(|tar| {
            append(tar, EntryType::Symlink, "way", "../../etc", b"");
            append(tar, kind, name, link, b"");
        })
    };
    for (layer, expected) in [
        (layer(EntryType::Regular, "../x", ""), "leads out of the archive"),
        (layer(EntryType::Regular, ".wh...", ""), "the whiteout \".wh...\" leads out of the root"),
        (
            layer(EntryType::Regular, "way/.wh.passwd", ""),
            "leads out of the root through a symbolic link",
        ),
        (layer(EntryType::Char, "opt/x", ""), "opt/x is a device"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        write_layout(&layout(&[layer], "amd64"), directory.path());
        let expected = ["the layer sha256:", expected];
        refused(text(directory.path()), &[], "sh", "archive-refused", &expected);
    }
    assert!(Path::new("/etc/passwd").exists());
}

#[test]
fn image_that_is_damaged() {
    let directory = tempfile::tempdir().unwrap();
    let files = layout(&[archive(|_| {})], "amd64");
    write_layout(&files, directory.path());
    let (layer, data) = &files[1];
    let mut changed = data.clone();
    changed[600] ^= 1;
    fs::write(directory.path().join(layer), changed).unwrap();
    refused(text(directory.path()), &[], "sh", "archive-damaged", &["has the digest sha256:"]);
    fs::remove_file(directory.path().join(layer)).unwrap();
    refused(text(directory.path()), &[], "sh", "archive-damaged", &["it lacks sha256:"]);
}

/// Returns an empty program for the processor with this ELF number.
fn program_for(machine: u16) -> Vec<u8> {
    let mut program = fs::read("/bin/true").unwrap();
    program[18..20].copy_from_slice(&machine.to_le_bytes());
    program
}

fn write_program(path: &Path, data: &[u8]) {
    fs::write(path, data).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn wrong_architecture() {
    let aarch64 = program_for(183);
    let directory = tempfile::tempdir().unwrap();
    write_layout(&layout(&[archive(|_| {})], "arm64"), directory.path());
    let name = "wrong-architecture";
    refused(text(directory.path()), &[], "sh", name, &["it is for arm64", "for x86-64"]);
    // A directory does not state its processor, but its programs do.
    let other = tempfile::tempdir().unwrap();
    fs::create_dir(other.path().join("bin")).unwrap();
    write_program(&other.path().join("bin/sh"), &aarch64);
    refused(text(other.path()), &[], "sh", name, &["bin/sh is for arm64"]);
    let root = small_root();
    write_program(&root.path().join("bin/foreign"), &aarch64);
    let expected = ["foreign of the root file system is for arm64"];
    refused(text(root.path()), &[], "foreign", name, &expected);
    // The same of a test binary, with the name that reports have.
    let program = other.path().join("test");
    for (machine, args, expected) in [
        (243, &["--kernel", KERNEL][..], "test is for riscv, and the guest for x86-64"),
        (
            183,
            &["--kernel", KERNEL, "--arch", "x86-64"],
            "test is for arm64, and the guest for x86-64",
        ),
    ] {
        write_program(&program, &program_for(machine));
        let output = harness().arg("matrix").args(args).arg(&program).output().unwrap();
        let text = said(&output);
        assert!(output.status.code() == Some(125) && text.contains(expected), "{text}");
        assert!(text.starts_with("bpfmap-vmtest: wrong-architecture: "), "{text}");
    }
    // Guests for arm64 run no programs of this machine, and it has no kernel for an architecture of
    // which no binary is.
    let kernel = format!("{KERNEL}-arm64");
    let this = std::env::current_exe().unwrap();
    let output = harness().args(["matrix", "--kernel", &kernel]).arg(&this).output().unwrap();
    let text = said(&output);
    let expected =
        format!("the kernel {kernel} is for arm64, but there is no test binary for arm64");
    assert!(output.status.code() == Some(125) && text.contains(&expected), "{text}");
}

#[test]
fn init_for_arm64_missing_or_different() {
    let directory = tempfile::tempdir().unwrap();
    let (program, here) = (directory.path().join("test"), directory.path().join("harness"));
    write_program(&program, &program_for(183));
    // A harness without the other programs that Cargo built beside it.
    fs::copy(env!("CARGO_BIN_EXE_bpfmap-vmtest"), &here).unwrap();
    let refused = |expected: [&str; 2]| {
        let mut command = std::process::Command::new(&here);
        command.current_dir(directory.path()).args(["matrix", "--kernel", KERNEL]).arg(&program);
        let output = command.output().unwrap();
        let text = said(&output);
        assert_eq!(output.status.code(), Some(125), "{text}");
        for expected in expected.into_iter().chain(["rustup target add"]) {
            assert!(text.contains(expected), "{text}");
        }
    };
    refused([
        "the program bpfmap-vmtest-arm64, which arm64 guests run as init",
        "help: build it: ",
    ]);
    // A program that is not the harness.
    write_program(&directory.path().join("bpfmap-vmtest-arm64"), &program_for(183));
    refused(["does not say which protocol it uses", "help: build bpfmap-vmtest-arm64 again: "]);
}

#[test]
fn missing_interpreter() {
    let root = small_root();
    write_program(&root.path().join("bin/script"), b"#!/usr/bin/absent -x\n");
    let needs = "needs the interpreter /usr/bin/absent, which is not in the root file system";
    refused(text(root.path()), &[], "script", "missing-interpreter", &["/bin/script", needs]);
    fs::remove_file(root.path().join("lib64/ld-linux-x86-64.so.2")).unwrap();
    let needs = "needs the interpreter /lib64/ld-linux-x86-64.so.2";
    refused(text(root.path()), &[], "sh", "missing-interpreter", &[needs]);
    let program = root.path().join("here");
    write_program(&program, b"#!/usr/bin/absent\n");
    let output = harness().args(["run", "--kernel", KERNEL, "--"]).arg(&program).output().unwrap();
    let text = said(&output);
    assert!(
        text.contains("needs the interpreter /usr/bin/absent, which is not installed"),
        "{text}"
    );
    assert!(text.starts_with("bpfmap-vmtest: missing-interpreter: "), "{text}");
}

#[test]
fn package_that_is_gone() {
    let expected = ["bookworm has no package `iproute3`", "did you mean `iproute2`?"];
    refused("debian:bookworm/iproute3", &[], "sh", "missing-package", &expected);
    refused("debian:../x", &[], "sh", "configuration", &["can't be the name of a suite"]);
}

#[test]
fn root_that_does_not_fit_into_memory() {
    let root = small_root();
    fs::write(root.path().join("large"), vec![1; 100 << 20]).unwrap();
    let more = ["--memory", "192M"];
    refused(
        text(root.path()),
        &more,
        "sh",
        "root-too-large",
        &["can use at most 96 MiB", "--memory"],
    );
    let args = ["--root", text(root.path()), "--memory", "192M", text(victim())];
    let report = matrix(&args, |_| {});
    assert_eq!(
        (report.green, report.kernel().outcome.as_str()),
        (false, "root-too-large"),
        "{}",
        report.said
    );
    // The guest refuses a root that almost fits, because its kernel needs memory as well.
    fs::write(root.path().join("large"), vec![1; 80 << 20]).unwrap();
    let report = matrix(&args, |_| {});
    let kernel = report.kernel();
    assert_eq!(
        (report.green, kernel.outcome.as_str()),
        (false, "root-too-large"),
        "{}",
        report.said
    );
    let reason = kernel.reason.as_deref().unwrap_or_default();
    assert!(reason.contains("cannot unpack /large: No space left"), "{reason}");
}

#[test]
fn program_that_fills_the_file_system() {
    let report = matrix(
        &[
            "--exact",
            "--filter",
            "fills_the_file_system",
            "--filter",
            "needs_space",
            text(victim()),
        ],
        |_| {},
    );
    assert!(!report.green);
    assert_eq!(report.test("fills_the_file_system").outcome, Outcome::Failed, "{}", report.said);
    // The next test has enough space.
    assert_eq!(report.test("needs_space").outcome, Outcome::Passed, "{}", report.said);
    let kernel = report.kernel();
    assert_eq!((kernel.outcome.as_str(), kernel.guests), ("file-system-full", 2));
    let reason = kernel.reason.as_deref().unwrap_or_default();
    assert!(reason.contains("the test fills_the_file_system left no space"), "{reason}");
    let root = small_root();
    let (green, said) = run(text(root.path()), &["--memory", "192M"], "cat /dev/zero > /large");
    assert!(!green && said.contains("the guest's file system in memory is full"), "{said}");
}

#[test]
fn root_for_a_driver_that_has_none() {
    let output = harness()
        .args(["matrix", "--driver", "host", "--root", "/"])
        .arg(victim())
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(said(&output).contains("only the driver `guest` supports a root file system"));
}

#[test]
fn source_that_is_not_there() {
    let expected = "the root file system /absent: there is no such file";
    refused("/absent", &[], "sh", "not-found", &[expected]);
}

/// Runs the harness for a refusal. Returns its exit status and its output.
fn refusal(args: &[&str], cache: &Path) -> (Option<i32>, String) {
    let output = harness()
        .args(["run", "--kernel", KERNEL])
        .args(args)
        .env("XDG_CACHE_HOME", cache)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (output.status.code(), said(&output))
}

#[test]
fn programs_and_files_that_do_not_exist() {
    let cache = tempfile::tempdir().unwrap();
    dirs_of_kernels(cache.path());
    let root = small_root();
    let plain = root.path().join("plain");
    write_program(&plain, b"echo\n");
    let (root, plain) = (text(root.path()), text(&plain));
    for (args, name, message) in [
        (&["--", "absent"][..], "not-found", "there is no program `absent` on PATH"),
        (&["--", "/absent"], "not-found", "there is no program `/absent`\n"),
        (&["--root", root, "--", "absent"], "not-found", "there is no program `absent` on PATH"),
        (&["--host-programs", "absent", "--", "true"], "not-found", "there is no program `absent`"),
        (&["--file", "/absent:/x", "--", "true"], "not-found", "cannot find /absent"),
        (&["--host-programs", plain, "--", "true"], "not-a-program", "plain is not a program"),
        (&["--", plain], "not-a-program", "plain is not a program"),
        (&["--root", "/dev/null", "--", "true"], "not-a-file", "/dev/null is not a regular file"),
    ] {
        let (status, said) = refusal(args, cache.path());
        assert_eq!(status, Some(125), "{said}");
        assert!(said.starts_with(&format!("bpfmap-vmtest: {name}: ")), "{said}");
        assert!(said.contains(message) && said.contains("\n  help: "), "{said}");
    }
}

#[test]
fn cache_that_is_not_usable() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    for cache in [&file, Path::new("/proc")] {
        let (status, said) = refusal(&["--", "true"], cache);
        assert_eq!(status, Some(125), "{said}");
        assert!(said.starts_with("bpfmap-vmtest: cache-unusable: "), "{said}");
        assert!(said.contains("help: set XDG_CACHE_HOME to a directory"), "{said}");
    }
    // Root can write to any directory, unless the file system is read-only.
    let cache = directory.path().join("cache");
    fs::create_dir(&cache).unwrap();
    let script = "mount -t tmpfs none cache && mount -o remount,ro cache && exec \"$@\"";
    let output = std::process::Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", script, "sh"])
        .args([env!("CARGO_BIN_EXE_bpfmap-vmtest"), "run", "--kernel", KERNEL, "--", "true"])
        .current_dir(directory.path())
        .env("XDG_CACHE_HOME", &cache)
        .output()
        .unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(125), "{said}");
    assert!(said.starts_with("bpfmap-vmtest: cache-unusable: "), "{said}");
    assert!(said.contains("Read-only file system"), "{said}");
}

#[test]
fn archive_with_a_path_that_is_too_deep() {
    let deep = format!("{}x", "a/".repeat(1900));
    archive_refused(
        |tar| append_long(tar, &deep, b""),
        &["a/a/a/a/… has 1901 names, and at most 128 are allowed"],
    );
}

/// Creates an archive that takes seconds to read, because its contents are large.
fn slow_root(directory: &Path) -> PathBuf {
    let path = directory.join("root.tar.gz");
    let file = fs::File::create(&path).unwrap();
    let mut out = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    let mut header = tar::Header::new_gnu();
    for number in 0..3 {
        header.set_path(format!("zeros{number}")).unwrap();
        header.set_mode(0o644);
        header.set_size(1 << 30);
        header.set_cksum();
        std::io::Write::write_all(&mut out, header.as_bytes()).unwrap();
        let zeros = vec![0; 1 << 20];
        for _ in 0..1 << 10 {
            std::io::Write::write_all(&mut out, &zeros).unwrap();
        }
    }
    std::io::Write::write_all(&mut out, &[0; 1024]).unwrap();
    out.finish().unwrap();
    path
}

#[test]
fn harness_stopped_while_it_reads_a_root() {
    let directory = tempfile::tempdir().unwrap();
    let root = slow_root(directory.path());
    let cache = tempfile::tempdir().unwrap();
    let roots = dirs_of_kernels(cache.path()).join("roots");
    let unfinished = || fs::read_dir(&roots).into_iter().flatten().count();
    let start = || {
        let mut command = harness();
        command.args(["run", "--kernel", KERNEL, "--root", text(&root), "--", "true"]);
        command.env("XDG_CACHE_HOME", cache.path()).stdin(Stdio::null());
        let child = command.spawn().unwrap();
        let end = Instant::now() + Duration::from_secs(60);
        while unfinished() == 0 {
            assert!(Instant::now() < end, "the root file system is not being read");
            std::thread::sleep(Duration::from_millis(5));
        }
        child
    };
    let mut child = start();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(128 + 15));
    assert_eq!(unfinished(), 0, "a stopped run leaves nothing in the cache");
    // The next run, even with a different root file system, removes what a killed run has left.
    let mut child = start();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(unfinished(), 1);
    let (_, said) = refusal(&["--root", "/absent", "--", "true"], cache.path());
    assert!(said.contains("not-found"), "{said}");
    assert_eq!(unfinished(), 0);
}
