//! Tests of conditions in schemas in Rust: bpfmap evaluates known conditions, and reports unknown
//! conditions.

use std::fs;

use bpfmap_codegen::Builder;
use bpfmap_schema::check::check;
use bpfmap_schema::front::rust::{Cfg, read_file_with};
use bpfmap_schema::print;

/// Returns a build with these features and conditions.
fn build(features: &[&str], conditions: &[&str]) -> Cfg {
    let mut cfg = Cfg::default();
    cfg.features(features.iter().copied());
    for condition in conditions {
        cfg.set(condition).unwrap();
    }
    cfg
}

/// Converts the source `text` to TOML and returns it. If there are findings, returns the rule, the
/// line and the message of each finding.
fn read(text: &str, cfg: &Cfg) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("maps.rs");
    fs::write(&path, text).unwrap();
    let draft = read_file_with(&path, cfg);
    let schema = draft.schema.clone();
    let Err(rejected) = check(draft) else { return print::toml::print(&schema) };
    let line = |start: usize| text[..start].lines().count().max(1);
    let lines: Vec<String> = rejected
        .findings
        .iter()
        .map(|finding| {
            let message = finding.message.replace(&format!("{}/", folder.path().display()), "");
            format!("{} {}: {message}", finding.rule.id, line(finding.place.span.start + 1))
        })
        .collect();
    lines.join("\n")
}

/// A source in which `X` stands before each kind of item that a schema can contain.
const EVERYWHERE: &[(&str, &str)] = &[
    (
        "#[derive(Clone, Copy, BpfType)] #[repr(C)] struct Usage { packets: u32,\nX bytes: u32 }",
        "{ name = \"bytes\"",
    ),
    (
        "#[derive(Clone, Copy, BpfType)] #[repr(u8)] enum Verdict { Pass,\nX Drop }",
        "drop = 1",
    ),
    (
        "X #[derive(BpfMap)] #[bpf_map(array, max_entries = 4)] struct Counters { value: u32 }\n
        #[derive(BpfMap)] #[bpf_map(array, max_entries = 4)] struct Others { value: u32 }",
        "[maps.counters]",
    ),
    (
        "mod other { X #[derive(Clone, Copy, BpfType)] #[repr(C)] pub struct Usage { packets: u64 } }
        #[derive(BpfMap)] #[bpf_map(array, max_entries = 4)] struct Others { value: u32 }",
        "[types.usage]",
    ),
    (
        "X mod other { #[derive(Clone, Copy, BpfType)] #[repr(C)] pub struct Usage { packets: u64 } }
        #[derive(BpfMap)] #[bpf_map(array, max_entries = 4)] struct Others { value: u32 }",
        "[types.usage]",
    ),
    (
        "mod other { #![cfg(feature = \"x\")] #[derive(Clone, Copy, BpfType)] #[repr(C)] pub struct Usage { packets: u64 } }
        #[derive(BpfMap)] #[bpf_map(array, max_entries = 4)] struct Others { value: u32 }",
        "[types.usage]",
    ),
    (
        "X const ENTRIES: u32 = 8; #[cfg(not(feature = \"x\"))] const ENTRIES: u32 = 4;
        #[derive(BpfMap)] #[bpf_map(array, max_entries = ENTRIES)] struct Others { value: u32 }",
        "max_entries = 8",
    ),
    (
        "X type Count = u64; #[cfg(not(feature = \"x\"))] type Count = u32;
        #[derive(BpfMap)] #[bpf_map(array, max_entries = 4)] struct Others { value: Count }",
        "type = \"u64\"",
    ),
    (
        "X use bpfmap::Be64 as Count; #[cfg(not(feature = \"x\"))] use bpfmap::Be32 as Count;
        #[derive(BpfMap)] #[bpf_map(array, max_entries = 4)] struct Others { value: Count }",
        "value = \"be64\"",
    ),
    (
        "#[derive(BpfMap)] #[cfg_attr(feature = \"x\", bpf_map(array, max_entries = 8))]
        #[cfg_attr(not(feature = \"x\"), bpf_map(array, max_entries = 4))] struct Others { value: u32 }",
        "max_entries = 8",
    ),
    (
        "#[derive(Clone, Copy, BpfType)] #[repr(C)] struct Usage {
        #[cfg_attr(feature = \"x\", bpf(name = \"count\"))] packets: u32 }",
        "name = \"count\"",
    ),
    (
        "#[cfg_attr(feature = \"x\", derive(bpfmap::BpfType))] #[derive(Clone, Copy)] #[repr(C)]
        struct Usage { packets: u32 }
        #[derive(BpfMap)] #[bpf_map(array, max_entries = 4)] struct Others { value: u32 }",
        "[types.usage]",
    ),
    (
        "X bpfmap::schema!(name = \"own\");
        #[derive(BpfMap)] #[bpf_map(array, max_entries = 4)] struct Others { value: u32 }",
        "name = \"own\"",
    ),
];

#[test]
fn known_conditions_are_evaluated() {
    for (text, sign) in EVERYWHERE {
        let text = text.replace('X', "#[cfg(feature = \"x\")]");
        let with = read(&text, &build(&["x"], &[]));
        let without = read(&text, &build(&[], &[]));
        assert!(with.contains("name = ") && with.contains(sign), "{text}\n{with}");
        assert!(without.contains("name = ") && !without.contains(sign), "{text}\n{without}");
        // A condition in the form of the compiler's option `--cfg`.
        assert_eq!(read(&text, &build(&[], &["feature = \"x\""])), with);
    }
}

