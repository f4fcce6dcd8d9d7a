//! Tests that invalid input always results in findings. It must not cause a panic, an endless loop,
//! or a flood of messages.

#[path = "support/hostile.rs"]
mod hostile;

use std::fmt::Write as _;
use std::path::Path;

use bpfmap_schema::check::check;
use bpfmap_schema::diagnostics::{Style, render};
use bpfmap_schema::front::toml::read_str;
use proptest::prelude::*;

/// Reads and checks `text`, and generates all files from it. Returns the rules that the schema
/// breaks.
fn run(text: &str) -> Vec<&'static str> {
    hostile::run(read_str(Path::new("hostile.toml"), text))
}

#[test]
fn deep_nesting() {
    for (open, close) in [("[", "]"), ("{ a = ", "}")] {
        let text = format!("a = {}1{}", open.repeat(20_000), close.repeat(20_000));
        assert!(run(&text).contains(&"toml-syntax"));
    }
    let pointers = "*".repeat(100_000);
    let arrays = "[".repeat(100_000);
    for ty in [pointers, arrays] {
        let text = format!("[types.a]\nkind = \"alias\"\ntype = \"{ty}u8\"\n");
        assert_eq!(run(&text), ["type-syntax"]);
    }
    let members = "{ kind = \"struct\", members = [".repeat(100);
    assert!(
        run(&format!("[types.a]\nkind = \"struct\"\nmembers = [{members}"))
            .contains(&"toml-syntax")
    );
}

#[test]
fn long_chains_of_types() {
    let mut chain = String::new();
    for number in 0..10_000 {
        let next = number + 1;
        writeln!(chain, "[types.t{number}]\nkind = \"alias\"\ntype = \"t{next}\"").unwrap();
    }
    let good = format!("{chain}[types.t10000]\nkind = \"alias\"\ntype = \"u8\"\n");
    assert_eq!(run(&good), ["nested-too-deep"]);
    let circle = format!("{chain}[types.t10000]\nkind = \"alias\"\ntype = \"t0\"\n");
    assert_eq!(run(&circle), ["recursive-type"]);
}

#[test]
fn sizes_that_exceed_every_integer() {
    let mut text = String::from("[types.t0]\nkind = \"alias\"\ntype = \"[u64; 0xffff_ffff]\"\n");
    for number in 1..30 {
        let previous = number - 1;
        writeln!(
            text,
            "[types.t{number}]\nkind = \"struct\"\nmembers = [\n\
             {{ name = \"a\", type = \"[t{previous}; 0xffff_ffff]\" }},\n\
             {{ name = \"b\", type = \"u8\", bits = 3 }},\n]"
        )
        .unwrap();
    }
    text.push_str("[maps.m]\ntype = \"hash\"\nkey = \"t29\"\nvalue = \"t28\"\nmax_entries = 1\n");
    let rules = run(&text);
    for rule in ["type-too-large", "key-size", "value-size"] {
        assert!(rules.contains(&rule), "{rules:?}");
    }
}

#[test]
fn numbers_of_every_size() {
    let huge = "9".repeat(10_000);
    let text = format!(
        "[types.e]\nkind = \"enum\"\nvariants = {{ a = {huge}, b = -{huge}, c = 1e999, d = nan }}\n\
         [maps.m]\ntype = \"array\"\nvalue = \"[u8; {huge}]\"\nmax_entries = {huge}\n\
         numa_node = 0x{huge}\nmap_extra = -1\nvalues = {{ {huge} = \"x\", -1 = \"y\" }}\npinning = {huge}\n"
    );
    let rules = run(&text);
    assert!(rules.iter().filter(|rule| **rule == "number-range").count() >= 8, "{rules:?}");
}

#[test]
fn a_mebibyte_of_garbage() {
    hostile::garbage("[]{}=\"'#\n\r\t.,-_ abc019", "toml-syntax", run);
    hostile::repetition(&["a", "[", "\"", "\n", "=", "{", "a.", "#", "\u{0}", "[["], run);
}

