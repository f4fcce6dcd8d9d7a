//! Tests of `bpfmap fmt`: formatting keeps the meaning and the comments of a schema, and formatting
//! a second time changes nothing.

#[path = "../../bpfmap-schema/tests/printers/decorate.rs"]
mod decorate;
#[path = "../../bpfmap-schema/tests/support/recipe.rs"]
mod recipe;
#[path = "../../bpfmap-schema/tests/support/words.rs"]
mod words;

#[path = "support/schemas.rs"]
mod schemas;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use bpfmap_cli::format_text;
use bpfmap_schema::front::toml::read_str;
use bpfmap_schema::print;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

#[test]
fn a_schema_is_formatted() {
    let before = "\n\n#  About.   \nname='x'     # the name\r\nmin_kernel =\t\"5.10\" # kernel\n\
        include=[  \"a.toml\" ,\"b.toml\", # two\n  # rest\n\n\n   \"c.toml\" ]\n\n\n\
        # The type\n# and more.\n[types  . a ] # here\n\nkind = \"struct\"\n\
        members=[{name=\"a\",type=\"u8\"},\n{kind=\"union\",members=[\n{name=\"b\",type=\"u8\"},\n\n\n\
        {name=\"c\",type=\"u8\"} # last\n ]} ]\n# Empty.\n[types.b]\nkind=\"enum\"\nvariants={  }\n\
        [maps.x]\ntype='hash'\nflags=[]\ndoc=\"\"\"\na\n  b  \n\"\"\"   # doc\n\n\n";
    let after = r#"#  About.
name = 'x'           # the name
min_kernel = "5.10"  # kernel
include = [
  "a.toml",
  "b.toml",  # two
  # rest

  "c.toml",
]

# The type
# and more.
[types.a]  # here
kind = "struct"
members = [
  { name = "a", type = "u8" },
  { kind = "union", members = [
    { name = "b", type = "u8" },

    { name = "c", type = "u8" },  # last
  ] },
]

# Empty.
[types.b]
kind = "enum"
variants = {}

[maps.x]
type = 'hash'
flags = []
doc = """
a
  b  
"""  # doc
"#;
    assert_eq!(format_text(before), after);
    assert_eq!(format_text(after), after);
}

#[test]
fn long_arrays_are_split_into_one_line_for_each_element() {
    let word = "x".repeat(40);
    let fits = format!("a = [\"{word}\", \"{}\"]\n", "x".repeat(48));
    assert_eq!(fits.trim_end().len(), 100);
    assert_eq!(format_text(&fits), fits);
    let long = format!("ab = [\"{word}\", \"{}\"]\n", "x".repeat(48));
    let lines = format!("ab = [\n  \"{word}\",\n  \"{}\",\n]\n", "x".repeat(48));
    assert_eq!(format_text(&long), lines);
}

#[test]
fn the_schemas_of_this_repository_keep_their_meaning() {
    for (name, text) in schemas::all() {
        if toml::from_str::<Value>(&text).is_ok() {
            assert_formats(&name, &text);
        }
    }
}

/// The schemas that users read and copy are formatted.
#[test]
fn schemas_to_copy_are_formatted() {
    for (name, text) in schemas::all() {
        if name.contains("/schemas/") || name.contains("/examples/") {
            assert_eq!(format_text(&text), text, "{name}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// The output of `convert` and `import` is formatted.
    #[test]
    fn printed_schemas_are_formatted((recipe, seed) in (recipe::recipes(), any::<u64>())) {
        let mut schema = recipe::schema(&[(0, recipe)]);
        decorate::decorate(&mut schema, seed);
        let text = print::toml::print(&schema);
        prop_assert_eq!(format_text(&text), text);
    }

    #[test]
    fn any_document_keeps_its_meaning_and_its_comments(text in documents()) {
        assert_formats("random", &text);
    }
}

/// Asserts that formatting keeps the meaning and the comments of a text, and that formatting a
/// second time changes nothing.
fn assert_formats(name: &str, text: &str) {
    let formatted = format_text(text);
    let value = |text: &str| -> Value {
        toml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    };
    assert_eq!(value(&formatted), value(text), "{name}\n{text}\nbecame\n{formatted}");
    let printed = |text: &str| print::toml::print(&read_str(Path::new(name), text).schema);
    assert_eq!(printed(&formatted), printed(text), "{name}\n{text}\nbecame\n{formatted}");
    assert_eq!(comments(&formatted), comments(text), "{name}\n{text}\nbecame\n{formatted}");
    assert_eq!(format_text(&formatted), formatted, "{name}\n{text}");
    let ends: Vec<&str> = formatted.lines().filter(|line| line.ends_with([' ', '\t'])).collect();
    assert!(text.contains("\"\"\"") || ends.is_empty(), "{name}\n{formatted}");
}

/// Returns the comments in a document of [`documents`].
fn comments(text: &str) -> Vec<&str> {
    text.lines()
        .filter_map(|line| line.split_once("#!"))
        .map(|(_, comment)| comment.trim())
        .collect()
}

/// Generates documents with white space, line breaks and comments at each position at which TOML
/// allows them. Keys that occur twice are renamed.
fn documents() -> impl Strategy<Value = String> {
    let parts = prop_oneof![
        3 => ("[a-z]{1,3}", space(), values(), space(), comment()).prop_map(
            |(key, before, value, after, comment)| format!("{key}@{before}={value}{after}{comment}\n")),
        1 => ("[a-z]{1,2}", "[a-z]{1,2}", space(), space(), comment()).prop_map(
            |(key, of, before, after, comment)| format!("[{before}{key}@{after}.{before}\"{of}\"]{after}{comment}\n")),
        1 => Just("[[tables.list]]\n".to_owned()),
        1 => comment().prop_map(|comment| format!("{comment}\n")),
        1 => prop_oneof![Just("\n"), Just("\r\n"), Just(" \t\n\n")].prop_map(str::to_owned),
    ];
    vec(parts, 0..12).prop_map(|parts| {
        // Each `@` is replaced by a different number, so that all keys are different.
        let text = parts.concat();
        let mut pieces = text.split('@');
        let first = pieces.next().unwrap_or_default().to_owned();
        pieces.zip(0..).fold(first, |text, (piece, number)| format!("{text}{number}{piece}"))
    })
}

fn space() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just(""), Just(" "), Just(" \t ")]
}

fn comment() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-z]{0,3}[ ]{0,2}".prop_map(|text| format!("#! {text}"))]
}

