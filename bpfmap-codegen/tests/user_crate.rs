//! Tests generated Rust in a very strict crate. The compiler and rustdoc must not report warnings,
//! and the documentation of a schema must not contain doctests.

#[path = "support/package.rs"]
mod package;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use bpfmap_codegen::backend::rust;
use bpfmap_schema::check::check;
use bpfmap_schema::front::toml::read_str;

#[test]
fn generated_rust_is_clean_in_a_strict_crate() {
    let package = package::make("user_crate", "");
    let mut text = format!("//! A crate.\n\n{}\n", package::LINTS);
    for golden in goldens() {
        let name = golden.file_stem().unwrap().to_str().unwrap();
        writeln!(
            text,
            "/// Seen by all.\npub mod {name} {{\n    include!({golden:?});\n}}\n\
             mod unused_{name} {{\n    include!({golden:?});\n}}"
        )
        .unwrap();
    }
    let both = ["maps.rs", "flows_migrate.rs"].map(|name| generated().join(name));
    let [maps, migrations] = both;
    writeln!(
        text,
        "/// Maps, and what moves older ones.\npub mod both {{\n    include!({maps:?});\n    include!({migrations:?});\n}}"
    )
    .unwrap();
    fs::write(package.join("src/documented.rs"), documented()).unwrap();
    text.push_str("/// Documentation of every sort.\npub mod documented;\n");
    fs::write(package.join("src/lib.rs"), text).unwrap();

    package::cargo(&package, &["doc", "--no-deps"], &[]);
    let tests = package::cargo(&package, &["test", "--doc"], &[]);
    assert!(tests.contains("running 0 tests"), "{tests}");
}

/// Returns a schema whose documentation consists of all kinds of Markdown blocks and other text, in
/// many combinations.
fn documented() -> String {
    const LINES: &[&str] = &[
        "",
        "",
        "Text.",
        "text, and more",
        "    code",
        "      code, further",
        "```",
        "````",
        "```rust",
        "~~~",
        "~~~ rust",
        "- item",
        "- ",
        "  continued",
        "1. item",
        "   continued",
        "> quoted",
        ">     code",
        "> ```",
        "-     code",
        "  ```",
        "    ```",
        "# Title",
        "Title",
        "=====",
        "---",
        "| a | b |",
        "| - | - |",
        "<p>",
        "</p>",
        "<!--",
        "-->",
        "[link]",
        "[x]: nowhere",
        "[^1]: note",
        "https://example.com",
        "Vec<u32>",
        "`",
        "\\",
        "&",
        "\t",
        "\ttab",
        "   three",
        "fn main() {",
    ];
    // A random number generator, which results in the same documentation in each run. Source:
    // Numerical Recipes.
    let mut random = 1_u32;
    let mut next = |below: usize| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 8) as usize % below
    };
    let mut schema = "name = \"documented\"\n".to_owned();
    for number in 0..500 {
        let lines: Vec<&str> = (0..=next(9)).map(|_| LINES[next(LINES.len())]).collect();
        let doc = lines.join("\n").replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n");
        writeln!(
            schema,
            "[types.t{number}]\nkind = \"struct\"\ndoc = \"{doc}\"\n\
             members = [{{ name = \"m\", type = \"u32\", doc = \"{doc}\" }}]"
        )
        .unwrap();
    }
    let checked = check(read_str(Path::new("documented.toml"), &schema));
    let checked = checked.unwrap_or_else(|rejected| panic!("{rejected}"));
    rust::emit(&checked).contents
}

fn generated() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/generated")
}

fn goldens() -> Vec<PathBuf> {
    let mut goldens: Vec<PathBuf> = fs::read_dir(generated())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    goldens.sort();
    goldens
}
