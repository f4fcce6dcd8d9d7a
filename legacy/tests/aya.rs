//! Generated BTF-defined maps, loaded into the running kernel by aya and opened through the typed handles of bpfmap
//! (feature `aya`).

mod support;

use std::path::Path;

use bpfmap::{
    Be16, Be32, BpfMap, BpfType, ErrorKind, LayoutCheck, Map, PerCpu, UpdateMode, possible_cpus,
};
use bpfmap_codegen::backend::c::emit;
use bpfmap_schema::check::check;
use bpfmap_schema::front::toml::read_str;

const SCHEMA: &str = r#"
name = "net"

[types.flow]
kind = "struct"
members = [
  { name = "address", type = "be32" },
  { name = "port", type = "be16" },
  { name = "_pad", type = "[u8; 2]" },
]

[maps.flows]
type = "hash"
key = "flow"
value = "u64"
max_entries = 100

[maps.totals]
type = "percpu_array"
value = "u64"
max_entries = 4

[maps.jobs]
type = "queue"
value = "u32"
max_entries = 8

[maps.a_name_of_more_than_15_bytes]
type = "array"
value = "u32"
max_entries = 2
"#;

#[derive(Clone, Copy, Debug, PartialEq, Eq, BpfType)]
#[repr(C)]
struct Flow {
    address: Be32,
    port: Be16,
    _pad: [u8; 2],
}

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 100)]
struct Flows {
    key: Flow,
    value: u64,
}

#[derive(BpfMap)]
#[bpf_map(percpu_array, max_entries = 4)]
struct Totals {
    value: u64,
}

#[derive(BpfMap)]
#[bpf_map(queue, max_entries = 8)]
struct Jobs {
    value: u32,
}

#[derive(BpfMap)]
#[bpf_map(array, max_entries = 2, name = "a_name_of_more_than_15_bytes")]
struct Long {
    value: u32,
}

/// The map `flows` of a newer schema.
#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 100, name = "flows")]
struct NewerFlows {
    key: Flow,
    value: u128,
}

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 100)]
struct Absent {
    key: Flow,
    value: u64,
}

#[test]
fn typed_handles_open_maps_that_aya_has_loaded() {
    let checked = check(read_str(Path::new("net.toml"), SCHEMA)).unwrap();
    let (_folder, object) =
        support::object(&emit(&checked), &bpfmap_codegen::clang::find().unwrap());
    let loaded = aya::EbpfLoader::new().load_file(&object).unwrap();

    let flows = Map::<Flows>::from_object(&loaded).unwrap();
    assert_eq!(
        flows.layout_check(),
        LayoutCheck::Agrees,
        "aya passes the BTF of maps to the kernel"
    );
    let flow =
        |port: u16| Flow { address: Be32::new(0x0a00_0001), port: Be16::new(port), _pad: [0; 2] };
    for port in 0..10 {
        flows.update(&flow(port), &u64::from(port), UpdateMode::NoExist).unwrap();
    }
    assert_eq!(flows.lookup(&flow(7)).unwrap(), Some(7));
    assert_eq!(flows.lookup(&flow(10)).unwrap(), None);
    let mut seen: Vec<_> = flows.iter().collect::<Result<_, _>>().unwrap();
    seen.sort_by_key(|(_, value)| *value);
    assert_eq!(seen, (0..10).map(|port| (flow(port), u64::from(port))).collect::<Vec<_>>());
    // aya reads the same map.
    let theirs: aya::maps::HashMap<_, [u8; 8], u64> =
        loaded.map("flows").unwrap().try_into().unwrap();
    assert_eq!(theirs.get(&[10, 0, 0, 1, 0, 7, 0, 0], 0).unwrap(), 7);

    let totals = Map::<Totals>::from_object(&loaded).unwrap();
    totals.update(&3, &PerCpu::splat(2).unwrap(), UpdateMode::Any).unwrap();
    let sum: u64 = totals.lookup(&3).unwrap().unwrap().iter().sum();
    assert_eq!(sum, 2 * possible_cpus().unwrap() as u64);

    let jobs = Map::<Jobs>::from_object(&loaded).unwrap();
    jobs.push(&5, UpdateMode::Any).unwrap();
    assert_eq!(jobs.pop().unwrap(), Some(5));

    let long = Map::<Long>::from_object(&loaded).unwrap();
    long.update(&1, &9, UpdateMode::Any).unwrap();
    assert_eq!(long.lookup(&1).unwrap(), Some(9));

    let error = Map::<NewerFlows>::from_object(&loaded).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
    assert!(error.to_string().contains("compile the program again"), "{error}");
    let error = Map::<Absent>::from_object(&loaded).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    for name in ["`flows`", "`totals`", "`jobs`", "`a_name_of_more_than_15_bytes`"] {
        assert!(error.to_string().contains(name), "{error}");
    }
    // The handles stay valid after the object is dropped.
    drop(loaded);
    assert_eq!(flows.lookup(&flow(7)).unwrap(), Some(7));
}
