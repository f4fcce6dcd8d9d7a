//! Generated maps that say what their records are, loaded by others than the libbpf of today: aya, and libbpf 0.3 of
//! Debian bullseye.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bpfmap_codegen::backend::c::emit;
use bpfmap_codegen::check::check;
use bpfmap_codegen::front::toml::read_str;
use bpfmap_legacy::Libbpf;
use bpfmap_vmtest::kernel::{Mirror, debian_package};
use tempfile::TempDir;

const SCHEMA: &str = r#"
name = "carriers"

[types.exec]
kind = "struct"
members = [
  { name = "pid", type = "u32" },
  { name = "command", type = "[char; 16]" },
]

[maps.execs]
type = "ringbuf"
event = "exec"
max_entries = 8192

[maps.samples]
type = "perf_event_array"
event = "[u64; 4]"
max_entries = 2
"#;

/// The compiled header, and the folder that goes away with it.
fn object() -> (TempDir, PathBuf) {
    // SAFETY: it only asks.
    let root = unsafe { libc::geteuid() } == 0;
    assert!(root, "loading maps needs root: run this test with sudo");
    let folder = tempfile::tempdir().unwrap();
    let header = emit(&check(read_str(Path::new("carriers.toml"), SCHEMA)).unwrap());
    fs::write(folder.path().join(&header.name), header.contents).unwrap();
    let source = folder.path().join("carriers.bpf.c");
    fs::write(
        &source,
        "#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n#include \"carriers.h\"\n\
         char _license[] SEC(\"license\") = \"GPL\";\n",
    )
    .unwrap();
    let object = folder.path().join("carriers.bpf.o");
    let host_headers = format!("-I/usr/include/{}-linux-gnu", std::env::consts::ARCH);
    let status = Command::new("clang-14")
        .args(["-target", "bpf", "-O2", "-g", "-Wall", "-Werror", &host_headers, "-c"])
        .arg(&source)
        .arg("-o")
        .arg(&object)
        .status()
        .expect("clang-14 is not installed: `apt-get install clang-14`");
    assert!(status.success());
    (folder, object)
}

#[test]
fn aya_loads_them() {
    let (_folder, object) = object();
    let mut bpf = aya::Ebpf::load_file(&object).unwrap();
    aya::maps::RingBuf::try_from(bpf.take_map("execs").unwrap()).unwrap();
    aya::maps::PerfEventArray::try_from(bpf.take_map("samples").unwrap()).unwrap();
}

#[test]
fn libbpf_0_3_loads_them() {
    let (_folder, object) = object();
    let package = debian_package("bullseye", "libbpf0", &Mirror::configured(None, None))
        .unwrap_or_else(|error| panic!("libbpf 0.3 could not be fetched: {error}"));
    let library = package.join(format!("usr/lib/{}-linux-gnu/libbpf.so.0", std::env::consts::ARCH));
    let libbpf = Libbpf::open(&library).unwrap();
    let loaded = libbpf.load(&object).unwrap();
    for name in ["execs", "samples"] {
        assert!(loaded.map(name).unwrap().fd >= 0, "{name}");
    }
}
