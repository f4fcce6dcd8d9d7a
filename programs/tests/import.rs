//! Imports the objects of programs in Rust, and compares them with the schemas that result.

use std::path::Path;

use bpfmap::{Be32, BpfMap, BpfType, CharArray, Enum, MapSpec, Padded, verify};
use bpfmap_programs_common::Verdict;
use bpfmap_schema::check::check;
use bpfmap_schema::describe::map_def;
use bpfmap_schema::front::btf::{Imported, definitions, read_object};
use bpfmap_schema::front::toml::read_str;
use bpfmap_schema::print;

fn imported(object: &[u8]) -> Imported {
    read_object(Path::new("program.o"), object, None)
}

/// Returns the messages of the diagnostics.
fn messages(imported: &Imported) -> Vec<&str> {
    imported.findings.iter().map(|finding| finding.message.as_str()).collect()
}

/// The schema breaks no rule, and each map has the attributes of the definition in the object.
fn assert_valid(object: &[u8]) -> String {
    let imported = imported(object);
    assert!(!imported.is_partial(), "{:?}", messages(&imported));
    let text = print::toml::print(&imported.schema);
    let checked = check(read_str(Path::new("program.toml"), &text)).unwrap();
    let real = definitions(object).unwrap();
    assert_eq!(checked.schema().maps.len(), real.maps.len());
    assert!(real.unread.is_empty(), "{:?}", real.unread);
    let arena = bumpalo::Bump::new();
    for map in &checked.schema().maps {
        let defined = real.maps.iter().find(|defined| defined.name == map.name.value).unwrap();
        let declared = map_def(&arena, &checked, map);
        let ids = (defined.key_type(&real.btf), defined.value_type(&real.btf));
        let ids = (ids.0.unwrap_or(0), ids.1.unwrap_or(0));
        assert_eq!(verify::types(&declared, &real.btf, ids), [], "{}", defined.name);
        if let Some(event) = defined.event {
            assert_eq!(verify::event(&declared, &real.btf, event.ty), [], "{}", defined.name);
        }
    }
    text
}

#[test]
fn maps_of_bpfmap_are_imported_without_a_loss() {
    let text = assert_valid(bpfmap_programs::OPERATIONS);
    // The types have the names that a program in C would use.
    for expected in ["[types.sorts]", "{ name = \"v4\", type = \"be32\" }", "value = \"sorts\""] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

/// The declarations of an application that does not share the crate with the program. Two members
/// have changed their places.
mod moved {
    use super::*;

    #[derive(Clone, Copy, BpfType)]
    #[repr(C)]
    #[bpf_type(std_traits)]
    pub(super) union Address {
        pub v4: Padded<Be32, 12>,
        pub v6: [u32; 4],
    }

    #[derive(Clone, Copy, BpfType)]
    #[repr(C)]
    #[bpf_type(std_traits)]
    pub(super) struct Sorts {
        pub address: Address,
        pub verdict: Enum<Verdict>,
        #[bpf(name = "type")]
        pub kind: u8,
        #[bpf(bits(vlan: u16 = 12, tagged: bool = 1))]
        bits0: [u8; 2],
        pub name: CharArray<12>,
    }

    #[derive(BpfMap)]
    #[bpf_map(hash, max_entries = 4)]
    pub(super) struct Hashes {
        key: u32,
        value: Sorts,
    }
}

#[test]
fn a_member_that_has_moved_on_one_side_is_a_difference() {
    let real = definitions(bpfmap_programs::OPERATIONS).unwrap();
    let defined = real.maps.iter().find(|map| map.name == "hashes").unwrap();
    let ids = (defined.key_type(&real.btf).unwrap(), defined.value_type(&real.btf).unwrap());
    assert_eq!(verify::types(&bpfmap_programs_common::Hashes::DEF, &real.btf, ids), []);
    let found = verify::types(&moved::Hashes::DEF, &real.btf, ids);
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        ["value.verdict: offset 17, schema says 16", "value.type: offset 16, schema says 17",]
    );
}

/// The names of types with parameters are mangled by the linker.
#[test]
fn types_that_are_written_by_hand_are_imported() {
    let text = assert_valid(bpfmap_programs::AYA);
    for expected in [
        // Integers in network byte order are recognised by their name.
        "{ name = \"v4\", type = \"be32\" }",
        "[types.Port]\nkind = \"struct\"\nmembers = [\n  { name = \"__0\", type = \"be16\" },\n]",
        "variants = { Pass = 1, Drop = 2 }",
        "[types.Counter_3C_u64_3E_]",
        "{ name = \"names\", type = \"[[u8; 16]; 2]\" }",
        "{ name = \"large\", type = \"u128\" }",
        "packed = true",
        "event = \"Packed\"",
        "flags = [\"no_prealloc\"]",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(!text.contains("types.__be"), "{text}");
}

/// A member without bytes, such as `PhantomData`, is left out with a warning.
#[test]
fn members_without_bytes_are_reported() {
    let imported = imported(bpfmap_programs::AYA);
    let messages = messages(&imported);
    let unit = messages.iter().filter(|message| message.contains(".unit` is left out")).count();
    assert_eq!(unit, 1, "{messages:?}");
}
