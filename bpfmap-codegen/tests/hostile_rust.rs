//! Tests that invalid Rust always results in findings. It must not cause a panic, an endless loop,
//! or a flood of messages.

#[path = "support/hostile.rs"]
mod hostile;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use bpfmap_schema::front::rust::{read_file, read_str};
use proptest::prelude::*;

/// Reads and checks `text`, and generates all files from it. Returns the rules that the schema
/// breaks.
fn run(text: &str) -> Vec<&'static str> {
    hostile::run(read_str(Path::new("hostile.rs"), text))
}

/// Returns a struct with one member of type `ty`.
fn member(ty: &str) -> String {
    format!("#[derive(Clone, Copy, BpfType)] #[repr(C)] struct A {{ a: {ty} }}")
}

#[test]
fn deep_nesting() {
    const DEEP: usize = 30_000;
    let around = |open: &str, inner: &str, close: &str| {
        format!("{}{inner}{}", open.repeat(DEEP), close.repeat(DEEP))
    };
    let types = [
        around("[", "u8", "; 1]"),
        around("&", "u8", ""),
        around("*const ", "u8", ""),
        around("Padded<", "u8", ", 1>"),
        around("(", "u8", ")"),
        around("fn() -> ", "u8", ""),
        around("impl Fn() -> ", "u8", ""),
    ];
    for ty in types {
        assert!(run(&member(&ty)).contains(&"rust-syntax"), "{}", &ty[..60]);
        run(&format!("type A = {ty}; {}", member("A")));
    }
    let numbers = [
        around("(", "1", ")"),
        around("-", "1", ""),
        around("!", "1", ""),
        around("1 + ", "1", ""),
        around("", "1", " as u8"),
        around("{", "1", "}"),
        around("f(", "1", ")"),
        around("a.", "1", ""),
        around("if a {} else ", "1", ""),
    ];
    for number in numbers {
        assert!(!run(&member(&format!("[u8; {number}]"))).is_empty(), "{}", &number[..60]);
        run(&format!("const N: usize = {number}; {}", member("[u8; N]")));
        run(&format!(
            "#[derive(BpfMap)] #[bpf_map(array, max_entries = {number})] struct A {{ value: u8 }}"
        ));
    }
    for item in [
        around("mod a {", "", "}"),
        around("use a::{", "b", "}"),
        around("#[cfg(not(", "test", "))]") + "struct A;",
        around("#[cfg_attr(all(), ", "cfg(test)", ")]") + "struct A;",
        around("{", "", "}"),
        around("fn f() {", "", "}"),
        format!("#[derive(BpfType)] enum A {{ {} }}", around("B(", "", ")")),
        "{".repeat(DEEP),
        ")".repeat(DEEP),
    ] {
        run(&item);
    }
}

#[test]
fn nesting_at_the_limit() {
    for depth in [40, 60, 80, 100, 120, 200, 250] {
        let (open, close) = ("[".repeat(depth), "; 1]".repeat(depth));
        run(&member(&format!("{open}u8{close}")));
        run(&member(&format!("{}u8", "&".repeat(depth))));
        run(&member(&format!("[u8; {}1]", "!".repeat(depth))));
        run(&member(&format!("[u8; {}1{}]", "(".repeat(depth), ")".repeat(depth))));
        run(&member(&format!("{}u8{}", "Padded<".repeat(depth), ">".repeat(depth))));
    }
}

#[test]
fn long_chains() {
    let mut constants = String::from("const C0: usize = 1;");
    let mut aliases = String::from("type T0 = u8;");
    let mut uses = String::from("mod m0 { pub type T = u8; }");
    let mut sizes = String::from("const S0: usize = 1;");
    for number in 1..10_000 {
        let last = number - 1;
        write!(constants, "const C{number}: usize = C{last} + 1;").unwrap();
        write!(aliases, "type T{number} = T{last};").unwrap();
        write!(uses, "mod m{number} {{ pub use super::m{last}::*; pub use super::*; }}").unwrap();
        write!(
            sizes,
            "#[derive(BpfType)] #[repr(C)] struct Z{number} {{ a: [u8; size_of::<Z{last}>()] }}"
        )
        .unwrap();
    }
    assert_eq!(run(&format!("{constants}{}", member("[u8; C9999]"))), ["unknown-constant"]);
    assert!(run(&format!("{aliases}{}", member("T9999"))).contains(&"nested-too-deep"));
    assert!(run(&format!("{uses}{}", member("m9999::T"))).contains(&"unknown-type"));
    assert!(run(&sizes).contains(&"unknown-constant"));
    let mut many = String::new();
    for number in 0..10_000 {
        write!(many, "a{number}: u8, ").unwrap();
    }
    let body = format!("#[derive(BpfType)] #[repr(C)] struct A {{ {many} }}");
    assert!(run(&body).is_empty());
}

