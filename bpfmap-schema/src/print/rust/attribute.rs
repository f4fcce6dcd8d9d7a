//! Attributes, comments and names.

use std::fmt::Write as _;

use crate::ir::Member;
use crate::naming::snake_case;
use crate::print::WIDTH;
use crate::print::comment;
use crate::print::rust::names::plain;
use crate::print::rust::names::{Scope, camel, identifier};
use crate::source::Spanned;

/// Returns a string literal.
pub(super) fn string(text: &str) -> String {
    format!("{text:?}")
}

/// `tag = "…"` for each.
pub(super) fn tags(tags: &[Spanned<String>]) -> impl Iterator<Item = String> {
    tags.iter().map(|tag| format!("tag = {}", string(&tag.value)))
}

/// `renamed_from = "…"`, `default = …`: what a member has to say of older entries.
pub(super) fn history(member: &Member) -> impl Iterator<Item = String> {
    let default = member.default.as_ref().map(|default| format!("default = {}", default.value));
    former_name(member.renamed_from.as_ref()).into_iter().chain(default)
}

/// `renamed_from = "…"`.
pub(super) fn former_name(name: Option<&Spanned<String>>) -> Option<String> {
    name.map(|name| format!("renamed_from = {}", string(&name.value)))
}

/// Writes `#[name(word, …)]`, if there is a word.
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

/// `word(item, …)`, on several lines if it does not fit one.
pub(super) fn list(word: &str, items: &[String]) -> String {
    let line = format!("{word}({})", items.join(", "));
    // What is around it takes some room.
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

/// Returns the lines of a doc comment that begin with `mark`.
///
/// Where a comment can't hold the text, an attribute does. Where rustdoc would find code in it, and run that as tests of the
/// user's crate, attributes hide it from the tests.
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

/// Controls of direction, which rustc refuses in a comment.
fn turns_text(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Writes `doc` as the doc comment of an item.
pub(super) fn push_doc(text: &mut String, indent: &str, doc: Option<&String>) {
    for line in doc.into_iter().flat_map(|doc| doc_lines("///", doc)) {
        let _ = writeln!(text, "{indent}{line}");
    }
}

/// A name in Rust, and the word `name = "…"` where nobody could tell the schema's from it.
pub(super) struct Named {
    pub(super) ident: String,
    pub(super) word: Option<String>,
}

/// Returns the field of the member `name`.
pub(super) fn field(scope: &mut Scope, name: &str) -> Named {
    let ident = scope.take(&lower(name));
    let is_clear = plain(&ident) == name && !name.starts_with("_pad") && !name.starts_with("__pad");
    Named { ident, word: (!is_clear).then(|| format!("name = {}", string(name))) }
}

/// `name` in small letters, as rustc asks for.
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

/// Returns the variant `name` of an enum.
pub(super) fn variant(scope: &mut Scope, name: &str) -> Named {
    let is_loud = !name.chars().any(|character| character.is_ascii_lowercase());
    let ident = scope.take(&camel(&if is_loud { name.to_lowercase() } else { name.to_owned() }));
    Named { word: c_name(&ident, name), ident }
}

/// Returns the word `name = "…"`, where the Rust type `rust` does not tell that it is called
/// `name`.
pub(super) fn c_name(rust: &str, name: &str) -> Option<String> {
    (snake_case(rust) != name).then(|| format!("name = {}", string(name)))
}

/// Returns whether `text` can stand as an identifier.
pub(super) fn is_identifier(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && text != "_"
        && identifier(text) == text
}
