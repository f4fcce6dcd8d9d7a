//! The BPF objects that the tests of libbpf-rs load. The package contains their sources, but not
//! the build script that compiles them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use bpfmap_vmtest::Kernel;
use bpfmap_vmtest::kernel::Packages;

use crate::Error;
use crate::cargo::{cargo, cargo_home};
use crate::step::{output, run};

/// The kernel whose types the programs use. It is the newest kernel, which has all types.
const KERNEL: &str = "7.3";

/// A function of the kernel that only a newer bpftool declares.
const DECLARED: &str = "\nextern int bpf_stream_vprintk_impl(int stream_id, const char *fmt__str, const void *args, __u32 len__sz, \
                        void *aux__prog) __attribute__((weak)) __attribute__((section(\".ksyms\")));\n";

/// Compiles the objects into the directory in which the tests look for them.
pub(super) fn compile_objects(package: &Path, folder: &Path) -> Result<(), Error> {
    // The programs need the headers of the libbpf version that the crate builds.
    run(cargo().arg("fetch").current_dir(package))?;
    let headers = folder.join("headers");
    fs::create_dir_all(&headers)?;
    let bpf = headers.join("bpf");
    if bpf.symlink_metadata().is_ok() {
        fs::remove_file(&bpf)?;
    }
    symlink(libbpf(package)?, &bpf)?;
    let types = headers.join("vmlinux.btf");
    fs::write(&types, Kernel::debian(KERNEL, &Packages::configured())?.btf()?)?;
    let mut bpftool = Command::new("bpftool");
    bpftool.args(["btf", "dump", "file"]).arg(&types).args(["format", "c"]);
    fs::write(headers.join("vmlinux.h"), output(&mut bpftool)? + DECLARED)?;
    let objects = package.join("tests/bin");
    for entry in fs::read_dir(objects.join("src"))? {
        let source = entry?.path();
        let name = source.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(name) = name.strip_suffix(".bpf.c") else { continue };
        let mut clang = Command::new("clang-19");
        clang.args(["-w", "-g", "-O2", "-target", "bpf", "-mcpu=v3", "-D__TARGET_ARCH_x86"]);
        clang.arg("-I").arg(&headers).arg("-I").arg(objects.join("src"));
        clang.args(["-idirafter", "/usr/include/x86_64-linux-gnu", "-c"]).arg(&source);
        run(clang.arg("-o").arg(objects.join(format!("{name}.bpf.o"))))?;
    }
    Ok(())
}

/// Returns the sources of libbpf in the package of libbpf-sys.
fn libbpf(package: &Path) -> Result<PathBuf, Error> {
    let lock = fs::read_to_string(package.join("Cargo.lock"))?;
    let lines: Vec<&str> = lock.lines().collect();
    let version = lines
        .windows(2)
        .find_map(|pair| (pair[0] == "name = \"libbpf-sys\"").then_some(pair[1]))
        .and_then(|line| line.strip_prefix("version = \"")?.strip_suffix('"'))
        .ok_or("the lock file of libbpf-rs does not contain libbpf-sys")?;
    let registries = fs::read_dir(cargo_home()?.join("registry/src"))?.flatten();
    let mut sources =
        registries.map(|registry| registry.path().join(format!("libbpf-sys-{version}/libbpf/src")));
    Ok(sources.find(|path| path.is_dir()).ok_or("Cargo did not unpack libbpf-sys")?)
}
