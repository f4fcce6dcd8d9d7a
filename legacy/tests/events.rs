//! Tests that other loaders than the current libbpf load generated maps that declare the type of
//! their records. These loaders are aya, and libbpf 0.3 from Debian bullseye.

mod support;

use std::path::{Path, PathBuf};

use bpfmap_codegen::backend::c::emit;
use bpfmap_legacy::Libbpf;
use bpfmap_schema::check::check;
use bpfmap_schema::front::toml::read_str;
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

/// Compiles the header. Returns the path of the object, and the temporary folder that contains it.
fn object() -> (TempDir, PathBuf) {
    let checked = check(read_str(Path::new("carriers.toml"), SCHEMA)).unwrap();
    support::object(&emit(&checked), "clang-14".as_ref())
}

#[test]
fn aya_loads_maps_with_record_types() {
    let (_folder, object) = object();
    let mut bpf = aya::Ebpf::load_file(&object).unwrap();
    aya::maps::RingBuf::try_from(bpf.take_map("execs").unwrap()).unwrap();
    aya::maps::PerfEventArray::try_from(bpf.take_map("samples").unwrap()).unwrap();
}

#[test]
fn libbpf_0_3_loads_maps_with_record_types() {
    let (_folder, object) = object();
    let package = debian_package("bullseye", "libbpf0", &Mirror::configured(None, None))
        .unwrap_or_else(|error| panic!("can't download libbpf 0.3: {error}"));
    let library = package.join(format!("usr/lib/{}-linux-gnu/libbpf.so.0", std::env::consts::ARCH));
    let libbpf = Libbpf::open(&library).unwrap();
    let loaded = libbpf.load(&object).unwrap();
    for name in ["execs", "samples"] {
        assert!(loaded.map(name).unwrap().fd >= 0, "{name}");
    }
}