#[test]
fn circles() {
    for text in [
        "use a::b; use b::a;",
        "mod a { pub use super::b::*; } mod b { pub use super::a::*; }",
        "use self::T; use T as U; use U as T;",
        "pub use super::*; use crate::*; use self::*;",
    ] {
        assert!(run(&format!("{text} {}", member("T"))).contains(&"unknown-type"), "{text}");
    }
    for constant in ["N", "M", "size_of::<A>()", "E::B as usize"] {
        let text = format!(
            "const N: usize = M; const M: usize = {constant};\
             #[derive(BpfType)] #[repr(u8)] enum E {{ B = N as u8 }}"
        );
        let rules = run(&format!("{text} {}", member("[u8; N]")));
        assert!(rules.contains(&"unknown-constant"), "{text}: {rules:?}");
    }
}

/// Each type is used twice in the next type, which results in 2 to the power of 30 members.
#[test]
fn types_in_place_that_double() {
    let mut text = String::new();
    for number in 0..30 {
        let next = number + 1;
        write!(
            text,
            "#[derive(BpfType)] #[repr(C)] #[bpf_type(in_place)]\
             struct P{number} {{ a: P{next}, b: P{next} }}"
        )
        .unwrap();
    }
    text.push_str("#[derive(BpfType)] #[repr(C)] #[bpf_type(in_place)] struct P30 { a: u8 }");
    assert!(run(&format!("{text} {}", member("P0"))).contains(&"in-place"));

    let mut text = String::from("#[derive(BpfMap)] #[bpf_map(template, hash_of_maps)]");
    text.push_str(
        "struct M { inner: M } #[derive(BpfMap)] #[bpf_map(hash_of_maps)] struct N { inner: M }",
    );
    assert!(run(&text).contains(&"in-place"));
}

#[test]
fn files_that_double() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..40 {
        let next = number + 1;
        let text = format!(
            "#[path = \"f{next}.rs\"] mod a; #[path = \"f{next}.rs\"] mod b; \
             #[path = \"f0.rs\"] mod c; #[path = \"/dev/zero\"] mod d; #[path = \".\"] mod e;"
        );
        fs::write(folder.path().join(format!("f{number}.rs")), text).unwrap();
    }
    let rules = hostile::run(read_file(&folder.path().join("f0.rs")));
    assert!(rules.contains(&"unreadable-source") && rules.contains(&"include-cycle"), "{rules:?}");
}

/// A message shows a line of the file. The author of the schema must not see lines of files that
/// are not Rust.
#[test]
fn only_rust_is_read_for_a_module() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/proc/self/environ", folder.path().join("link.rs")).unwrap();
    let text =
        "#[path = \"/proc/self/environ\"] mod a; #[path = \"link.rs\"] mod b; use a::X; use b::Y;
        #[derive(bpfmap::BpfMap)] #[bpf_map(hash, max_entries = 1)] struct M { key: X, value: Y }";
    fs::write(folder.path().join("lib.rs"), text).unwrap();
    let draft = read_file(&folder.path().join("lib.rs"));
    let found: Vec<&str> = draft.findings.iter().map(|finding| &*finding.message).collect();
    for part in
        ["`/proc/self/environ`: expected a file whose name", "link.rs`: the file is a link to"]
    {
        let refused = |message: &&str| message.contains(part) && message.ends_with("ends in `.rs`");
        assert!(found.iter().any(refused), "{found:?}");
    }
    let read = draft.schema.sources.iter().filter(|source| source.text.contains("PATH="));
    assert_eq!(read.count(), 0);
}

#[test]
fn numbers_of_every_size() {
    let endless = "9".repeat(1 << 20);
    for text in [format!("const A: u8 = {endless};"), format!("bpfmap::schema!(name = {endless});")]
    {
        assert_eq!(run(&text), ["rust-syntax"]);
    }
    let huge = "9".repeat(200);
    for number in [
        huge.as_str(),
        "-1",
        "0x1_0000_0000",
        "1.5",
        "1e999",
        "'a'",
        "b'a'",
        "true",
        "1 << 127",
        "i128::MIN",
    ] {
        let text = format!(
            "#[derive(BpfMap)] #[bpf_map(array, max_entries = {number}, map_extra = {number}, values({number} = a))]\
             struct A {{ value: [u8; {number}] }}\
             #[derive(BpfType)] #[repr(u8)] enum E {{ B = {number}, C }}\
             #[derive(BpfType)] #[repr(C, align({number}))] struct S {{ #[bpf(bits(a: u8 = {number}))] b: u8 }}"
        );
        assert!(!run(&text).is_empty(), "{number}");
    }
}

