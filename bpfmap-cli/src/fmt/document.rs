//! The parts of a TOML document in the order of its text, comments and blank lines included.

use std::iter::Peekable;
use std::vec::IntoIter;

use toml_parser::Source;
use toml_parser::parser::{Event, EventKind, parse_document};

/// One part of a document, an array or an inline table.
#[derive(Debug)]
pub(super) enum Part<'t> {
    /// Any number of blank lines.
    Blank,
    /// A comment on a line of its own.
    Comment(&'t str),
    /// The header of a table.
    Header {
        /// The header with its brackets.
        text: String,
        /// The comment after it.
        comment: Option<&'t str>,
    },
    /// A key with its value, or an element of an array.
    Entry {
        /// A dotted key. Elements of arrays have none.
        key: Option<String>,
        /// The value.
        value: Value<'t>,
        /// The comment after it.
        comment: Option<&'t str>,
    },
}

/// A value.
#[derive(Debug)]
pub(super) enum Value<'t> {
    /// A scalar as it is spelled in the text.
    Scalar(&'t str),
    /// An array.
    Array(Body<'t>),
    /// An inline table.
    Table(Body<'t>),
}

/// The contents between two brackets.
#[derive(Debug)]
pub(super) struct Body<'t> {
    pub(super) parts: Vec<Part<'t>>,
    /// Whether there is a line break between its parts.
    pub(super) has_lines: bool,
}

/// Parses a document whose syntax is valid.
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

    /// Reads up to the bracket `end`, or to the end of the document.
    fn body(&mut self, end: Option<EventKind>) -> Body<'t> {
        let mut body = Body { parts: vec![], has_lines: false };
        // The number of line ends since the last part. A comment in front of the first part belongs
        // to that part.
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
                // White space, separators, and the closing brackets of headers.
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
