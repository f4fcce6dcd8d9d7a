//! Writes attributes, doc comments and names.

use std::fmt::Write as _;

use crate::ir::Member;
use crate::naming::snake_case;
use crate::print::WIDTH;
use crate::print::comment;
use crate::print::rust::names::plain;
use crate::print::rust::names::{Scope, camel, identifier};
use crate::source::Spanned;

/// Returns `text` as a string literal.
pub(super) fn string(text: &str) -> String {
    format!("{text:?}")
}

/// Returns `tag = "…"` for each tag.
pub(super) fn tags(tags: &[Spanned<String>]) -> impl Iterator<Item = String> {
    tags.iter().map(|tag| format!("tag = {}", string(&tag.value)))
}

/// Returns the attributes that describe the member in older entries: `renamed_from = "…"` and
/// `default = …`.
pub(super) fn history(member: &Member) -> impl Iterator<Item = String> {
    let default = member.default.as_ref().map(|default| format!("default = {}", default.value));
    former_name(member.renamed_from.as_ref()).into_iter().chain(default)
}

/// Returns `renamed_from = "…"`.
pub(super) fn former_name(name: Option<&Spanned<String>>) -> Option<String> {
    name.map(|name| format!("renamed_from = {}", string(&name.value)))
}

/// Writes `#[name(word, …)]`. Writes nothing if there are no words.
pub(super) fn push_attribute(text: &mut String, indent: &str, name: &str, words: &[String]) {
    if words.is_empty() {
        return;
    }
    let line = format!("{indent}#[{name}({})]", words.join(", "));
    if line.len() <= WIDTH && !line.contains('\n') {
        let _ = writeln!(text, "{line}");
        return;
    }
    let _ = writeln!(text, "{indent}#[{name}(");
    for word in words {
        let _ = writeln!(text, "{indent}    {},", word.replace('\n', &format!("\n{indent}    ")));
    }
    let _ = writeln!(text, "{indent})]");
}

/// Returns `word(item, …)`. A list that does not fit on one line has several lines.
pub(super) fn list(word: &str, items: &[String]) -> String {
    let line = format!("{word}({})", items.join(", "));
    // The text around the list needs a part of the width.
    if line.len() + 16 <= WIDTH {
        return line;
    }
    let mut text = format!("{word}(\n");
    for item in items {
        let _ = writeln!(text, "    {item},");
    }
    text.push(')');
    text
}

/// Returns the lines of a doc comment. `mark` is the beginning of each line, such as `///`.
///
/// If a comment can't contain the text, the result is an attribute. If rustdoc could run a part of
/// the text as a test of the user's crate, the text is in an attribute that such tests ignore.
pub(super) fn doc_lines(mark: &str, doc: &str) -> Vec<String> {
    let doc = doc.trim_end();
    if comment::may_have_code(doc) {
        return comment::hidden_from_tests(if mark == "//!" { "!" } else { "" }, doc.split('\n'));
    }
    let is_plain = doc
        .chars()
        .all(|character| character == '\n' || !character.is_control() && !turns_text(character));
    if !is_plain {
        let inner = if mark == "//!" { "!" } else { "" };
        let lines: Vec<String> = doc.split('\n').map(|line| format!(" {line}")).collect();
        return vec![format!("#{inner}[doc = {}]", string(&lines.join("\n")))];
    }
    let lines = doc.split('\n').map(|line| format!("{mark} {line}").trim_end().to_owned());
    lines.collect()
}

/// Returns whether the character changes the text direction. rustc refuses such characters in
/// comments.
fn turns_text(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Writes `doc` as the doc comment of an item.
pub(super) fn push_doc(text: &mut String, indent: &str, doc: Option<&String>) {
    for line in doc.into_iter().flat_map(|doc| doc_lines("///", doc)) {
        let _ = writeln!(text, "{indent}{line}");
    }
}

/// A name in Rust. If the schema name can't be derived from the Rust name, there is also the word `name = "…"`.
pub(super) struct Named {
    pub(super) ident: String,
    pub(super) word: Option<String>,
}

/// Returns the name of the field for the member `name`.
pub(super) fn field(scope: &mut Scope, name: &str) -> Named {
    let ident = scope.take(&lower(name));
    let is_clear = plain(&ident) == name && !name.starts_with("_pad") && !name.starts_with("__pad");
    Named { ident, word: (!is_clear).then(|| format!("name = {}", string(name))) }
}

/// Returns `name` in lower case, as rustc's lints require.
fn lower(name: &str) -> String {
    let snake = snake_case(name);
    let core = snake.trim_matches('_');
    if !core.contains("__") && snake == name {
        return snake;
    }
    let words: Vec<&str> = core.split('_').filter(|word| !word.is_empty()).collect();
    let before = snake.len() - snake.trim_start_matches('_').len();
    let after = if core.is_empty() { 0 } else { snake.len() - snake.trim_end_matches('_').len() };
    format!("{}{}{}", "_".repeat(before), words.join("_"), "_".repeat(after))
}

/// Returns the Rust name of the variant `name` of an enum.
pub(super) fn variant(scope: &mut Scope, name: &str) -> Named {
    let is_loud = !name.chars().any(|character| character.is_ascii_lowercase());
    let ident = scope.take(&camel(&if is_loud { name.to_lowercase() } else { name.to_owned() }));
    Named { word: c_name(&ident, name), ident }
}

/// Returns the word `name = "…"`. Returns `None` if the schema name `name` can be derived from the Rust name `rust`.
pub(super) fn c_name(rust: &str, name: &str) -> Option<String> {
    (snake_case(rust) != name).then(|| format!("name = {}", string(name)))
}

/// Returns whether `text` is a valid identifier in Rust.
pub(super) fn is_identifier(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && text != "_"
        && identifier(text) == text
}
