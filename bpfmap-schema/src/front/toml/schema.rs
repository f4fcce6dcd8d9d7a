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
    report_syntax_errors(&file, errors);

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
    draft.findings.extend(file.into_findings());
    Top { name, includes }
}

/// Returns the TOML syntax errors.
pub(super) fn read_syntax(id: SourceId, text: &str) -> Vec<Finding> {
    let file = File::new(id, text);
    let (_, errors) = DeTable::parse_recoverable(text);
    report_syntax_errors(&file, errors);
    file.into_findings()
}

fn report_syntax_errors(file: &File<'_>, errors: Vec<toml::de::Error>) {
    for error in errors.into_iter().take(MAX_SYNTAX_ERRORS) {
        let span = file.span(error.span().unwrap_or_default());
        let finding = Finding::new(&rules::TOML_SYNTAX, span, error.message());
        file.report(finding.help("correct the TOML; see <https://toml.io> for the syntax"));
    }
}

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
