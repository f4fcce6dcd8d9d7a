//! Tests of importing legacy map definitions in the structs of different loaders, and of files that
//! are not BPF objects.

use std::path::Path;

use bpfmap_schema::front::btf::read_object;
use bpfmap_schema::ir::{InnerMap, MapDecl, Schema};

use super::object;

fn map<'a>(schema: &'a Schema, name: &str) -> &'a MapDecl {
    schema.maps.iter().find(|map| map.name.value == name).unwrap_or_else(|| panic!("no map {name}"))
}

/// Imports maps whose types, sizes and entries are the numbers in `definitions`.
fn imported(definitions: &str) -> Schema {
    let imported = read_object(Path::new("old.bpf.o"), &object(definitions), None);
    let left_out: Vec<_> = imported.left_out.iter().map(|one| (&one.map, one.rule.id)).collect();
    assert_eq!(left_out, []);
    imported.schema
}

fn numbers(map: &MapDecl) -> (&str, u32) {
    (&map.map_type.value, map.max_entries.as_ref().unwrap().value)
}

/// Old compilers write symbols without a size.
#[test]
fn a_variable_without_a_size_ends_where_the_next_begins() {
    let schema = imported(
        "asm(\".section maps,\\\"aw\\\",@progbits\\n\"
             \".globl one\\none:\\n.long 1, 4, 8, 16, 0\\n\"
             \".globl two\\ntwo:\\n.long 2, 4, 4, 32, 0\\n\");",
    );
    assert_eq!(numbers(map(&schema, "one")), ("hash", 16));
    assert_eq!(numbers(map(&schema, "two")), ("array", 32));
}

/// gobpf and other loaders use a separate section for each map.
#[test]
fn each_map_can_have_a_section() {
    let schema = imported(
        "struct bpf_map_def { __u32 type, key_size, value_size, max_entries, map_flags; };
         struct bpf_map_def SEC(\"maps/flows\") flows = { BPF_MAP_TYPE_HASH, 4, 8, 16, 0 };
         struct pinned { __u32 type, key_size, value_size, max_entries, map_flags, pinning; char folder[256]; };
         struct pinned SEC(\"maps/shared\") shared = { BPF_MAP_TYPE_ARRAY, 4, 4, 32, 0, 2, \"tracer\" };",
    );
    assert_eq!(numbers(map(&schema, "flows")), ("hash", 16));
    assert!(map(&schema, "flows").pinning.is_none());
    assert_eq!(numbers(map(&schema, "shared")), ("array", 32));
    assert!(map(&schema, "shared").pinning.is_some());
}

/// A section of maps without symbols is reported.
#[test]
fn a_section_without_a_symbol_is_a_finding() {
    let data =
        object("asm(\".section maps/flows,\\\"aw\\\",@progbits\\n.long 1, 4, 8, 16, 0\\n\");");
    let imported = read_object(Path::new("old.bpf.o"), &data, None);
    let left_out: Vec<_> =
        imported.left_out.iter().map(|one| (one.map.as_str(), one.rule.id)).collect();
    assert_eq!(left_out, [("flows", "import-map")]);
    assert!(imported.is_partial());
}

/// The struct of the kernel's samples contains as many numbers as the struct of aya, but the
/// numbers have other meanings.
#[test]
fn the_structs_of_samples_and_of_aya_are_distinguished() {
    let schema = imported(
        "struct sample { __u32 type, key_size, value_size, max_entries, map_flags, inner_map_idx, numa_node; };
         struct sample SEC(\"maps\") inner = { BPF_MAP_TYPE_ARRAY, 4, 4, 8, 0, 0, 0 };
         struct sample SEC(\"maps\") node = { BPF_MAP_TYPE_HASH, 4, 4, 8, BPF_F_NUMA_NODE, 0, 1 };
         struct sample SEC(\"maps\") outer = { BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 8, 0, 0, 0 };
         struct aya { __u32 type, key_size, value_size, max_entries, map_flags, id, pinning; };
         struct aya SEC(\"maps\") pinned = { BPF_MAP_TYPE_HASH, 4, 4, 8, 0, 0, 1 };",
    );
    let node = map(&schema, "node");
    assert_eq!(node.numa_node.as_ref().unwrap().value, 1);
    assert!(node.pinning.is_none());
    assert!(map(&schema, "pinned").pinning.is_some());
    let InnerMap::Template(inner) = &map(&schema, "outer").inner.as_ref().unwrap().value else {
        panic!("an inner map of before 1.0 is described in place");
    };
    assert_eq!(numbers(inner), ("array", 8));
}

/// The test imports its own executable, which is a program for this machine.
#[test]
fn the_message_about_a_file_for_another_machine_names_the_machine() {
    let data = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let imported = read_object(Path::new("ls"), &data, None);
    assert!(imported.is_partial());
    assert_eq!(imported.findings[0].rule.id, "import-unreadable");
    let machine = match std::env::consts::ARCH {
        "x86_64" => "x86-64",
        "aarch64" => "64-bit Arm",
        other => panic!("the importer has a word for {other}, and this test needs it"),
    };
    let expected =
        format!("`ls` can't be imported: expected an object file for BPF, found one for {machine}");
    assert_eq!(imported.findings[0].message, expected);
}