#[test]
fn unknown_conditions_are_reported() {
    let expected = "it is unknown whether `feature = \"x\"` is set";
    for (text, _) in EVERYWHERE {
        let text = text.replace('X', "#[cfg(feature = \"x\")]");
        let found = read(&text, &Cfg::default());
        assert!(found.contains("unknown-cfg") && found.contains(expected), "{text}\n{found}");
    }
    let place = read(
        "#[derive(Clone, Copy, BpfType)]\n#[repr(C)]\nstruct Usage {\n    packets: u64,\n    \
         #[cfg(feature = \"x\")]\n    bytes: u64,\n}\n",
        &Cfg::default(),
    );
    assert_eq!(place, format!("unknown-cfg 5: {expected}"));
}

/// Unknown conditions of items that the schema does not use are not reported.
#[test]
fn other_conditions_are_left_alone() {
    let text = "
        #[cfg(feature = \"server\")] use tokio::net::TcpListener;
        #[cfg(feature = \"server\")] mod server { pub const PORT: u16 = 80; pub struct Server; }
        #[cfg(debug_assertions)] const LIMIT: u32 = 1;
        #[cfg(feature = \"server\")] fn serve() {}
        #[cfg(test)] mod tests { #[derive(BpfMap)] #[bpf_map(array, max_entries = 1)] struct T { value: u32 } }
        #[derive(Clone, Copy, BpfType)] #[cfg_attr(feature = \"serde\", derive(Serialize))] #[repr(C)]
        #[cfg_attr(docsrs, doc(cfg(all())))]
        struct Usage { #[cfg_attr(feature = \"serde\", serde(skip))] packets: u64 }
        #[cfg(target_os = \"linux\")] #[derive(BpfMap)] #[bpf_map(array, max_entries = 1)]
        struct Counters { value: Usage }";
    let read = read(text, &Cfg::default());
    assert!(read.contains("[types.usage]") && read.contains("[maps.counters]"), "{read}");
}

/// The compiler does not evaluate conditions within attributes of the derives.
#[test]
fn conditions_within_an_attribute_are_refused() {
    for text in [
        "#[derive(Clone, Copy, BpfType)] #[repr(C)]
        struct A { #[bpf(bits(#[cfg(feature = \"x\")] a: u8 = 1))] bits0: [u8; 1] }",
        "#[derive(Clone, Copy, BpfType)] #[repr(transparent)]
        #[bpf_type(variants(low = 1, #[cfg(feature = \"x\")] high = 2))] struct A(u8);",
    ] {
        let found = read(text, &build(&["x"], &[]));
        assert!(found.contains("the compiler ignores `#[cfg]` here"), "{found}");
    }
}

#[test]
fn builders_can_set_conditions_that_cargo_does_not_pass() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("maps.rs");
    fs::write(
        &source,
        "#[derive(Clone, Copy, BpfType)] #[repr(C)]
        struct Usage { packets: u32, #[cfg(all(feature = \"bytes\", not(tiny)))] bytes: u32 }",
    )
    .unwrap();
    let builder = || Builder::new().rust_source(&source).out_dir(folder.path());
    let header = |builder: Builder| {
        builder.generate().unwrap();
        fs::read_to_string(folder.path().join("maps.h")).unwrap().contains("__u32 bytes;")
    };
    assert!(header(builder().features(["bytes"]).cfg("not(tiny)")));
    assert!(!header(builder().features(["bytes"]).cfg("tiny")));
    assert!(!header(builder().features(["other"])));
    let error = builder().features(["bytes"]).generate().unwrap_err();
    assert_eq!(error.rejected()[0].findings[0].message, "it is unknown whether `tiny` is set");
    let error = builder().cfg("a b").generate().unwrap_err();
    assert!(error.to_string().starts_with("invalid condition `a b`"), "{error}");
}

#[test]
fn a_source_without_items_is_an_error() {
    let nothing = |text: &str, name: &str| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        let Err(rejected) = check(bpfmap_schema::front::read_file(&path)) else {
            return Vec::new();
        };
        let [finding] = rejected.findings.as_slice() else { panic!("{rejected}") };
        assert_eq!(finding.rule.id, "empty-schema", "{rejected}");
        assert!(finding.message.ends_with("does not declare a map or a type"), "{rejected}");
        finding.notes.clone()
    };
    let none: [&str; 0] = [];
    assert_eq!(nothing("fn main() {}\n", "a.rs"), none);
    assert_eq!(nothing("", "a.rs"), none);
    assert_eq!(nothing("# Nothing yet.\n", "a.toml"), none);
    let map = "[maps.counters]\ntype = \"array\"\nvalue = \"u32\"\nmax_entries = 1\n";
    for toml in [format!("# Maps.\n\n{map}"), format!("name = \"a\"\n{map}")] {
        assert_eq!(
            nothing(&toml, "a.rs"),
            ["the file looks like TOML, but the name of a schema in TOML must end in `.toml`"]
        );
    }
    assert_eq!(
        nothing("#[repr(C)] struct A { a: u32 }\nenum B { C }\n", "a.rs"),
        ["`A`, `B` have no derive"]
    );
    assert_eq!(
        nothing("#[cfg(test)]\n#[derive(BpfType)] #[repr(C)] struct A { a: u32 }\n", "a.rs"),
        ["declarations under a `cfg` that is false are left out"]
    );
    assert_eq!(
        nothing(
            "#[derive(BpfType)] #[repr(C)] #[bpf_type(in_place)] struct A { a: u32 }\n",
            "a.rs"
        ),
        ["types with `in_place` and maps with `template` are only parts of other declarations"]
    );
}
