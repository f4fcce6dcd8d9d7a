//! `bpfmap fmt`.

mod document;
mod layout;

use std::io;
use std::path::{Path, PathBuf};

use bpfmap_codegen::backend::GeneratedFile;
use bpfmap_codegen::output::{PlannedFile, plan, write};
use bpfmap_schema::draft::Draft;
use bpfmap_schema::front::toml;
use clap::Args;

use crate::options::{DiagnosticOptions, Language, MessageFormat};
use crate::schemas::{given, show_findings};
use crate::{Failed, Outcome, complain, generate, manual, print, standard_input};

/// Format schemas in TOML, in place. Comments, the order of keys and the spelling of values stay as
/// they are.
///
/// An array that is on several lines stays on several lines. Any other array is on one line if the
/// line fits in 100 columns.
#[derive(Debug, Args)]
#[command(about = "Format schemas in TOML", after_long_help = manual::FMT)]
pub(crate) struct FmtOptions {
    /// Schemas in TOML, or `-` to format standard input and print the result; the default is the
    /// schemas of bpfmap.toml
    #[arg(value_name = "SCHEMA")]
    schemas: Vec<PathBuf>,
    /// Write nothing; show what would change, and fail if there are changes
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    diagnostics: DiagnosticOptions,
}

pub(crate) fn run(options: &FmtOptions) -> Outcome {
    let check = options.check;
    let mut planned: Vec<PlannedFile> = vec![];
    let mut formatted = String::new();
    let mut outcome = Ok(());
    for path in &to_format(&options.schemas)? {
        match format_file(path, options.diagnostics.message_format) {
            Ok(Formatted::File(file)) => planned.push(file),
            Ok(Formatted::StandardInput { before, after }) if check => {
                if before != after {
                    print(&generate::unified_diff(
                        (standard_input::NAME, &before),
                        (standard_input::NAME, &after),
                    ))?;
                    complain("error: standard input is not formatted\n");
                    outcome = Err(Failed::Found);
                }
            }
            Ok(Formatted::StandardInput { after, .. }) => formatted.push_str(&after),
            Err(failed) => outcome = Err(failed),
        }
    }
    // An error in one file does not keep the others from being formatted.
    if check {
        generate::compare(&planned, "is not formatted").and(outcome)
    } else {
        write(&planned, true).map_err(|error| fail(&error.to_string()))?;
        let stale = planned.iter().filter(|file| file.is_stale());
        let lines: Vec<String> =
            stale.map(|file| format!("formatted {}\n", file.path.display())).collect();
        print(&(formatted + &lines.concat())).and(outcome)
    }
}

/// Returns the schemas on the command line. If there are none, returns the project's schemas in
/// TOML.
fn to_format(named: &[PathBuf]) -> Result<Vec<PathBuf>, Failed> {
    let mut given = given(named)?;
    given.retain(|path| !named.is_empty() || !is_rust(path));
    Ok(given)
}

fn is_rust(path: &Path) -> bool {
    Language::of(path) == Some(Language::Rust)
}

enum Formatted {
    File(PlannedFile),
    StandardInput { before: String, after: String },
}

fn format_file(path: &Path, messages: MessageFormat) -> Result<Formatted, Failed> {
    if is_rust(path) {
        let path = path.display();
        return Err(fail(&format!("`{path}` is a schema in Rust: use rustfmt to format it")));
    }
    if standard_input::is_meant(path) {
        let before = standard_input::read_text(toml::MAX_FILE_SIZE)
            .map_err(|error| fail(&format!("can't read standard input: {error}")))?;
        let after = format(Path::new(standard_input::NAME), &before, messages)?;
        return Ok(Formatted::StandardInput { before, after });
    }
    let cannot_read = |error: io::Error| fail(&format!("can't read `{}`: {error}", path.display()));
    let before = bpfmap_schema::input::read(path, toml::MAX_FILE_SIZE).map_err(cannot_read)?;
    let before = String::from_utf8(before)
        .map_err(|_| fail(&format!("`{}` is not UTF-8 text", path.display())))?;
    let contents = format(path, &before, messages)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let folder: PathBuf = path.parent().unwrap_or(Path::new("")).to_owned();
    let planned = plan(&folder, vec![GeneratedFile { name, contents }]);
    let planned = planned.map_err(|error| fail(&error.to_string()))?;
    planned.into_iter().next().map(Formatted::File).ok_or(Failed::Found)
}

/// Formats `text`, which messages refer to as `path`. `text` must be valid TOML, but need not be a
/// valid schema.
fn format(path: &Path, text: &str, messages: MessageFormat) -> Result<String, Failed> {
    let Draft { findings, schema, .. } = toml::read_syntax(path, text);
    if findings.is_empty() {
        return Ok(format_text(text));
    }
    show_findings(messages, &findings, &schema.sources);
    Err(Failed::Found)
}

/// Formats a schema in TOML, as `bpfmap fmt` does. The syntax of `text` must be valid.
///
/// ```
/// assert_eq!(bpfmap_cli::format_text("name='maps'"), "name = 'maps'\n");
/// ```
#[must_use]
pub fn format_text(text: &str) -> String {
    layout::write(&document::read(text))
}

fn fail(error: &str) -> Failed {
    complain(&format!("error: {error}\n"));
    Failed::Found
}
