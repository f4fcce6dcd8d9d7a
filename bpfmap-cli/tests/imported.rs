//! Tests that `bpfmap verify` finds no difference between an object and the schema that
//! `bpfmap import` created from this object.

mod support;

use std::fs;
use std::path::Path;

use bpfmap_codegen::clang;
use support::{Folder, INCLUDES, compile, text};

/// Compiles a file with each clang, imports the object to TOML and to Rust, and verifies the object
/// with each schema.
#[track_caller]
fn agrees(source: &Path) {
    let folder = Folder::new();
    let newest = clang::find().unwrap();
    for command in ["clang-14".as_ref(), newest.as_os_str()] {
        compile(command, source, &folder.path("it.o"));
        for schema in ["it.toml", "it.rs"] {
            // If the import leaves out a map, the exit status is 1, and the schema does not contain
            // the map.
            let imported = folder.bpfmap(&["import", "it.o", "--out", schema, "--force"]);
            assert!(folder.path(schema).exists(), "{}", text(&imported.stderr));
            let output = folder.bpfmap(&["verify", schema, "--object", "it.o"]);
            let found = [text(&output.stdout), text(&output.stderr)].concat();
            assert_eq!(output.status.code(), Some(0), "{}, {schema}: {found}", command.display());
            fs::remove_file(folder.path(schema)).unwrap();
        }
    }
}

#[track_caller]
fn program_agrees(definitions: &str) {
    let folder = Folder::new();
    let source = folder.path("it.bpf.c");
    fs::write(&source, format!("{INCLUDES}{definitions}")).unwrap();
    agrees(&source);
}

#[test]
fn the_importers_own_test_program_matches_its_schema() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bpfmap-codegen/tests/import");
    agrees(&folder.join("program.bpf.c"));
    agrees(&folder.join("rust_enum.s"));
}

#[test]
fn keys_and_values_that_become_bytes() {
    program_agrees(
        "enum slot { FIRST, SECOND };
         struct one { __u32 index; };
         struct empty {};
         union nothing {};
         struct value { __u32 a; struct empty empty; union nothing nothing[3]; __u64 b; };
         enum state { Ready = 1, READY = 2, done = 3, Done = 3 };
         enum answer { no, yes };
         #define MAP(name, of, key_type, value_type) struct { __uint(type, of); __uint(max_entries, 8); \
             __uint(map_flags, of == BPF_MAP_TYPE_LPM_TRIE ? BPF_F_NO_PREALLOC : 0); \
             __type(key, key_type); __type(value, value_type); } name SEC(\".maps\")
         typedef __u8 prefix[8];
         MAP(routes, BPF_MAP_TYPE_LPM_TRIE, prefix, struct value);
         MAP(by_enum, BPF_MAP_TYPE_ARRAY, enum slot, enum state);
         MAP(by_struct, BPF_MAP_TYPE_PERCPU_ARRAY, struct one, struct value);
         MAP(states, BPF_MAP_TYPE_HASH, struct value, enum state);",
    );
}

#[test]
fn maps_with_only_a_type() {
    program_agrees(
        "struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); } events SEC(\".maps\");
         struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 4); } jumps SEC(\".maps\");
         struct { __uint(type, BPF_MAP_TYPE_CGROUP_ARRAY); __uint(max_entries, 4); } groups SEC(\".maps\");
         struct { __uint(type, BPF_MAP_TYPE_RINGBUF); } ring SEC(\".maps\");",
    );
}

#[test]
fn a_program_for_this_machine_is_refused() {
    let folder = Folder::new();
    let output = folder.bpfmap(&["import", env!("CARGO_BIN_EXE_bpfmap"), "--out", "it.toml"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("expected an object file for BPF"),
        "{}",
        text(&output.stderr)
    );
    assert!(!folder.path("it.toml").exists());
}
