//! Writes diagnostics for tools, as one JSON object on each line.

use std::fmt::Write as _;

use super::{Finding, Position};
use crate::source::SourceMap;

/// Returns a diagnostic as a JSON object on one line, without a line break at the end.
///
/// ```json
/// {"rule":"array-key-size","severity":"error","message":"…","file":"maps.toml","line":3,"column":7,"end":{"line":3,"column":12},"label":"…","related":[{"file":"…","line":1,"column":1,"end":{…},"label":"…"}],"notes":["…"],"help":"…"}
/// ```
///
/// The first line and the first column have the number 1. Columns are counted in characters. `end` is the position
/// after the last character. `file`, `line`, `column` and `end` are `null` if the diagnostic has no position. `help` is
/// `null` if the diagnostic has no help.
#[must_use]
pub fn to_json_line(finding: &Finding, sources: &SourceMap) -> String {
    let mut json = String::from("{\"rule\":");
    string(&mut json, finding.rule.id);
    json.push_str(",\"severity\":");
    string(&mut json, finding.severity().name());
    json.push_str(",\"message\":");
    string(&mut json, &finding.message);
    json.push(',');
    place(&mut json, &finding.place, sources);
    json.push_str(",\"related\":");
    list(&mut json, &finding.related, |json, label| {
        json.push('{');
        place(json, label, sources);
        json.push('}');
    });
    json.push_str(",\"notes\":");
    list(&mut json, &finding.notes, |json, note| string(json, note));
    json.push_str(",\"help\":");
    match &finding.help {
        Some(help) => string(&mut json, help),
        None => json.push_str("null"),
    }
    json.push('}');
    json
}

fn place(json: &mut String, label: &super::Label, sources: &SourceMap) {
    if let Some(id) = label.span.source {
        let source = sources.get(id);
        let start = Position::of(&source.text, label.span.start);
        let end = Position::of(&source.text, label.span.end);
        json.push_str("\"file\":");
        string(json, &source.path.to_string_lossy());
        let (line, column) = (start.line, start.column);
        let (end_line, end_column) = (end.line, end.column);
        write!(
            json,
            ",\"line\":{line},\"column\":{column},\
             \"end\":{{\"line\":{end_line},\"column\":{end_column}}}"
        )
        .expect("writing to a String never fails");
    } else {
        json.push_str("\"file\":null,\"line\":null,\"column\":null,\"end\":null");
    }
    json.push_str(",\"label\":");
    string(json, &label.text);
}

fn list<T>(json: &mut String, items: &[T], mut each: impl FnMut(&mut String, &T)) {
    json.push('[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        each(json, item);
    }
    json.push(']');
}

/// Returns `text` as a JSON string with quotation marks.
#[must_use]
pub fn json_string(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    string(&mut json, text);
    json
}

/// Appends `text` as a JSON string. Source: RFC 8259, section 7.
fn string(json: &mut String, text: &str) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            control if control < ' ' => write!(json, "\\u{:04x}", u32::from(control))
                .expect("writing to a String never fails"),
            other => json.push(other),
        }
    }
    json.push('"');
}
