//! Writes the parts of a document in the layout of `bpfmap fmt`.

use bpfmap_schema::print::WIDTH;

use super::document::{Body, Part, Value};

const INDENT: usize = 2;

/// The number of spaces between the content of a line and a comment at the end of the line.
const BEFORE_COMMENT: usize = 2;

/// Returns the text of a formatted document.
pub(super) fn write(parts: &[Part<'_>]) -> String {
    let mut out = String::new();
    for (index, lines) in entries(parts, 0, "").into_iter().enumerate() {
        let is_start_of_table = starts_table(&parts[index..]);
        let after_comment = index > 0 && matches!(parts[index - 1], Part::Comment(_));
        let after_header = index > 0 && matches!(parts[index - 1], Part::Header { .. });
        if matches!(parts[index], Part::Blank) {
            // The output has exactly one blank line before a header and none after it, whatever
            // the input contains.
            if !after_header && !starts_table(&parts[index + 1..]) {
                out.push('\n');
            }
            continue;
        }
        if is_start_of_table && !after_comment && !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&lines);
        out.push('\n');
    }
    // Removes blank lines at the end.
    out.truncate(out.trim_end_matches('\n').len());
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

/// Returns whether the parts start with a header, or with comments that belong to a header.
fn starts_table(parts: &[Part<'_>]) -> bool {
    let first = parts.iter().find(|part| !matches!(part, Part::Comment(_)));
    matches!(first, Some(Part::Header { .. }))
}

/// Returns the formatted parts. Each part is indented by `indent` spaces, and `separator` follows
/// each entry. Comments at the ends of consecutive lines start in the same column.
fn entries(parts: &[Part<'_>], indent: usize, separator: &str) -> Vec<String> {
    let mut lines: Vec<String> = parts.iter().map(|part| entry(part, indent, separator)).collect();
    let mut start = 0;
    while start < parts.len() {
        let is_line = |&index: &usize| {
            matches!(parts[index], Part::Entry { .. }) && !lines[index].contains('\n')
        };
        let end = (start..parts.len()).take_while(is_line).last().unwrap_or(start) + 1;
        let commented: Vec<(usize, &str)> =
            (start..end).filter_map(|index| Some((index, comment(&parts[index])?))).collect();
        let widths = commented.iter().map(|(index, _)| last_line(&lines[*index]));
        let column = widths.max().unwrap_or_default() + BEFORE_COMMENT;
        for (index, comment) in commented {
            let spaces = " ".repeat(column - last_line(&lines[index]));
            lines[index].extend([&spaces, comment]);
        }
        start = end;
    }
    lines
}

/// Returns the comment that follows a part on the same line.
fn comment<'t>(part: &Part<'t>) -> Option<&'t str> {
    match part {
        Part::Header { comment, .. } | Part::Entry { comment, .. } => *comment,
        Part::Blank | Part::Comment(_) => None,
    }
}

/// Returns the width of the last line of a text.
fn last_line(text: &str) -> usize {
    text.rsplit('\n').next().unwrap_or_default().chars().count()
}

/// Returns a formatted part, without the comment that follows it on the same line.
fn entry(part: &Part<'_>, indent: usize, separator: &str) -> String {
    let mut text = " ".repeat(indent);
    match part {
        Part::Blank => return String::new(),
        Part::Comment(comment) => text.push_str(comment),
        Part::Header { text: header, .. } => text.push_str(header),
        Part::Entry { key, value, .. } => {
            if let Some(key) = key {
                text.push_str(key);
                text.push_str(" = ");
            }
            let room = WIDTH.saturating_sub(last_line(&text) + separator.len());
            match (value, on_one_line(value)) {
                // Inline tables are on one line because TOML before 1.1 requires this. Long strings
                // are on one line too.
                (Value::Array(body), Some(line)) if line.chars().count() > room => {
                    text.push_str(&on_lines(body, '[', ']', indent));
                }
                _ => text.push_str(&self::value(value, indent)),
            }
            text.push_str(separator);
        }
    }
    text
}

/// Returns a formatted value. `indent` is the indentation of the line in which the value starts.
fn value(value: &Value<'_>, indent: usize) -> String {
    if let Some(line) = on_one_line(value) {
        return line;
    }
    match value {
        Value::Scalar(text) => (*text).to_owned(),
        Value::Array(body) => on_lines(body, '[', ']', indent),
        Value::Table(body) if body.has_lines => on_lines(body, '{', '}', indent),
        Value::Table(body) => format!(
            "{{ {} }}",
            list(body, |inner| Some(self::value(inner, indent))).unwrap_or_default()
        ),
    }
}

/// Returns the value as a single line. Returns `None` if a part of the value contains line breaks.
fn on_one_line(value: &Value<'_>) -> Option<String> {
    match value {
        Value::Scalar(text) => (!text.contains('\n')).then(|| (*text).to_owned()),
        Value::Array(body) | Value::Table(body) if body.has_lines && !body.parts.is_empty() => None,
        Value::Array(body) => list(body, on_one_line).map(|list| format!("[{list}]")),
        Value::Table(body) if body.parts.is_empty() => Some("{}".to_owned()),
        Value::Table(body) => list(body, on_one_line).map(|list| format!("{{ {list} }}")),
    }
}

/// Returns the entries of an array or inline table as a single line.
fn list(body: &Body<'_>, of: impl Fn(&Value<'_>) -> Option<String>) -> Option<String> {
    let entries: Option<Vec<String>> = body
        .parts
        .iter()
        .map(|part| match part {
            Part::Entry { key: Some(key), value, .. } => Some(format!("{key} = {}", of(value)?)),
            Part::Entry { key: None, value, .. } => of(value),
            _ => None,
        })
        .collect();
    Some(entries?.join(", "))
}

/// Returns the entries with each entry on a separate line.
fn on_lines(body: &Body<'_>, open: char, close: char, indent: usize) -> String {
    let mut text = format!("{open}\n");
    for line in entries(&body.parts, indent + INDENT, ",") {
        text.push_str(&line);
        text.push('\n');
    }
    text.push_str(&" ".repeat(indent));
    text.push(close);
    text
}
