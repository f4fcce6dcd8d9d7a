//! Imports the objects of programs in Rust, and compares them with the schemas that result.

use std::path::Path;

use bpfmap_schema::check::check;
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
