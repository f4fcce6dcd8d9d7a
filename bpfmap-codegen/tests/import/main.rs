//! Tests of the importer: a compiled program is imported as a schema, and the schema generates the
//! same maps again.

mod enums;
mod events;
mod kept;
mod names;
mod old;
#[path = "../../../bpfmap-schema/tests/support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;

use bpfmap_codegen::backend::c;
use bpfmap_schema::check::check;
use bpfmap_schema::diagnostics::{Style, render};
use bpfmap_schema::draft::Draft;
use bpfmap_schema::front::btf::{Imported, definitions, read_object};
use bpfmap_schema::front::{rust, toml};
use bpfmap_schema::layout::Layouts;
use bpfmap_schema::print;
use support::{CLANGS, clang, compile_bpf, run_clang};

/// Returns the compiled program of this folder.
fn program() -> Vec<u8> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import/program.bpf.c");
    let folder = tempfile::tempdir().unwrap();
    let object = folder.path().join("program.bpf.o");
    // The parameters of the function are unused.
    let arguments = ["-c".as_ref(), "-Wno-unused-parameter".as_ref(), source.as_os_str()];
    run_clang(&clang(CLANGS[1].1), &arguments, &object).unwrap();
    fs::read(object).unwrap()
}

/// Returns a compiled program with these definitions.
fn object(definitions: &str) -> Vec<u8> {
    object_of(CLANGS[1].1, definitions)
}

/// Returns a program with these definitions, compiled with the clang that one of `names` gives.
fn object_of(names: &[&str], definitions: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let (source, object) = (folder.path().join("made.bpf.c"), folder.path().join("made.bpf.o"));
    let includes =
        "#include <linux/bpf.h>\n#include <linux/types.h>\n#include <bpf/bpf_helpers.h>\n";
    fs::write(&source, format!("{includes}{definitions}")).unwrap();
    compile_bpf(&clang(names), &source, &object).unwrap();
    fs::read(object).unwrap()
}

fn imported() -> Imported {
    read_object(Path::new("program.bpf.o"), &program(), None)
}

#[test]
fn everything_becomes_a_schema() {
    insta::assert_snapshot!("schema", print::toml::print(&imported().schema));
}

#[test]
fn lost_information_is_reported() {
    let Imported { schema, findings, left_out, .. } = imported();
    insta::assert_snapshot!("findings", render(&findings, &schema.sources, Style::Plain));
    let left_out: Vec<_> = left_out.iter().map(|one| (one.map.as_str(), one.rule.id)).collect();
    let mut sorted = left_out.clone();
    sorted.sort_unstable();
    assert_eq!(
        sorted,
        [
            ("of_another_loader", "import-map"),
            ("renamed_algorithm", "import-struct-ops"),
            ("unknown_flag", "import-flag"),
            ("unknown_type", "import-map-type"),
        ]
    );
}

/// The header of the imported schema declares the maps of the program, for a schema in TOML and for
/// a schema in Rust.
#[test]
fn the_generated_maps_equal_the_imported_maps() {
    let schema = imported().schema;
    let in_toml = toml::read_str(Path::new("program.toml"), &print::toml::print(&schema));
    let in_rust = print::rust::print(&schema, &Layouts::new(&schema));
    let in_rust = rust::read_str(Path::new("program.rs"), &in_rust);
    let original = program();
    let originals = definitions(&original).unwrap().maps;
    for draft in [in_toml, in_rust] {
        let made = compiled(draft);
        let copies = definitions(&made).unwrap().maps;
        for original in &originals {
            let copy = copies.iter().find(|copy| copy.name == original.name);
            // The schema does not contain the members of a `struct_ops` map, which only the C
            // program defines.
            if original.name.starts_with("unknown_") || original.ops.is_some() {
                assert_eq!(copy, None);
                continue;
            }
            let copy = copy.unwrap_or_else(|| panic!("{} is gone", original.name));
            assert_eq!(copy.map_type, original.map_type, "{}", original.name);
            assert_eq!(copy.max_entries, original.max_entries, "{}", original.name);
            assert_eq!(copy.flags.unwrap_or(0), original.flags.unwrap_or(0), "{}", original.name);
            assert_eq!(copy.pinning, original.pinning, "{}", original.name);
            assert_eq!(copy.values, original.values, "{}", original.name);
            assert_eq!(copy.inner.is_some(), original.inner.is_some(), "{}", original.name);
        }
        // A second import of the generated program results in the same types.
        let again = read_object(Path::new("program.bpf.o"), &made, None).schema;
        let value = |schema: &bpfmap_schema::ir::Schema| {
            let layouts = Layouts::new(schema);
            let value = layouts.composite("value").unwrap();
            (value.size, value.members.iter().map(|at| at.bit_offset).collect::<Vec<_>>())
        };
        let (size, offsets) = value(&schema);
        let (size_again, offsets_again) = value(&again);
        assert_eq!(size, size_again);
        assert!(offsets.iter().all(|offset| offsets_again.contains(offset)));
    }
}

