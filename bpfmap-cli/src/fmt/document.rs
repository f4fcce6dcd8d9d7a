//! Splits a TOML document into its parts, in the order of the text. Comments and blank lines are
//! parts too.

use std::iter::Peekable;
use std::vec::IntoIter;

use toml_parser::Source;
use toml_parser::parser::{Event, EventKind, parse_document};

/// A part of a document, of an array or of an inline table.
#[derive(Debug)]
pub(super) enum Part<'t> {
    /// One or more blank lines.
    Blank,
    /// A comment that is alone on its line.
    Comment(&'t str),
    /// The header of a table.
    Header {
        /// The text of the header, including the brackets.
        text: String,
        /// The comment that follows on the same line.
        comment: Option<&'t str>,
    },
    /// A key with its value, or an element of an array.
    Entry {
        /// The key, which can be dotted. `None` for an element of an array.
        key: Option<String>,
        /// The value.
        value: Value<'t>,
        /// The comment that follows on the same line.
        comment: Option<&'t str>,
    },
}

/// The value of a key, or an element of an array.
#[derive(Debug)]
pub(super) enum Value<'t> {
    /// A scalar, with the spelling in the text.
    Scalar(&'t str),
    /// An array.
    Array(Body<'t>),
    /// An inline table.
    Table(Body<'t>),
}

/// The contents of an array or an inline table.
#[derive(Debug)]
pub(super) struct Body<'t> {
    pub(super) parts: Vec<Part<'t>>,
    /// Whether the text contains a line break between the parts.
    pub(super) has_lines: bool,
}

/// Parses a document and returns its parts. The syntax of `text` must be valid.
pub(super) fn read(text: &str) -> Vec<Part<'_>> {
    let source = Source::new(text);
    let tokens = source.lex().into_vec();
    let mut events: Vec<Event> = vec![];
    let mut errors: Option<toml_parser::ParseError> = None;
    parse_document(&tokens, &mut events, &mut errors);
    let mut reader = Reader { text, events: events.into_iter().peekable() };
    reader.body(None).parts
}

struct Reader<'t> {
    text: &'t str,
    events: Peekable<IntoIter<Event>>,
}

impl<'t> Reader<'t> {
    fn text(&self, event: &Event) -> &'t str {
        &self.text[event.span().start()..event.span().end()]
    }

    /// Reads the parts up to the bracket `end`. If `end` is `None`, reads up to the end of the
    /// document.
    fn body(&mut self, end: Option<EventKind>) -> Body<'t> {
        let mut body = Body { parts: vec![], has_lines: false };
        // The number of line breaks since the last part. A comment before the first part belongs to
        // the first part.
        let mut line_ends = usize::from(end.is_none());
        let mut key: Option<String> = None;
        while let Some(event) = self.events.next() {
            if Some(event.kind()) == end {
                break;
            }
            match event.kind() {
                EventKind::Newline => {
                    line_ends += 1;
                    body.has_lines = true;
                    continue;
                }
                EventKind::SimpleKey => {
                    let key = key.get_or_insert_default();
                    key.push_str(self.text(&event));
                    continue;
                }
                EventKind::KeySep => {
                    key.get_or_insert_default().push('.');
                    continue;
                }
                EventKind::Comment if line_ends == 0 && !body.parts.is_empty() => {
                    body.has_lines = true;
                    let text = self.text(&event).trim_end();
                    if let Some(Part::Entry { comment, .. } | Part::Header { comment, .. }) =
                        body.parts.last_mut()
                        && comment.is_none()
                    {
                        *comment = Some(text);
                        continue;
                    }
                    body.parts.push(Part::Comment(text));
                    continue;
                }
                EventKind::Comment
                | EventKind::StdTableOpen
                | EventKind::ArrayTableOpen
                | EventKind::Scalar
                | EventKind::ArrayOpen
                | EventKind::InlineTableOpen => {}
                // The other events are white space, separators, and the closing brackets of
                // headers.
                _ => continue,
            }
            if line_ends > 1 && !body.parts.is_empty() {
                body.parts.push(Part::Blank);
            }
            line_ends = 0;
            let part = match event.kind() {
                EventKind::Comment => {
                    body.has_lines = true;
                    Part::Comment(self.text(&event).trim_end())
                }
                EventKind::StdTableOpen => self.header(EventKind::StdTableClose, "[", "]"),
                EventKind::ArrayTableOpen => self.header(EventKind::ArrayTableClose, "[[", "]]"),
                _ => Part::Entry { key: key.take(), value: self.value(&event), comment: None },
            };
            body.parts.push(part);
        }
        body
    }

    fn header(&mut self, end: EventKind, open: &str, close: &str) -> Part<'t> {
        let mut text = open.to_owned();
        while let Some(event) = self.events.next_if(|event| event.kind() != end) {
            match event.kind() {
                EventKind::SimpleKey => text.push_str(self.text(&event)),
                EventKind::KeySep => text.push('.'),
                _ => {}
            }
        }
        text.push_str(close);
        Part::Header { text, comment: None }
    }

    fn value(&mut self, event: &Event) -> Value<'t> {
        match event.kind() {
            EventKind::ArrayOpen => Value::Array(self.body(Some(EventKind::ArrayClose))),
            EventKind::InlineTableOpen => {
                Value::Table(self.body(Some(EventKind::InlineTableClose)))
            }
            _ => Value::Scalar(self.text(event)),
        }
    }
}
