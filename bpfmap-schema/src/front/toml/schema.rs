//! Reads the top level of a file.

use std::path::Path;

use toml::de::DeTable;

use super::file::{Fields, File};
use super::{grammar, maps, types};
use crate::diagnostics::Finding;
use crate::draft::Draft;
use crate::front;
use crate::rules;
use crate::source::{SourceId, Spanned};
use bpfmap_core::KernelVersion;

/// The maximum number of TOML syntax errors that are reported for a file. Later errors are mostly consequences of the
/// first.
const MAX_SYNTAX_ERRORS: usize = 20;

/// The top-level keys of a file, except the types.
pub(super) struct Top {
    /// The name of the schema, or an empty string if the name can't be determined.
    pub(super) name: Spanned<String>,
    /// The files that this file includes.
    pub(super) includes: Vec<Spanned<String>>,
}

/// Adds the types that `text` declares to `draft`. If `text` is the root file, also adds all other declarations.
pub(super) fn read(draft: &mut Draft, id: SourceId, path: &Path, text: &str, is_root: bool) -> Top {
    let file = File::new(id, text);
    let (document, errors) = DeTable::parse_recoverable(text);
    let readable = report_syntax_errors(&file, text, errors);

    let fields = Fields::new(&file, document.get_ref(), file.span(0..0), &grammar::SCHEMA);
    let name = fields.string("name");
    let doc = fields.doc();
    let min_kernel = fields.string("min_kernel");
    let min_kernel = min_kernel.and_then(|text| kernel_version(&file, &text));
    let includes = fields.strings("include");
    if let Some(table) = fields.get("types").and_then(|value| file.table(value, "types")) {
        types::read(&file, table, draft);
    }
    let maps = fields.get("maps");
    let name = if is_root {
        name.or_else(|| name_of(path, &file))
    } else {
        // An included schema can also be read on its own, to write its generated files. A missing name is reported only
        // in that case.
        name.or_else(|| stem(path).and_then(front::name_of).map(Spanned::from))
    };
    let name = name.unwrap_or_default();
    if is_root {
        draft.schema.name = name.clone();
        draft.schema.doc = doc;
        draft.schema.min_kernel = min_kernel;
        if let Some(table) = maps.and_then(|value| file.table(value, "maps")) {
            maps::read(&file, table, draft);
        }
    }
    fields.finish();
    let is_consequence = |finding: &Finding| {
        finding.rule != &rules::TOML_SYNTAX && finding.place.span.start >= readable
    };
    draft.findings.extend(file.into_findings().into_iter().filter(|it| !is_consequence(it)));
    Top { name, includes }
}

/// Returns the TOML syntax errors.
pub(super) fn read_syntax(id: SourceId, text: &str) -> Vec<Finding> {
    let file = File::new(id, text);
    let (_, errors) = DeTable::parse_recoverable(text);
    report_syntax_errors(&file, text, errors);
    file.into_findings()
}

/// Reports syntax errors, and returns the length of the text before the first of them, in whole lines. Mistakes after
/// this text can be consequences of the syntax error.
fn report_syntax_errors(file: &File<'_>, text: &str, errors: Vec<toml::de::Error>) -> usize {
    let mut readable = text.len() + 1;
    let mut duplicate_table = false;
    for error in errors.into_iter().take(MAX_SYNTAX_ERRORS) {
        let range = error.span().unwrap_or_default();
        let line_start = text[..range.start].rfind('\n').map_or(0, |end| end + 1);
        let line = text[line_start..].lines().next().unwrap_or_default();
        let is_table = line.starts_with('[');
        let mut finding = Finding::new(&rules::TOML_SYNTAX, file.span(range), error.message());
        if error.message() == DUPLICATE {
            // Each key of a second table with the same name is also a duplicate.
            if duplicate_table && !is_table {
                continue;
            }
            duplicate_table = is_table;
            let first = text.find(line).filter(|start| is_table && *start < line_start);
            finding = match first {
                Some(start) => finding
                    .related(file.span(start..start + line.len()), "the first table with this name")
                    .help("remove one of the two tables, or change its name"),
                None => finding.help("remove one of the two keys"),
            };
        } else {
            readable = readable.min(line_start);
            finding = finding.help("correct the TOML; see <https://toml.io> for the syntax");
        }
        file.report(finding);
    }
    readable
}

/// The parser's message for a key or a table that stands twice.
const DUPLICATE: &str = "duplicate key";

/// Returns the name of a file without its extension.
fn stem(path: &Path) -> Option<&str> {
    path.file_stem()?.to_str()
}

/// Returns the name of a schema that has no key `name`. This is the name of its file, if that name can be converted to
/// an identifier. Otherwise, reports an error.
fn name_of(path: &Path, file: &File<'_>) -> Option<Spanned<String>> {
    let stem = stem(path).unwrap_or_default();
    if let Some(name) = front::name_of(stem) {
        return Some(name.into());
    }
    file.report(
        Finding::new(
            &rules::MISSING_KEY,
            file.span(0..0),
            format!("the schema needs a `name`, because the name of its file, `{stem}`, is not an identifier"),
        )
        .help("write `name = \"…\"` at the top of the file"),
    );
    None
}

fn kernel_version(file: &File<'_>, text: &Spanned<String>) -> Option<Spanned<KernelVersion>> {
    front::kernel_version(text, |finding| file.report(finding))
}
