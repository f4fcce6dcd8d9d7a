//! The page about the types of members. It shows the size of each type, and how the type is written
//! in C and Rust. To determine this, the module generates code from a schema that contains the
//! type.

use std::path::Path;

use bpfmap_codegen::generate::{Options, generate};
use bpfmap_core::SpecialField;
use bpfmap_schema::check::check;
use bpfmap_schema::front::toml::read_str;
use bpfmap_schema::type_word;

use crate::chapter::has_extension;
use crate::markdown::Table;

/// Examples of composed types.
const COMPOSED: &[&str] = &["[u8; 16]", "[[u32; 2]; 3]", "[char; 16]", "*u64", "*void"];

/// Returns the generated part of the page.
pub(super) fn page() -> String {
    let words = || type_word::all().filter(|word| SpecialField::by_struct(word).is_none());
    format!(
        "\n## Numbers and characters\n{}\n## Arrays and pointers, as examples\n{}",
        table(words()),
        table(COMPOSED.iter().copied())
    )
}

fn table<'a>(types: impl Iterator<Item = &'a str>) -> String {
    let mut rows = Table::new(["type", "size", "alignment", "in C", "in Rust"]);
    for ty in types {
        let Described { size, align, c, rust } = describe(ty);
        rows.row([
            format!("`{ty}`"),
            size.to_string(),
            align.to_string(),
            format!("`{c}`"),
            format!("`{rust}`"),
        ]);
    }
    rows.finish()
}

/// A type of the schema, with its generated form.
#[derive(Debug, PartialEq, Eq)]
struct Described {
    size: u64,
    align: u64,
    c: String,
    rust: String,
}

/// Returns the size of a type, the declaration of a member with this type in C, and the type in
/// Rust.
///
/// # Panics
///
/// Panics if the type is invalid, or if the generated code does not contain it. A test calls this
/// function with all types.
fn describe(ty: &str) -> Described {
    let text = format!(
        "[types.outer]\nkind = \"struct\"\nmembers = [{{ name = \"member\", type = \"{ty}\" }}]\n"
    );
    let checked = check(read_str(Path::new("types.toml"), &text))
        .unwrap_or_else(|rejected| panic!("`{ty}` is refused: {rejected}"));
    let layout = checked.layouts().composite("outer").expect("the struct has a layout").layout();
    let files = generate(&checked, &Options::default());
    // The only line of the struct, without the character that ends the member.
    let member = |extension| {
        let file = files.iter().find(|file| has_extension(&file.name, extension))?;
        let (_, line) =
            file.contents.lines().zip(file.contents.lines().skip(1)).find(|(before, _)| {
                before.contains("struct outer {") || before.contains("struct Outer {")
            })?;
        Some(line.trim().trim_end_matches([';', ',']).to_owned())
    };
    let generated =
        |extension| member(extension).unwrap_or_else(|| panic!("`{ty}` is not generated"));
    let rust = generated("rs").trim_start_matches("pub member: ").to_owned();
    Described { size: layout.size, align: layout.align, c: generated("h"), rust }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_on_the_page() {
        let page = page();
        for word in type_word::all() {
            let row = page.lines().find(|line| line.starts_with(&format!("| `{word}` |")));
            assert_eq!(row.is_some(), SpecialField::by_struct(word).is_none(), "{word}");
        }
    }

    #[test]
    fn types_are_described_as_they_are_generated() {
        let described = |ty| {
            let Described { size, align, c, rust } = describe(ty);
            (size, align, c, rust)
        };
        let expected =
            |size, align, c: &str, rust: &str| (size, align, c.to_owned(), rust.to_owned());
        assert_eq!(described("u32"), expected(4, 4, "__u32 member", "u32"));
        assert_eq!(described("be16"), expected(2, 2, "__be16 member", "Be16"));
        assert_eq!(described("[u8; 16]"), expected(16, 1, "__u8 member[16]", "[u8; 16]"));
    }
}
