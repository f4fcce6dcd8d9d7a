//! The top level of a file.

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

/// How many mistakes against TOML itself are reported a file: most that follow are echoes.
const MAX_SYNTAX_ERRORS: usize = 20;

/// What a file says of its schema, beside the types.
pub(super) struct Top {
    /// What the schema is called; empty where nothing tells.
    pub(super) name: Spanned<String>,
    /// The files that it includes.
    pub(super) includes: Vec<Spanned<String>>,
}

/// Adds what `text` declares to `draft`: the types, and of a root all the rest.
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
        // What is made of a schema that is included is made where it is read by itself, and there it needs a name.
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

/// Returns the mistakes against TOML itself.
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

/// Returns the name of a file without `.toml`.
fn stem(path: &Path) -> Option<&str> {
    path.file_stem()?.to_str()
}

/// Returns a schema that has no `name` is called as its file, if that makes an identifier.
fn name_of(path: &Path, file: &File<'_>) -> Option<Spanned<String>> {
    let stem = stem(path).unwrap_or_default();
    if let Some(name) = front::name_of(stem) {
        return Some(name.into());
    }
    file.report(
        Finding::new(
            &rules::MISSING_KEY,
            file.span(0..0),
            format!("a schema needs `name`, because `{stem}` is not an identifier"),
        )
        .help("write `name = \"…\"` at the top of the file"),
    );
    None
}

fn kernel_version(file: &File<'_>, text: &Spanned<String>) -> Option<Spanned<KernelVersion>> {
    front::kernel_version(text, |finding| file.report(finding))
}
