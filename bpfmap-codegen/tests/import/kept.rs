//! Tests of importing maps that a schema can't express completely. The import keeps as much as
//! possible, and reports the rest for each map.

use std::path::Path;

use bpfmap_codegen::backend::c;
use bpfmap_schema::check::check;
use bpfmap_schema::front::btf::{Imported, definitions, read_object};
use bpfmap_schema::front::toml;
use bpfmap_schema::ir::{KeyValue, MapDecl};
use bpfmap_schema::print;

use super::support::{CLANGS, clang, run_clang};
use super::{compiled, object};

fn imported(data: &[u8]) -> Imported {
    let imported = read_object(Path::new("kept.bpf.o"), data, None);
    let left_out: Vec<_> = imported.left_out.iter().map(|one| (&one.map, one.rule.id)).collect();
    assert_eq!(left_out, []);
    imported
}

fn map<'a>(imported: &'a Imported, name: &str) -> &'a MapDecl {
    imported.schema.maps.iter().find(|map| map.name.value == name).unwrap()
}

/// Returns the rules of the findings about a map.
fn rules(imported: &Imported, name: &str) -> Vec<&'static str> {
    imported.findings_of(name).iter().map(|finding| finding.rule.id).collect()
}

fn toml(imported: &Imported) -> String {
    print::toml::print(&imported.schema)
}

/// Returns the sizes of key and value of each map of an object, as libbpf creates it.
fn sizes(data: &[u8]) -> Vec<(String, (u32, u32))> {
    let defined = definitions(data).unwrap();
    defined.maps.iter().map(|map| (map.name.clone(), map.sizes(&defined.btf))).collect()
}

/// libbpf creates these maps without BTF, because the kernel refuses BTF for such a key.
#[test]
fn a_key_whose_type_the_map_cannot_have_becomes_its_size() {
    let data = object(
        "enum slot { FIRST, SECOND };
         struct one { __u32 index; };
         #define MAP(name, of, key_type) struct { __uint(type, BPF_MAP_TYPE_##of); __uint(max_entries, 8); \\
             __uint(map_flags, BPF_MAP_TYPE_##of == BPF_MAP_TYPE_LPM_TRIE ? BPF_F_NO_PREALLOC : 0); \\
             __type(key, key_type); __type(value, __u64); } name SEC(\".maps\")
         typedef __u8 prefix[8];
         MAP(routes, LPM_TRIE, prefix); MAP(by_enum, ARRAY, enum slot); MAP(by_struct, PERCPU_ARRAY, struct one);
         MAP(plain, ARRAY, __u32);
         struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); __uint(max_entries, 4); __uint(key_size, 4);
             __array(values, struct { __uint(type, BPF_MAP_TYPE_LPM_TRIE); __uint(max_entries, 8);
                 __uint(map_flags, BPF_F_NO_PREALLOC); __type(key, prefix); __type(value, __u8); });
         } tables SEC(\".maps\");",
    );
    let imported = imported(&data);
    for (name, bytes) in [("routes", 8), ("by_enum", 4), ("by_struct", 4)] {
        let key = map(&imported, name).key.as_ref().unwrap();
        assert!(matches!(key, KeyValue::Size(size) if size.value == bytes), "{name}: {key:?}");
        assert!(matches!(map(&imported, name).value, Some(KeyValue::Type(_))), "{name}");
        assert_eq!(rules(&imported, name), ["import-bytes"], "{name}");
    }
    let inner = map(&imported, "tables").template().unwrap().key.as_ref().unwrap();
    assert!(matches!(inner, KeyValue::Size(size) if size.value == 8), "{inner:?}");
    assert_eq!(rules(&imported, "tables"), ["import-bytes"]);
    assert_eq!(rules(&imported, "plain"), <[&str; 0]>::default());
    let again = compiled(toml::read_str(Path::new("kept.toml"), &toml(&imported)));
    assert_eq!(sizes(&again), sizes(&data));
}

/// A schema can't declare a member without bytes. Leaving out the member does not move other
/// members.
#[test]
fn members_without_bytes_are_left_out_of_their_struct() {
    let data = object(
        "struct empty {}; union nothing {};
         struct value { __u32 a; struct empty empty; union nothing nothing[3]; __u64 b; };
         struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 8);
             __type(key, __u32); __type(value, struct value); } flows SEC(\".maps\");
         struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 8);
             __type(key, __u32); __type(value, __u64); } other SEC(\".maps\");",
    );
    let imported = imported(&data);
    let text = toml(&imported);
    assert!(
        text.contains("{ name = \"a\", type = \"u32\" },\n  { name = \"b\", type = \"u64\" },"),
        "{text}"
    );
    assert_eq!(rules(&imported, "flows"), ["import-type"; 2]);
    assert_eq!(rules(&imported, "other"), <[&str; 0]>::default());
}

