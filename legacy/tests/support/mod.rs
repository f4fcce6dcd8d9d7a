//! Compiles a generated header to an object.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bpfmap_codegen::backend::GeneratedFile;
use tempfile::TempDir;

/// Compiles the header. Returns the path of the object, and the temporary folder that contains it.
pub(crate) fn object(header: &GeneratedFile, clang: &OsStr) -> (TempDir, PathBuf) {
    // SAFETY: the call only returns the user ID.
    let root = unsafe { libc::geteuid() } == 0;
    assert!(root, "loading maps needs root: run this test with sudo, or in the kernel matrix");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(&header.name), &header.contents).unwrap();
    let source = folder.path().join("program.bpf.c");
    let program = format!(
        "#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n#include \"{}\"\n\
         char _license[] SEC(\"license\") = \"GPL\";\n",
        header.name
    );
    fs::write(&source, program).unwrap();
    let object = folder.path().join("program.bpf.o");
    let host_headers = format!("-I/usr/include/{}-linux-gnu", std::env::consts::ARCH);
    let status = Command::new(clang)
        .args(["-target", "bpf", "-O2", "-g", "-Wall", "-Werror", &host_headers, "-c"])
        .arg(&source)
        .arg("-o")
        .arg(&object)
        .status()
        .unwrap_or_else(|error| panic!("{}: {error}", Path::new(clang).display()));
    assert!(status.success());
    (folder, object)
}
