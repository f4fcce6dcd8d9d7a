//! Writes diagnostics as text, with the message, the source line and the help.

use std::ops::Range;

use annotate_snippets::{
    Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet, normalize_untrusted_str,
};

use super::position::{floor, line_start};
use super::{Finding, Label, Position, Severity, printable};
use crate::source::{Source, SourceMap};

/// The style of diagnostics as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// ASCII characters without colours.
    Plain,
    /// Escape sequences of ANSI terminals for colours.
    Ansi,
}

/// Returns the diagnostics as text. An empty line follows each diagnostic.
#[must_use]
pub fn render(findings: &[Finding], sources: &SourceMap, style: Style) -> String {
    let renderer = match style {
        Style::Plain => Renderer::plain(),
        Style::Ansi => Renderer::styled(),
    };
    let mut text = String::new();
    for finding in findings {
        text.push_str(&renderer.render(&[report(finding, sources)]));
        text.push_str("\n\n");
    }
    // Some terminals interpret these control characters, and the renderer does not replace them.
    text.replace(|character| ('\u{80}'..='\u{9f}').contains(&character), "\u{fffd}")
}

fn report<'a>(finding: &'a Finding, sources: &'a SourceMap) -> Group<'a> {
    let level = match finding.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(normalize_untrusted_str(&finding.message)).id(finding.rule.id);
    let mut group = Group::with_title(title);
    for excerpt in excerpts(finding, sources) {
        group = excerpt.add_to(group);
    }
    for note in &finding.notes {
        group = group.element(Level::NOTE.message(printable(note)));
    }
    if let Some(help) = &finding.help {
        group = group.element(Level::HELP.message(printable(help)));
    }
    group
}

/// Complete lines of a source, with the parts to underline.
struct Excerpt<'a> {
    source: &'a Source,
    range: Range<usize>,
    marks: Vec<Mark<'a>>,
}

struct Mark<'a> {
    range: Range<usize>,
    kind: AnnotationKind,
    text: &'a str,
}

/// The maximum distance in bytes between two positions in a file that are shown in the same excerpt.
const NEAR: usize = 8 * 1024;
/// The maximum length of a line in bytes. Longer lines are cut.
const LONG_LINE: usize = 1024;
/// The number of bytes that are shown before and after the underlined part if a line is cut.
const LONG_LINE_CONTEXT: usize = 100;

fn excerpts<'a>(finding: &'a Finding, sources: &'a SourceMap) -> Vec<Excerpt<'a>> {
    let mut excerpts: Vec<Excerpt<'a>> = Vec::new();
    let places = std::iter::once((&finding.place, AnnotationKind::Primary))
        .chain(finding.related.iter().map(|label| (label, AnnotationKind::Context)));
    for (label, kind) in places {
        let Some(excerpt) = Excerpt::of(label, kind, sources) else { continue };
        let near = excerpts.iter_mut().find(|known| known.is_near(&excerpt));
        match near {
            Some(known) => known.merge(excerpt),
            None => excerpts.push(excerpt),
        }
    }
    excerpts
}

impl<'a> Excerpt<'a> {
    /// Returns the line on which `label` begins, or `None` if the label has no position.
    fn of(label: &'a Label, kind: AnnotationKind, sources: &'a SourceMap) -> Option<Self> {
        let source = sources.get(label.span.source?);
        let text = &source.text;
        let start = floor(text, label.span.start);
        let line = line_start(text, start).min(start)..line_end(text, start);
        // If the position spans several lines, only the part on the first line is underlined.
        let end = ceil(text, label.span.end).clamp(start, line.end);
        let mark =
            Mark { range: start.max(line.start)..end.max(line.start), kind, text: &label.text };
        Some(Self { source, range: line, marks: vec![mark] })
    }

    fn is_long(&self) -> bool {
        self.range.len() > LONG_LINE
    }

    fn is_near(&self, other: &Self) -> bool {
        std::ptr::eq(self.source, other.source)
            && !(self.marks.len() == 1 && self.is_long() || other.is_long())
            && self.range.start < other.range.end + NEAR
            && other.range.start < self.range.end + NEAR
    }

    fn merge(&mut self, other: Self) {
        self.range.start = self.range.start.min(other.range.start);
        self.range.end = self.range.end.max(other.range.end);
        self.marks.extend(other.marks);
    }

    fn add_to(mut self, group: Group<'a>) -> Group<'a> {
        let text = &self.source.text;
        let path = printable(&self.source.path.to_string_lossy());
        let cut = self.marks.len() == 1 && self.is_long();
        let position = Position::of(text, self.marks[0].range.start);
        if cut {
            let mark = &self.marks[0].range;
            let start = mark.start.saturating_sub(LONG_LINE_CONTEXT).max(self.range.start);
            let end = mark.end.min(mark.start + LONG_LINE) + LONG_LINE_CONTEXT;
            self.range = floor(text, start)..ceil(text, end.min(self.range.end));
        }
        let first_line = Position::of(text, self.range.start).line;
        let annotations: Vec<Annotation<'a>> =
            self.marks.iter().map(|mark| mark.annotation(&self.range)).collect();
        let snippet = Snippet::source(&text[self.range.clone()])
            .line_start(first_line)
            .annotations(annotations);
        if cut {
            // Otherwise, the renderer would count columns from the beginning of the excerpt.
            let origin = Origin::path(path).line(position.line).char_column(position.column);
            group.element(origin).element(snippet)
        } else {
            group.element(snippet.path(path))
        }
    }
}

impl<'a> Mark<'a> {
    /// Returns the annotation relative to the text range `shown`.
    fn annotation(&self, shown: &Range<usize>) -> Annotation<'a> {
        let start = self.range.start - shown.start;
        let end = self.range.end.min(shown.end) - shown.start;
        let label = (!self.text.is_empty()).then_some(self.text);
        self.kind.span(start..end).label(label)
    }
}

/// Returns the byte offset at which the line that contains `offset` ends. The line break is not a part of the line.
fn line_end(text: &str, offset: usize) -> usize {
    let end = text[offset..].find('\n').map_or(text.len(), |length| offset + length);
    if text[offset..end].ends_with('\r') { end - 1 } else { end }
}

/// Returns the first character boundary of `text` at or after `offset`.
fn ceil(text: &str, offset: usize) -> usize {
    (offset..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}