/// Both names would be the same constant in Rust.
#[test]
fn only_the_first_of_constants_that_differ_in_case_is_kept() {
    let data = object(
        "enum state { Ready = 1, READY = 2, done = 3, Done = 3, DONE = 4 };
         struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 8);
             __type(key, __u32); __type(value, enum state); } states SEC(\".maps\");",
    );
    let imported = imported(&data);
    assert!(toml(&imported).contains("variants = { Ready = 1, done = 3 }"), "{}", toml(&imported));
    assert_eq!(rules(&imported, "states"), ["import-type"; 3]);
}

/// If a name is reserved, the import leaves out the type of the value and keeps the map.
#[test]
fn a_value_whose_type_has_a_reserved_name_becomes_bytes() {
    let data = object(
        "enum answer { false, true };
         struct value { __u32 id; enum answer answer; };
         struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 8);
             __type(key, __u32); __type(value, struct value); } flows SEC(\".maps\");",
    );
    let imported = imported(&data);
    let value = map(&imported, "flows").value.as_ref().unwrap();
    assert!(matches!(value, KeyValue::Size(size) if size.value == 8), "{value:?}");
    assert_eq!(rules(&imported, "flows"), ["import-bytes"]);
}

/// cilium/ebpf adds the sizes if the map type allows only one size.
#[test]
fn a_map_without_sizes_gets_the_sizes_of_its_map_type() {
    let data = object(
        "struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); } events SEC(\".maps\");
         struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); __uint(key_size, 4); __uint(value_size, 4); }
             said SEC(\".maps\");",
    );
    let imported = imported(&data);
    assert_eq!(rules(&imported, "events"), ["import-size"]);
    assert_eq!(rules(&imported, "said"), <[&str; 0]>::default());
    let key = map(&imported, "events").key.as_ref().unwrap();
    assert!(matches!(key, KeyValue::Size(size) if size.value == 4), "{key:?}");
}

/// rustc describes a Rust enum with fields as a struct that contains a tag without a name and a
/// union of the variants.
#[test]
fn a_rust_enum_with_fields_keeps_its_variants() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import/rust_enum.s");
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("rust_enum.o");
    let arguments = ["-Qunused-arguments".as_ref(), "-c".as_ref(), source.as_os_str()];
    run_clang(&clang(CLANGS[1].1), &arguments, &made).unwrap();
    let imported = imported(&std::fs::read(made).unwrap());
    insta::assert_snapshot!("rust_enum", toml(&imported));
    let told = rules(&imported, "FLOWS");
    assert_eq!(told.iter().filter(|rule| **rule == "import-type").count(), 1, "{told:?}");
    // The findings are about the tags of three enums, about `None` and `Some` of the second enum,
    // and about two names that are not valid in C.
    assert_eq!(told.iter().filter(|rule| **rule == "import-renamed").count(), 7, "{told:?}");
    let checked = check(toml::read_str(Path::new("kept.toml"), &toml(&imported))).unwrap();
    let again = object(&c::emit(&checked).contents);
    assert_eq!(sizes(&again), [("FLOWS".to_owned(), (4, 80))]);
}

/// If sources are linked without libbpf, the object contains the types of each source.
#[test]
fn a_type_that_occurs_twice_is_imported_once() {
    let linked = |second: &str| {
        let mut data = object(&format!(
            "struct pair {{ __u32 a; __u32 b; }};
             struct twin {{ __u32 a; __u32 {second}; }};
             #define MAP(name, of) struct {{ __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 8); \\
                 __type(key, __u32); __type(value, of); }} name SEC(\".maps\")
             MAP(one, struct pair); MAP(two, struct twin);"
        ));
        for at in 0..data.len() - 6 {
            if data[at..].starts_with(b"\0twin\0") {
                data[at + 1..at + 5].copy_from_slice(b"pair");
            }
        }
        imported(&data)
    };
    let same = linked("b");
    assert_eq!(same.schema.types.len(), 1, "{}", toml(&same));
    assert_eq!(same.findings, []);
    let others = linked("c");
    assert_eq!(others.schema.types.len(), 2, "{}", toml(&others));
    assert_eq!(rules(&others, "two"), ["import-renamed"]);
    assert_eq!(rules(&others, "one"), <[&str; 0]>::default());
}

/// The records of a ring buffer can have any type, so the map is kept without the type of its
/// records.
#[test]
fn an_event_whose_type_has_a_reserved_name_is_left_out() {
    let data = object(
        "enum answer { false, true };
         struct exec { __u32 id; enum answer answer; };
         struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); __type(value, struct exec); }
             events SEC(\".maps\");",
    );
    let imported = imported(&data);
    assert!(map(&imported, "events").event.is_none());
    assert_eq!(rules(&imported, "events"), ["import-event", "import-bytes"]);
}
