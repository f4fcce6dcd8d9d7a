//! Parses Markdown like mdBook does, and writes tables.

use std::fmt::Write as _;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// Returns a parser for a page. The parser has the same extensions of Markdown as mdBook.
pub(crate) fn parser(text: &str) -> Parser<'_> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES;
    Parser::new_ext(text, options)
}

/// A heading of a page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Heading {
    /// The level, from 1.
    pub(crate) level: usize,
    /// The text, without markup.
    pub(crate) text: String,
    /// The anchor of the heading. A link to the heading contains the anchor after `#`.
    pub(crate) anchor: String,
    /// The offset of the heading in the page.
    pub(crate) start: usize,
}

/// Returns the headings of a page.
pub(crate) fn headings(page: &str) -> Vec<Heading> {
    let mut headings: Vec<Heading> = vec![];
    let mut open = None;
    for (event, range) in parser(page).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { level, id, .. }) => {
                open =
                    Some((level as usize, id.map(|id| id.to_string()), range.start, String::new()));
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some((_, _, _, content)) = &mut open {
                    content.push_str(&text);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                let Some((level, id, start, text)) = open.take() else { continue };
                let anchor = id.unwrap_or_else(|| {
                    let base = anchor(&text);
                    let is_taken = |name: &str| headings.iter().any(|other| other.anchor == name);
                    let numbered = (1..).map(|number| format!("{base}-{number}"));
                    let mut names = std::iter::once(base.clone()).chain(numbered);
                    names.find(|name| !is_taken(name)).unwrap_or(base)
                });
                headings.push(Heading { level, text, anchor, start });
            }
            _ => {}
        }
    }
    headings
}

/// Returns the anchor that mdBook and GitHub generate for a heading with this text.
fn anchor(text: &str) -> String {
    let kept = text.trim().chars().filter_map(|c| match c {
        c if c.is_alphanumeric() || c == '_' || c == '-' => Some(c),
        c if c.is_whitespace() => Some('-'),
        _ => None,
    });
    kept.flat_map(char::to_lowercase).collect()
}

/// A table in Markdown.
#[derive(Debug)]
pub(crate) struct Table(String);

impl Table {
    pub(crate) fn new<const N: usize>(titles: [&str; N]) -> Self {
        let mut table = Self(String::new());
        table.row(titles);
        table.row(["---"; N]);
        table
    }

    /// Adds a row.
    pub(crate) fn row<const N: usize>(&mut self, cells: [impl AsRef<str>; N]) {
        for cell in cells {
            let text = cell.as_ref().split_whitespace().collect::<Vec<_>>().join(" ");
            let _ = write!(self.0, "| {} ", text.replace('|', "\\|"));
        }
        self.0.push_str("|\n");
    }

    /// Returns the table with an empty line before it.
    pub(crate) fn finish(self) -> String {
        format!("\n{}", self.0)
    }
}

/// Returns the number with its noun: `1 byte`, `8 bytes`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// Returns a number with a comma between groups of three digits, such as `4,194,304`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_have_anchors() {
        let page = "# `hash`: a table\n\nText\n\n## Lookup & update\n\n## Lookup & update\n\n## Own {#given}\n";
        let headings = headings(page);
        let anchors: Vec<&str> = headings.iter().map(|heading| heading.anchor.as_str()).collect();
        assert_eq!(anchors, ["hash-a-table", "lookup--update", "lookup--update-1", "given"]);
        assert_eq!(headings[0].text, "hash: a table");
        assert_eq!(headings.iter().map(|heading| heading.level).collect::<Vec<_>>(), [1, 2, 2, 2]);
    }

    #[test]
    fn tables_escape_their_cells() {
        let mut table = Table::new(["a", "b"]);
        table.row(["x|y", "two\nlines"]);
        assert_eq!(table.finish(), "\n| a | b |\n| --- | --- |\n| x\\|y | two lines |\n");
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(counted(1, "byte"), "1 byte");
        assert_eq!(counted(4_194_304, "byte"), "4,194,304 bytes");
        assert_eq!(counted(512, "byte"), "512 bytes");
    }
}