/// Generates white space for positions at which lines can end.
fn lines() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => space().prop_map(str::to_owned),
        1 => Just("\n".to_owned()),
        1 => Just("\n\n\n ".to_owned()),
        1 => comment().prop_map(|comment| format!(" {comment}\n")),
        1 => comment().prop_map(|comment| format!("\n{comment}\n")),
    ]
}

fn values() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("\"a # \\\" b\"".to_owned()),
        Just("'a = [1, 2]'".to_owned()),
        Just("\"\"\"\nlines \n  of text\"\"\"".to_owned()),
        Just("0x_f".replace('_', "")),
        "[1-9][0-9]{0,12}",
        "[a-z ]{0,50}".prop_map(|text| format!("\"{text}\"")),
        Just("true".to_owned()),
    ];
    scalar.prop_recursive(3, 24, 6, |value| {
        let array = (lines(), vec((value.clone(), lines(), lines()), 0..6), any::<bool>())
            .prop_map(|(open, items, comma)| {
                let last = items.len().saturating_sub(1);
                let items = items.into_iter().enumerate().map(|(index, (value, before, after))| {
                    let separator = if index < last || comma { "," } else { "" };
                    format!("{value}{before}{separator}{after}")
                });
                format!("[{open}{}]", items.collect::<String>())
            });
        let table = (space(), vec((value, space(), space()), 0..4)).prop_map(|(open, items)| {
            let items = items
                .into_iter()
                .map(|(value, before, after)| format!("k@{before}={after}{value}{before}"));
            format!("{{{open}{}}}", items.collect::<Vec<_>>().join(","))
        });
        prop_oneof![array, table]
    })
}

fn bpfmap(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bpfmap"));
    command.current_dir(folder).arg("fmt").args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    process.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn files_are_formatted_in_place_and_an_invalid_file_is_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("a.toml"), "name='a'\n").unwrap();
    fs::write(path("b.toml"), "name = \n").unwrap();
    fs::write(path("target.toml"), "name='c'\n").unwrap();
    fs::set_permissions(path("target.toml"), fs::Permissions::from_mode(0o640)).unwrap();
    symlink("target.toml", path("c.toml")).unwrap();

    let check = bpfmap(folder.path(), &["--check", "a.toml"], "");
    assert_eq!(check.status.code(), Some(1));
    assert!(text(&check.stdout).contains("-name='a'\n+name = 'a'\n"), "{check:?}");
    assert_eq!(fs::read_to_string(path("a.toml")).unwrap(), "name='a'\n");

    let output = bpfmap(folder.path(), &["a.toml", "b.toml", "c.toml"], "");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "formatted a.toml\nformatted c.toml\n");
    assert!(text(&output.stderr).contains("error[toml-syntax]"), "{output:?}");
    assert!(text(&output.stderr).contains("b.toml:1:"), "{output:?}");
    assert_eq!(fs::read_to_string(path("a.toml")).unwrap(), "name = 'a'\n");
    assert_eq!(fs::read_to_string(path("b.toml")).unwrap(), "name = \n");
    // A symbolic link stays a link, and the file keeps its mode.
    assert!(fs::symlink_metadata(path("c.toml")).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(path("target.toml")).unwrap(), "name = 'c'\n");
    let mode = fs::metadata(path("target.toml")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);

    let again = bpfmap(folder.path(), &["--check", "a.toml", "c.toml"], "");
    assert_eq!((again.status.code(), text(&again.stdout)), (Some(0), ""));
}

#[test]
fn standard_input_is_formatted_to_standard_output() {
    let folder = tempfile::tempdir().unwrap();
    let output = bpfmap(folder.path(), &["-"], "name='a'\n");
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), "name = 'a'\n"));
    let output = bpfmap(folder.path(), &["--check", "-"], "name='a'\n");
    assert_eq!(output.status.code(), Some(1));
    let output = bpfmap(folder.path(), &["-"], "name=\n");
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), ""));
}

#[test]
fn input_that_is_not_toml_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let rust = bpfmap(folder.path(), &["a.rs"], "");
    assert_eq!(rust.status.code(), Some(1));
    assert!(text(&rust.stderr).contains("use rustfmt to format it"), "{rust:?}");
    let absent = bpfmap(folder.path(), &["absent.toml"], "");
    assert_eq!(absent.status.code(), Some(1));
    assert!(text(&absent.stderr).contains("can't read `absent.toml`"), "{absent:?}");
}