#[test]
fn a_mebibyte_of_garbage() {
    hostile::garbage("[](){}<>=\"'#!\n\r\t.,;:-_ abc019/*\\", "rust-syntax", run);
    hostile::repetition(
        &[
            "a",
            "[",
            "\"",
            "\n",
            "=",
            "{",
            "a::",
            "#",
            "\u{0}",
            "#[a]",
            "/*",
            "'",
            "r#\"",
            "<",
            "use a;",
            "mod a{}",
            "a!",
            "struct ",
            "const A: u8 = ",
        ],
        run,
    );
}

#[test]
fn texts_that_end_unexpectedly() {
    hostile::odd_places_to_end(include_str!("../../schemas/rust/hash.rs"), run);
    hostile::odd_places_to_end(include_str!("../../schemas/rust/array_of_maps.rs"), run);
}

#[test]
fn names_that_try_to_break_out() {
    for name in ["*/ int x; /*", "\\\"; //", "${X}", "../../etc/passwd", "#0", "#1"] {
        let text = format!("bpfmap::schema!(name = {name:?}); {}", member("u8"));
        assert_eq!(run(&text), ["bad-name"], "{name}");
        let text = format!(
            "#[derive(BpfType)] #[repr(C)] #[bpf_type(name = {name:?})] struct A {{ a: u8 }}\
             #[derive(BpfMap)] #[bpf_map(hash_of_maps)] struct M {{ inner: A }}"
        );
        assert!(run(&text).contains(&"bad-name"), "{name}");
    }
}

/// The words from which random schemas in Rust are made.
const WORDS: &[&str] = &[
    "#[derive(Clone, Copy, BpfType)]\n",
    "#[derive(BpfMap)]\n",
    "#[repr(C)]\n",
    "#[repr(C, packed)]\n",
    "#[repr(u8)]\n",
    "#[repr(transparent)]\n",
    "#[bpf_type(in_place)]\n",
    "#[bpf_type(variants(a = 1, b = 1))]\n",
    "#[bpf_map(hash, max_entries = N)]\n",
    "#[bpf_map(template, array)]\n",
    "#[bpf(bits(a: u8 = 1, _: u16 = 3))]\n",
    "#[bpf(holds(_: A))]\n",
    "#[bpf(anonymous)]\n",
    "#[bpf(char)]\n",
    "#[bpf(kptr = A, list_head = A.a)]\n",
    "#[bpf(points_to = \"[a; 3]\")]\n",
    "#[cfg(test)]\n",
    "#[cfg_attr(unix, repr(C))]\n",
    "struct A ",
    "pub(crate) struct B ",
    "union A ",
    "enum A ",
    "mod a ",
    "use a::{A, b::*};\n",
    "type A = [A; N];\n",
    "const N: usize = size_of::<A>() + 1;\n",
    "{ a: A, b: B }\n",
    "{ key: A, value: u64 }\n",
    "{ inner: B }\n",
    "(u32);\n",
    "{ A = N, B }\n",
    "{\n",
    "}\n",
    ";\n",
    "bpfmap::schema!(name = \"a\", min_kernel = \"5.10\");\n",
    "//! doc\n",
    "/// doc\n",
    "= <",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text in any::<String>()) {
        run(&text);
    }

    #[test]
    fn any_text_of_rust_letters(text in "[\\[\\](){}<>=\"'#!&*a-c0-9.,;:_ \n/-]{0,200}") {
        run(&text);
    }

    #[test]
    fn any_nearly_a_schema(text in hostile::shuffled(WORDS)) {
        run(&text);
    }

    #[test]
    fn any_attribute(words in "[a-z_]{1,10}( = [0-9a\"(]{1,5})?(, [(){}a-z =0-9,:#\\[\\]\"]{0,30})?") {
        run(&format!("#[derive(BpfMap)] #[bpf_map({words})] struct A {{ value: u8 }}"));
        run(&format!("#[derive(BpfType)] #[repr(C)] struct A {{ #[bpf({words})] a: [u8; 4] }}"));
    }
}
