//! Generates the reference page of a schema in Markdown. The page describes the maps, the
//! operations that user space can perform on each kernel, and the layouts of all types.

mod maps;
mod types;

use std::fmt::Write;

use super::{GeneratedFile, marker};
use bpfmap_schema::check::Checked;
use bpfmap_schema::print::comment;

/// Generates `NAME.md`, the reference page of a schema.
#[must_use]
pub fn emit(checked: &Checked) -> GeneratedFile {
    let schema = checked.schema();
    let name = &schema.name.value;
    let mut page = format!("<!-- {} -->\n\n# {name}\n", marker(schema).replace("--", "- -"));
    push_paragraph(&mut page, schema.doc.as_deref());
    if let Some(kernel) = &schema.min_kernel {
        let _ = write!(page, "\nThe schema supports Linux {} and newer.\n", kernel.value);
    }
    maps::push_maps(&mut page, checked);
    types::push_types(&mut page, checked);
    GeneratedFile { name: format!("{name}.md"), contents: page }
}

/// Writes `doc` as a separate paragraph. Does nothing if `doc` is empty.
fn push_paragraph(page: &mut String, doc: Option<&str>) {
    let Some(doc) = doc else { return };
    let lines: Vec<String> = comment::lines(doc).collect();
    if !lines.is_empty() {
        let _ = write!(page, "\n{}\n", lines.join("\n"));
    }
}

/// Returns `text` in a form that fits in a table cell: as a single line, in which the cell
/// separator is escaped.
fn cell(text: &str) -> String {
    comment::lines(text).collect::<Vec<_>>().join(" ").trim().replace('|', "\\|")
}

fn bytes(count: u64) -> String {
    format!("{count} byte{}", if count == 1 { "" } else { "s" })
}