#[test]
fn one_long_line_is_not_shown_whole() {
    let names: Vec<String> =
        (0..10_000).map(|number| format!("{{ name = \"m{number}\", type = \"x\" }}")).collect();
    let text = format!("types.a = {{ kind = \"struct\", members = [{}] }}\n", names.join(", "));
    let rejected = check(read_str(Path::new("hostile.toml"), &text)).unwrap_err();
    let shown = render(&rejected.findings[..10], &rejected.sources, Style::Plain);
    assert!(shown.len() < 20_000, "{} bytes", shown.len());
    assert!(shown.contains("hostile.toml:1:"), "{shown}");
}

/// Each of the files is small enough, but there are too many files.
#[test]
fn too_many_includes() {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..6).map(|number| format!("\"f{number}.toml\"")).collect();
    for number in 0..6 {
        let text = "#".repeat(3 << 20);
        std::fs::write(folder.path().join(format!("f{number}.toml")), text).unwrap();
    }
    let text = format!("include = [{}]\n", names.join(", "));
    std::fs::write(folder.path().join("all.toml"), text).unwrap();
    let draft = bpfmap_schema::front::toml::read_file(&folder.path().join("all.toml"));
    let found: Vec<&str> = draft.findings.iter().map(|finding| &*finding.message).collect();
    assert!(found.last().unwrap().ends_with("at most 16 MiB of TOML"), "{found:?}");
}

#[test]
fn texts_that_end_unexpectedly() {
    hostile::odd_places_to_end(include_str!("../../schemas/hash.toml"), run);
}

#[test]
fn names_that_try_to_break_out() {
    for name in ["*/ int x; /*", "\\\"; //", "a\\nb", "${X}", "../../etc/passwd", "a/b"] {
        let text = format!("name = \"{}\"\n", name.replace('\\', "\\\\").replace('"', "\\\""));
        assert_eq!(run(&text), ["bad-name"], "{name}");
    }
    let text = "*/ #error out\\n//! out\\n\\\"\\\"\\u0000";
    let schema = |tag: &str| {
        format!(
            "doc = \"{text}\"\n[maps.m]\ntype = \"array\"\nvalue = \"u8\"\nmax_entries = 1\n\
             doc = \"{text}\"\ndecl_tags = [\"{tag}\"]\n"
        )
    };
    assert_eq!(run(&schema("*/ #error out \\\"\\\"")), [""; 0]);
    assert_eq!(run(&schema(text)), ["decl-tag"]);
}

/// The words from which random schemas in TOML are made.
const WORDS: &[&str] = &[
    "[types.a]\n",
    "[types.b]\n",
    "[maps.m]\n",
    "[[types.a.members]]\n",
    "kind = ",
    "\"struct\"\n",
    "\"union\"\n",
    "\"enum\"\n",
    "\"alias\"\n",
    "type = ",
    "\"a\"\n",
    "\"b\"\n",
    "\"[a; 3]\"\n",
    "\"*b\"\n",
    "\"u32\"\n",
    "\"hash\"\n",
    "\"lpm_trie\"\n",
    "\"array\"\n",
    "members = [",
    "{ name = \"x\", type = \"b\" }, ",
    "{ kind = \"union\", members = [",
    "]\n",
    "}\n",
    "] }, ",
    "key = ",
    "value = ",
    "max_entries = 4\n",
    "flags = [\"rdonly\", \"no_prealloc\"]\n",
    "bits = 3\n",
    "packed = true\n",
    "align = 8\n",
    "variants = { x = 1 }\n",
    "repr = \"i8\"\n",
    "min_kernel = \"5.10\"\n",
    "name = \"n\"\n",
    "\"bpf_spin_lock\"\n",
    "btf = false\n",
    "# \u{e9}\r\n",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text in any::<String>()) {
        run(&text);
    }

    #[test]
    fn any_text_of_toml_letters(text in "[\\[\\]{}=\"'#a-c0-9.,_ \n\r\t-]{0,200}") {
        run(&text);
    }

    #[test]
    fn any_nearly_a_schema(text in hostile::shuffled(WORDS)) {
        run(&text);
    }

    #[test]
    fn any_type_expression(expression in "[\\[\\]*;u8xvoidbe16 0-9_]{0,30}") {
        run(&format!("[types.a]\nkind = \"alias\"\ntype = '{expression}'\n"));
    }
}
