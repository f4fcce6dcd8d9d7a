//! Tests that loaders that support legacy maps can load the legacy maps that `--legacy` generates.
//! These loaders are aya, and libbpf 0.3 from Debian bullseye, which also reads the types of keys
//! and values. Also tests that libbpf 1.0 and newer refuse legacy maps.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use bpfmap_codegen::backend::c::emit_legacy;
use bpfmap_legacy::Libbpf;
use bpfmap_schema::check::check;
use bpfmap_schema::front::toml::read_str;
use bpfmap_vmtest::kernel::{Mirror, debian_package};
use tempfile::TempDir;

const SCHEMA: &str = r#"
name = "old"

[types.flow]
kind = "struct"
members = [
  { name = "address", type = "be32" },
  { name = "port", type = "be16" },
]

[maps.flows]
type = "hash"
key = "flow"
value = "u64"
max_entries = 100

[maps.names]
type = "array"
value = "[char; 16]"
max_entries = 4

[maps.jobs]
type = "queue"
value = "u32"
max_entries = 8
"#;

/// Compiles the header. Returns the path of the object, and the temporary folder that contains it.
fn object() -> (TempDir, PathBuf) {
    let checked = check(read_str(Path::new("old.toml"), SCHEMA)).unwrap();
    support::object(&emit_legacy(&checked), &bpfmap_codegen::clang::find().unwrap())
}

#[test]
fn aya_loads_legacy_maps() {
    let (_folder, object) = object();
    let bpf = aya::Ebpf::load_file(&object).unwrap();
    let flows: aya::maps::HashMap<_, [u8; 8], u64> = bpf.map("flows").unwrap().try_into().unwrap();
    let absent = flows.get(&[0; 8], 0);
    assert!(matches!(absent, Err(aya::maps::MapError::KeyNotFound)), "{absent:?}");
    let names: aya::maps::Array<_, [u8; 16]> = bpf.map("names").unwrap().try_into().unwrap();
    assert_eq!(names.len(), 4);
    assert!(bpf.map("jobs").is_some());
}

#[test]
fn libbpf_0_3_loads_legacy_maps_with_the_types_of_keys_and_values() {
    let (_folder, object) = object();
    let package = debian_package("bullseye", "libbpf0", &Mirror::configured(None, None))
        .unwrap_or_else(|error| panic!("can't download libbpf 0.3: {error}"));
    let library = package.join(format!("usr/lib/{}-linux-gnu/libbpf.so.0", std::env::consts::ARCH));
    let libbpf = Libbpf::open(&library).unwrap();
    let loaded = libbpf.load(&object).unwrap();
    for name in ["flows", "names"] {
        let map = loaded.map(name).unwrap();
        assert!(map.fd >= 0 && map.key_type != 0 && map.value_type != 0, "{name}: {map:?}");
    }
    // A map without keys has no BTF types in a legacy definition.
    let jobs = loaded.map("jobs").unwrap();
    assert!(jobs.fd >= 0 && jobs.key_type == 0, "{jobs:?}");
    assert_eq!(loaded.map("none"), None);
}

#[test]
fn libbpf_1_refuses_legacy_maps() {
    let (_folder, object) = object();
    let output = Command::new("bpftool")
        .args(["--debug", "prog", "loadall"])
        .arg(&object)
        .arg("/sys/fs/bpf/bpfmap-legacy-refused")
        .output()
        .expect("bpftool is not installed: `apt-get install bpftool`");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("legacy map definitions in 'maps' section are not supported"), "{said}");
}
