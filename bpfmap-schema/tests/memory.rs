//! What a schema of 1 MiB needs to be read and checked, whatever is in it: 64 MiB at most.

#[path = "support/memory.rs"]
mod memory;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bpfmap_schema::check::check;
use bpfmap_schema::draft::Draft;
use bpfmap_schema::front::{rust, toml};
use memory::{LIMIT, most_used};

const INPUT: usize = 1 << 20;

/// One at a time, from the making of its texts to their end, since all are counted together.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the most that `read` and the check need beside the text, for each of the named texts.
fn assert_bounded(texts: Vec<(&str, String)>, read: impl Fn(&str) -> Draft) {
    let mut over = vec![];
    for (name, text) in texts {
        assert!(text.len() > INPUT - 100 && text.len() <= INPUT, "{name}: {} bytes", text.len());
        let (is_good, most) = most_used(|| match check(read(&text)) {
            Ok(checked) => checked.schema().types.len() + checked.schema().maps.len() > 0,
            Err(rejected) => rejected.findings.is_empty(),
        });
        println!("{name}: {} KiB{}", most >> 10, if is_good { ", good" } else { "" });
        if most > LIMIT {
            over.push(name.to_owned());
        }
    }
    assert!(over.is_empty(), "more than {} MiB: {over:?}", LIMIT >> 20);
}

/// `open`, then `item` as often as it fits, then `close`.
fn filled(open: &str, item: impl Fn(usize) -> String, close: &str) -> String {
    let mut text = open.to_owned();
    for number in 0.. {
        let item = item(number);
        if text.len() + item.len() + close.len() > INPUT {
            break;
        }
        text.push_str(&item);
    }
    text + close
}

fn repeated(open: &str, item: &str, close: &str) -> String {
    let times = (INPUT - open.len() - close.len()) / item.len();
    format!("{open}{}{close}", item.repeat(times))
}

#[test]
fn toml_of_one_mebibyte() {
    let _alone = alone();
    let members = "[types.t]\nkind = \"struct\"\nmembers = [\n";
    let texts = vec![
        ("brackets", repeated("a = ", "[", "")),
        ("nested arrays", repeated("a = [", "[[[[]]]],", "]")),
        ("numbers", repeated("a = [", "1,", "]")),
        ("empty arrays", repeated("a = [", "[],", "]")),
        ("empty tables", repeated("a = [", "{},", "]")),
        ("tables", repeated("a = [", "{a=1},", "]")),
        ("strings", repeated("a = [", "'',", "]")),
        ("dots", repeated("a", ".a", " = 1")),
        ("keys", filled("", |number| format!("{number:x}=1\n"), "")),
        ("dotted keys", filled("", |number| format!("{number:x}.a=1\n"), "")),
        ("headers", filled("", |number| format!("[{number:x}]\n"), "")),
        ("dotted headers", filled("", |number| format!("[a.{number:x}]\n"), "")),
        ("arrays of tables", repeated("", "[[a]]\n", "")),
        ("types", filled("", |number| format!("[types.t{number:x}]\n"), "")),
        ("maps", filled("", |number| format!("[maps.t{number:x}]\n"), "")),
        (
            "good maps",
            filled(
                "",
                |number| format!("[maps.t{number:x}]\ntype='queue'\nvalue='u8'\nmax_entries=1\n"),
                "",
            ),
        ),
        (
            "aliases",
            filled("", |number| format!("[types.t{number:x}]\nkind='alias'\ntype='u8'\n"), ""),
        ),
        ("members", filled(members, |number| format!("{{name='a{number:x}',type='u8'}},\n"), "]")),
        (
            "bits",
            filled(members, |number| format!("{{name='a{number:x}',type='u8',bits=1}},\n"), "]"),
        ),
        (
            "structs in place",
            repeated(members, "{kind='struct',members=[{name='a',type='u8'}]},", "]"),
        ),
        ("nothing of a member", repeated(members, "{},", "]")),
        (
            "variants",
            filled(
                "[types.t]\nkind='enum'\nrepr='u64'\nvariants={",
                |number| format!("a{number:x}={number},"),
                "}",
            ),
        ),
        ("flags", repeated("[maps.m]\ntype='hash'\nflags=[", "'a',", "]")),
        (
            "initial contents",
            filled("[maps.m]\ntype='prog_array'\nvalues={", |number| format!("{number}='a',"), "}"),
        ),
        ("a long type", repeated("[types.t]\nkind='alias'\ntype='", "[", "'")),
        ("a long name", repeated("[types.", "a", "]")),
        ("a string", repeated("doc = \"", "\\n", "\"")),
        ("lines of a string", repeated("doc = '''", "\n", "'''")),
        ("a comment", repeated("#", "a", "")),
        ("comments", repeated("", "#\n", "")),
        ("lines", repeated("", "\n", "")),
        ("errors", repeated("", "=\n", "")),
        ("other errors", repeated("", "]", "")),
        ("characters that are none", repeated("", "\u{0}", "")),
    ];
    assert_bounded(texts, |text| toml::read_str(Path::new("hostile.toml"), text));
}

