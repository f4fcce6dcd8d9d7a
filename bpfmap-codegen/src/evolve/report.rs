//! Formats changes as text, as JSON, and as GitHub workflow commands.

use std::fmt::Write as _;

use super::change::{Change, Side};
use super::rules::Class;
use bpfmap_schema::check::Checked;
use bpfmap_schema::diagnostics::{Position, json_string};
use bpfmap_schema::source::SourceMap;

/// The format in which [`report`] writes changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Text with two lines for each change and a summary at the end. The first line of a change is
    /// `FILE:LINE:COLUMN: PATH: MESSAGE [RULE]`, and the second line describes the consequences.
    Text,
    /// A single JSON object with all changes.
    Json,
    /// GitHub workflow commands, such as `::error file=…,line=…::…`. GitHub shows each message next
    /// to the line of the change.
    Github,
}

impl Format {
    /// All formats, each with its name on the command line.
    pub const ALL: [(&'static str, Self); 3] =
        [("text", Self::Text), ("json", Self::Json), ("github", Self::Github)];
}

/// Formats the `changes` from the schema `old` to the schema `new`, and returns the text. In the
/// GitHub format, a change is an error if `fails` returns true for it.
#[must_use]
pub fn report(
    changes: &[Change],
    (old, new): (&Checked, &Checked),
    format: Format,
    fails: impl Fn(&Change) -> bool,
) -> String {
    let sources = (&old.schema().sources, &new.schema().sources);
    match format {
        Format::Text => text(changes, sources),
        Format::Json => json(changes, sources),
        Format::Github => github(changes, sources, fails),
    }
}

/// The source files of the old schema and of the new schema.
type Sources<'a> = (&'a SourceMap, &'a SourceMap);

/// Returns the file of the change, and the line and column in this file.
fn place(change: &Change, (old, new): Sources<'_>) -> (Option<String>, Option<Position>) {
    let sources = match change.side {
        Side::Old => old,
        Side::New => new,
    };
    let source = change.span.source.map(|id| sources.get(id));
    let position = source.map(|source| Position::of(&source.text, change.span.start));
    // If the change has no position, it concerns the whole schema.
    let file = source.or_else(|| sources.iter().next());
    (file.map(|source| source.path.display().to_string()), position)
}

fn text(changes: &[Change], sources: Sources<'_>) -> String {
    let mut text = String::new();
    for change in changes {
        let (file, position) = place(change, sources);
        if let Some(file) = file {
            text.push_str(&file);
            if let Some(Position { line, column }) = position {
                push(&mut text, format_args!(":{line}:{column}"));
            }
            text.push_str(": ");
        }
        let Change { path, message, rule, class, .. } = change;
        push(&mut text, format_args!("{path}: {message} [{rule}]\n    {}", class.words()));
        if let Some(answer) = change.answer() {
            push(&mut text, format_args!(": {answer}"));
        }
        text.push('\n');
    }
    text.push_str(&sum(changes));
    text
}

/// Returns the summary, such as `3 changes: silently reads wrong data (1), safe for a live pin (2);
/// …`.
fn sum(changes: &[Change]) -> String {
    let Some(worst) = changes.iter().rev().max_by_key(|change| change.class) else {
        return "no changes\n".to_owned();
    };
    let counted = Class::ALL.iter().rev().filter_map(|class| {
        let count = changes.iter().filter(|change| change.class == *class).count();
        (count > 0).then(|| format!("{} ({count})", class.words()))
    });
    let counted: Vec<String> = counted.collect();
    let changes = match changes.len() {
        1 => "1 change".to_owned(),
        count => format!("{count} changes"),
    };
    let example = worst.rule.id;
    format!("{changes}: {}; run `bpfmap explain {example}` for details\n", counted.join(", "))
}

fn json(changes: &[Change], sources: Sources<'_>) -> String {
    let worst = changes.iter().map(|change| change.class).max();
    let worst = worst.map_or("null".to_owned(), |class| json_string(class.name()));
    let objects: Vec<String> = changes.iter().map(|change| object(change, sources)).collect();
    format!("{{\"class\":{worst},\"changes\":[{}]}}\n", objects.join(","))
}

fn object(change: &Change, sources: Sources<'_>) -> String {
    let (file, position) = place(change, sources);
    let or_null = |text: Option<String>| text.map_or("null".to_owned(), |text| json_string(&text));
    let number = |number: Option<usize>| number.map_or("null".to_owned(), |it| it.to_string());
    let side = match change.side {
        Side::Old => "old",
        Side::New => "new",
    };
    format!(
        "{{\"rule\":{},\"class\":{},\"path\":{},\"message\":{},\"answer\":{},\"side\":\"{side}\",\
         \"file\":{},\"line\":{},\"column\":{}}}",
        json_string(change.rule.id),
        json_string(change.class.name()),
        json_string(&change.path),
        json_string(&change.message),
        or_null(change.answer()),
        or_null(file),
        number(position.map(|position| position.line)),
        number(position.map(|position| position.column)),
    )
}

/// Formats changes as GitHub workflow commands. Source: GitHub's documentation, "Workflow commands
/// for GitHub Actions". Source for the escaping: `command.ts` of `@actions/core`.
fn github(changes: &[Change], sources: Sources<'_>, fails: impl Fn(&Change) -> bool) -> String {
    let mut text = String::new();
    for change in changes {
        let level = match change.class {
            _ if fails(change) => "error",
            Class::Safe => "notice",
            Class::NewPin | Class::WrongData => "warning",
        };
        // A removed part has no line in the newer file, so the command names only the file.
        let (file, position) = match change.side {
            Side::New => place(change, sources),
            Side::Old => (sources.1.iter().next().map(|it| it.path.display().to_string()), None),
        };
        push(&mut text, format_args!("::{level} "));
        if let Some(file) = file {
            push(&mut text, format_args!("file={},", property(&file)));
        }
        if let Some(Position { line, column }) = position {
            push(&mut text, format_args!("line={line},col={column},"));
        }
        let mut message = format!("{}: {}: {}", change.path, change.message, change.class.words());
        if let Some(answer) = change.answer() {
            push(&mut message, format_args!(": {answer}"));
        }
        push(&mut text, format_args!("title={}::{}\n", change.rule, data(&message)));
    }
    text
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("writing to a `String` never fails");
}
