//! Tests of importing enums of each integer type. With each clang, the imported enum equals the
//! original enum, as far as BTF contains the information.

use std::path::Path;

use bpfmap_codegen::backend::c;
use bpfmap_schema::check::{Checked, check};
use bpfmap_schema::diagnostics::{Style, render};
use bpfmap_schema::front::btf::{Imported, LiveBtf, LiveMapInfo, read_live, read_object};
use bpfmap_schema::front::toml;
use bpfmap_schema::ir::{Schema, TypeDefKind};
use bpfmap_schema::print;

use super::object_of;
use super::support::CLANGS;

fn schema() -> Checked {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/enums.toml");
    check(toml::read_file(&file)).unwrap()
}

/// Returns the name, the integer type and the values of each enum.
fn enums(schema: &Schema) -> Vec<(String, String, Vec<i128>)> {
    let found = schema.types.iter().filter_map(|def| {
        let TypeDefKind::Enum(body) = &def.kind else { return None };
        let values = body.variants.iter().map(|variant| variant.value.value).collect();
        Some((def.name.value.clone(), body.repr.value.to_string(), values))
    });
    let mut found: Vec<_> = found.collect();
    found.sort();
    found
}

fn imported(compiler: usize, definitions: &str) -> Imported {
    read_object(Path::new("enums.bpf.o"), &object_of(CLANGS[compiler].1, definitions), None)
}

#[test]
fn of_each_integer_type_are_imported_unchanged() {
    let schema = schema();
    let Imported { schema: imported, findings, .. } = imported(1, &c::emit(&schema).contents);
    assert!(findings.is_empty(), "{}", render(&findings, &imported.sources, Style::Plain));
    assert_eq!(enums(&imported), enums(schema.schema()));
}

/// Clang 14 writes only the lower 32 bits of each value, and never marks an enum as signed.
#[test]
fn of_clang_14_are_imported_as_far_as_btf_describes_them() {
    let schema = schema();
    let Imported { schema: imported, findings, .. } = imported(0, &c::emit(&schema).contents);
    let expected = enums(schema.schema()).into_iter().map(|(name, repr, values)| {
        let cut = |value: i128| value & 0xffff_ffff;
        match repr.as_str() {
            "i32" => (name, "u32".to_owned(), values.into_iter().map(cut).collect()),
            "i64" | "u64" => (name, "u64".to_owned(), values.into_iter().map(cut).collect()),
            _ => (name, repr, values),
        }
    });
    assert_eq!(enums(&imported), expected.collect::<Vec<_>>());
    insta::assert_snapshot!(
        "enums_of_clang_14",
        render(&findings, &imported.sources, Style::Plain)
    );
}

/// If the integer type is a typedef, every clang loses the signedness and truncates 64-bit values.
#[test]
fn of_a_typedef_are_reported() {
    let definitions = "enum small : __s8 { SMALL = -5 };
         enum wide : __s64 { WIDE = -1 };
         struct value { enum wide wide; enum small small; };
         struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 1);
             __type(key, __u32); __type(value, struct value); } m SEC(\".maps\");";
    for compiler in [0, 1] {
        let Imported { schema, findings, .. } = imported(compiler, definitions);
        let expected = [
            ("small".to_owned(), "i8".to_owned(), vec![-5]),
            ("wide".to_owned(), "u64".to_owned(), vec![0xffff_ffff]),
        ];
        assert_eq!(enums(&schema), expected);
        let rules: Vec<_> = findings.iter().map(|finding| finding.rule.id).collect();
        assert_eq!(rules, ["import-enum"]);
    }
}

/// On a kernel that supports neither 64-bit enums nor floating-point types, libbpf replaces these
/// types in the BTF of a map.
#[test]
fn of_64_bits_in_old_kernels_become_integers() {
    let strings = b"\0enum64_placeholder\0wide\0WIDE\0value\0state\0mean\0";
    let words = [
        // Type 1 is the integer that replaces each variant, and type 2 is the union that replaces
        // an enum.
        [1, 1 << 24, 1, 8].as_slice(),
        &[20, 5 << 24 | 1, 8, 25, 1, 0],
        // Type 3 is the struct that replaces a `double`, type 4 is the value, and type 5 is the
        // key.
        &[0, 4 << 24, 8],
        &[30, 4 << 24 | 2, 16, 36, 2, 0, 42, 3, 64],
        &[36, 1 << 24, 4, 32_u32],
    ];
    let words: Vec<u8> = words.concat().into_iter().flat_map(u32::to_ne_bytes).collect();
    let (types, names) =
        (u32::try_from(words.len()).unwrap(), u32::try_from(strings.len()).unwrap());
    let header = [24, 0, types, types, names].into_iter().flat_map(u32::to_ne_bytes);
    let data = 0xeb9f_u16.to_ne_bytes().into_iter().chain([1, 0]).chain(header).chain(words);
    let btf = LiveBtf { id: 1, data: data.chain(strings.iter().copied()).collect() };
    let map = LiveMapInfo {
        name: "m".to_owned(),
        map_type: 1,
        key_size: 4,
        value_size: 16,
        max_entries: 1,
        btf: 1,
        key_type: 5,
        value_type: 4,
        ..LiveMapInfo::default()
    };
    let Imported { schema, findings, .. } =
        read_live(Path::new("live"), "live", &[map], &[btf], None);
    let rules: Vec<_> = findings.iter().map(|finding| finding.rule.id).collect();
    assert_eq!(rules, ["import-enum", "import-type"]);
    let text = print::toml::print(&schema);
    assert!(text.contains(r#"{ name = "state", type = "u64" }"#), "{text}");
    assert!(text.contains(r#"{ name = "mean", type = "[u8; 8]" }"#), "{text}");
}