#[test]
fn rust_of_one_mebibyte() {
    let _alone = alone();
    let derive = "#[derive(Clone, Copy, BpfType)] #[repr(C)] ";
    let one = format!("{derive}struct A {{");
    let map = "#[derive(BpfMap)] #[bpf_map(hash, max_entries = 1";
    let texts = vec![
        ("words", repeated("", "a ", "")),
        ("signs", repeated("", "+", "")),
        ("separate signs", repeated("", "+ ", "")),
        ("numbers", repeated("", "1 ", "")),
        ("strings", repeated("", "\"\"", "")),
        ("characters", repeated("", "'a'", "")),
        ("lifetimes", repeated("", "'a ", "")),
        ("brackets", repeated("", "(", "")),
        ("pairs of brackets", repeated("", "()", "")),
        ("nested brackets", repeated("", "[[[[]]]]", "")),
        ("words in a function", repeated("fn f() {", "a ", "}")),
        ("doc comments", repeated("", "///\n", "struct A;")),
        ("inner doc comments", repeated("", "//!\n", "")),
        ("comments", repeated("", "//\n", "")),
        ("nested comments", repeated("", "/*", "")),
        ("attributes", repeated("", "#[a]", "struct A;")),
        ("attributes of a type", repeated(derive, "#[a]", "struct A { a: u8 }")),
        (
            "words of an attribute",
            repeated("#[bpf_type(", "a,", ")] #[derive(BpfType)] struct A { a: u8 }"),
        ),
        ("semicolons", repeated("", ";", "")),
        ("uses", repeated("", "use a;", "")),
        ("names of one use", repeated("use a::{", "a,", "};")),
        ("paths of one use", repeated("use a", "::a", ";")),
        ("modules", filled("", |number| format!("mod a{number:x}{{}}"), "")),
        ("files", filled("", |number| format!("mod a{number:x};"), "")),
        ("structs", repeated("", "struct A;", "")),
        ("constants", filled("", |number| format!("const A{number:x}:u8=1;"), "")),
        ("a constant", repeated("const A: u32 = 1", "+1", ";")),
        ("aliases", filled("", |number| format!("type A{number:x}=u8;"), "")),
        (
            "types",
            filled(
                "",
                |number| format!("#[derive(BpfType)]#[repr(C)]struct A{number:x}{{a:u8}}"),
                "",
            ),
        ),
        (
            "maps",
            filled(
                "",
                |number| {
                    format!(
                        "#[derive(BpfMap)]#[bpf_map(queue,max_entries=1)]struct A{number:x}{{value:u8}}"
                    )
                },
                "",
            ),
        ),
        ("fields", filled(&one, |number| format!("a{number:x}:u8,"), "}")),
        ("fields of one name", repeated(&one, "a:u8,", "}")),
        ("broken fields", repeated(&one, "a,", "}")),
        ("unnamed fields", repeated(&one.replace('{', "("), "u8,", ");")),
        (
            "bits",
            filled(
                &format!("{one} #[bpf(bits("),
                |number| format!("a{number:x}:u8=1,"),
                "))] bits0: [u8; 1] }",
            ),
        ),
        (
            "variants",
            filled(
                "#[derive(Clone, Copy, BpfType)] #[repr(u64)] enum A {",
                |number| format!("A{number:x},"),
                "}",
            ),
        ),
        ("a type", repeated(&format!("{one}a: "), "[", "}")),
        ("a path", repeated(&format!("{one}a: a"), "::a", "}")),
        ("arguments", repeated(&format!("{one}a: A<"), "a,", "> }")),
        ("a length", repeated(&format!("{one}a: [u8; 1"), "+1", "] }")),
        ("a string in an attribute", repeated(&format!("{map}, name = \""), "a", "\")] struct A;")),
        ("flags", repeated(&format!("{map}, flags("), "a,", "))] struct A;")),
        ("initial contents", repeated(&format!("{map}, values("), "1=a,", "))] struct A;")),
        ("an expression", repeated(&format!("{map}, map_extra = 1"), "+1", ")] struct A;")),
    ];
    assert_bounded(texts, |text| rust::read_str(Path::new("hostile.rs"), text));
}

#[test]
fn what_is_counted() {
    let _alone = alone();
    // More than the test runner itself may free meanwhile.
    let (held, most) = most_used(|| vec![1_u8; INPUT]);
    assert!(most >= INPUT / 2, "{}", held.len());
}
