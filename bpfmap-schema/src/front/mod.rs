//! The front ends. Each of them produces a [`Schema`](crate::ir::Schema) from a different kind of source.

#[cfg(feature = "import")]
pub mod btf;
#[cfg(feature = "derive")]
pub mod rust;
#[cfg(feature = "toml")]
pub mod toml;
#[cfg(any(feature = "derive", feature = "toml"))]
mod type_expression;

#[cfg(all(feature = "rust", feature = "toml"))]
use crate::draft::Draft;
#[cfg(any(feature = "derive", feature = "toml"))]
use crate::{diagnostics::Finding, rules, source::Spanned};
#[cfg(any(feature = "derive", feature = "toml"))]
use bpfmap_core::KernelVersion;

/// Reads the schema in the file `path`. The file is read as Rust if its name ends in `.rs`, and as TOML otherwise.
///
/// Never fails, because errors become diagnostics of the draft.
#[cfg(all(feature = "rust", feature = "toml"))]
#[must_use]
pub fn read_file(path: &std::path::Path) -> Draft {
    read_file_with(path, &rust::Cfg::default())
}

/// Reads the schema in the file `path`, like [`read_file`]. `cfg` contains the conditions of the build, which only
/// schemas in Rust use.
#[cfg(all(feature = "rust", feature = "toml"))]
#[must_use]
pub fn read_file_with(path: &std::path::Path, cfg: &rust::Cfg) -> Draft {
    if is_rust(path) { rust::read_file_with(path, cfg) } else { toml::read_file(path) }
}

/// Returns whether the name of a file ends in `.rs`.
#[cfg(all(feature = "rust", feature = "toml"))]
fn is_rust(path: &std::path::Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

/// Reads a kernel version such as `5.10`. Reports a text that is not a kernel version.
#[cfg(any(feature = "derive", feature = "toml"))]
fn kernel_version(
    text: &Spanned<String>,
    report: impl FnOnce(Finding),
) -> Option<Spanned<KernelVersion>> {
    match text.value.parse::<KernelVersion>() {
        Ok(version) => Some(Spanned::new(version, text.span)),
        Err(error) => {
            let message = format!("invalid kernel version `{}`", text.value);
            let finding = Finding::new(&rules::UNKNOWN_WORD, text.span, message);
            report(finding.help(error.to_string()));
            None
        }
    }
}

/// Returns the schema name for a file or folder with the name `word`. Returns `None` if the name can't be converted to
/// an identifier.
#[cfg(any(feature = "rust", feature = "toml"))]
fn name_of(word: &str) -> Option<String> {
    let name = word.replace('-', "_");
    let is_identifier = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_');
    is_identifier.then_some(name)
}
