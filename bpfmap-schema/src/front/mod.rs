//! Front ends, each of which produces a [`Schema`](crate::ir::Schema) from another source.

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

/// Reads the schema in the file `path`. It is in Rust if the name ends in `.rs`, otherwise in TOML.
///
/// Never fails: errors are among the diagnostics of the draft.
#[cfg(all(feature = "rust", feature = "toml"))]
#[must_use]
pub fn read_file(path: &std::path::Path) -> Draft {
    read_file_with(path, &rust::Cfg::default())
}

/// Does the same with the conditions `cfg` of a build, which only Rust uses.
#[cfg(all(feature = "rust", feature = "toml"))]
#[must_use]
pub fn read_file_with(path: &std::path::Path, cfg: &rust::Cfg) -> Draft {
    if is_rust(path) { rust::read_file_with(path, cfg) } else { toml::read_file(path) }
}

/// Returns whether the extension of a file is `.rs`.
#[cfg(all(feature = "rust", feature = "toml"))]
fn is_rust(path: &std::path::Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

/// Reads `5.10`; reports what is wrong with the text.
#[cfg(any(feature = "derive", feature = "toml"))]
fn kernel_version(
    text: &Spanned<String>,
    report: impl FnOnce(Finding),
) -> Option<Spanned<KernelVersion>> {
    match text.value.parse::<KernelVersion>() {
        Ok(version) => Some(Spanned::new(version, text.span)),
        Err(error) => {
            let message = format!("`{}` is not a kernel version", text.value);
            let finding = Finding::new(&rules::UNKNOWN_WORD, text.span, message);
            report(finding.help(error.to_string()));
            None
        }
    }
}

/// Returns the schema name for a file or directory called `word`, or `None` if no identifier can be
/// made of it.
#[cfg(any(feature = "rust", feature = "toml"))]
fn name_of(word: &str) -> Option<String> {
    let name = word.replace('-', "_");
    let is_identifier = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_');
    is_identifier.then_some(name)
}