fn compiled(draft: Draft) -> Vec<u8> {
    object(&c::emit(&check(draft).unwrap()).contents)
}

/// An error in the value of a map must not affect the type of its key, nor other maps with the same
/// key type.
#[test]
fn a_map_that_is_left_out_does_not_affect_other_maps() {
    let data = object(
        "struct key { __u32 a; __u32 b; };
         struct wide { struct key key; char bytes[40000]; };
         #define MAP(name, of) struct { __uint(type, BPF_MAP_TYPE_PERCPU_HASH); __uint(max_entries, 1); \\
             __type(key, struct key); __type(value, of); } name SEC(\".maps\")
         MAP(good, __u64); MAP(bad, struct wide); MAP(also_good, struct key);",
    );
    let Imported { schema, left_out, .. } = read_object(Path::new("made.bpf.o"), &data, None);
    let left_out: Vec<_> = left_out.iter().map(|one| (one.map.as_str(), one.rule.id)).collect();
    assert_eq!(left_out, [("bad", "value-size")]);
    let names: Vec<_> = schema.maps.iter().map(|map| map.name.value.as_str()).collect();
    assert_eq!(names, ["good", "also_good"]);
}

/// If an object does not contain an attribute and a loader can set it, the imported schema says
/// that the loader sets it.
#[test]
fn missing_attributes_are_set_by_the_loader() {
    let data = object(
        "struct { __uint(type, BPF_MAP_TYPE_STACK_TRACE); __uint(key_size, 4); } stacks SEC(\".maps\");
         struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 8); } both SEC(\".maps\");
         struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); __uint(max_entries, 8); __type(key, __u32);
             __type(value, __u32); } shards SEC(\".maps\");
         struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); } events SEC(\".maps\");
         struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 1000); } ring SEC(\".maps\");",
    );
    let Imported { schema, left_out, .. } = read_object(Path::new("made.bpf.o"), &data, None);
    assert_eq!(left_out, []);
    let open = |name: &str| {
        let map = schema.maps.iter().find(|map| map.name.value == name).unwrap();
        map.set_by_loader.iter().map(|set| set.value.name()).collect::<Vec<_>>().join(" ")
    };
    let found = ["stacks", "both", "shards", "events", "ring"].map(open);
    assert_eq!(found, ["value max_entries", "key value", "inner", "", ""]);
}

#[test]
fn a_file_that_is_not_an_object_is_a_finding() {
    for data in [b"".as_slice(), b"\x7fELF", &[0; 4096]] {
        let imported = read_object(Path::new("x.o"), data, None);
        assert_eq!(imported.findings[0].rule.id, "import-unreadable");
        assert!(imported.is_partial());
    }
}

/// If a type is nested too deeply for a schema, its inner part becomes bytes.
#[test]
fn types_that_nest_too_deep_become_bytes() {
    for depth in [29, 30, 31, 32, 33, 70] {
        let (pointers, arrays) = ("*".repeat(depth), "[1]".repeat(depth));
        let data = object(&format!(
            "struct deep {{ __u64 {pointers}a; __u64 b{arrays}; __u64 *c{arrays}; }};
             struct {{ __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 1);
                 __type(key, __u32); __type(value, struct deep); }} m SEC(\".maps\");"
        ));
        let imported = read_object(Path::new("deep.bpf.o"), &data, None);
        assert_eq!(imported.schema.maps.len(), 1, "{depth}");
        let text = print::toml::print(&imported.schema);
        let checked = check(toml::read_str(Path::new("deep.toml"), &text));
        assert!(checked.is_ok(), "{depth}: {}\n{text}", checked.unwrap_err());
    }
}

/// If any byte of the object is damaged, the result is a finding, another schema or the same
/// schema, but never a panic.
#[test]
fn damaged_object_files_do_no_harm() {
    let whole = program();
    let mut random = 1_u64;
    let mut next = |limit: usize| {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(random >> 33).unwrap() % limit
    };
    for _ in 0..3000 {
        let mut data = whole.clone();
        for _ in 0..=next(8) {
            let at = next(data.len());
            data[at] = u8::try_from(next(256)).unwrap();
        }
        if next(4) == 0 {
            data.truncate(next(data.len()));
        }
        let imported = read_object(Path::new("damaged.bpf.o"), &data, None);
        let defined = definitions(&data).unwrap_or_default();
        let names = defined.maps.iter().map(|map| &map.name);
        for name in names.chain(defined.unread.iter().map(|(name, _)| name)) {
            let is_kept = imported.schema.maps.iter().any(|map| map.name.value == *name);
            let is_told = imported.left_out.iter().any(|one| one.map == *name);
            assert!(is_kept || is_told, "{name} is lost without a finding");
        }
        // The imported schema breaks no rule, except that it can be empty.
        let is_empty = imported.schema.maps.is_empty();
        assert!(is_empty || check(Draft::from(imported.schema)).is_ok());
    }
}
