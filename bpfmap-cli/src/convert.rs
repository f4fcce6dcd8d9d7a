//! The command `bpfmap convert`.

use std::path::{Path, PathBuf};

use bpfmap_codegen::backend::GeneratedFile;
use bpfmap_codegen::output::{OutputError, PlannedFile, plan, write};
use bpfmap_schema::ir::Schema;
use bpfmap_schema::layout::Layouts;
use bpfmap_schema::print;
use clap::Args;

use crate::options::{BuildOptions, DiagnosticOptions, Language};
use crate::schemas::{Findings, read_as_written};
use crate::{Failed, Outcome, complain, manual, print as show};

/// Convert a TOML schema to Rust with the derives, or a Rust schema to TOML
#[derive(Debug, Args)]
#[command(after_long_help = manual::CONVERT)]
pub(crate) struct ConvertOptions {
    /// A schema in TOML or Rust; the output also contains the schemas that this schema includes
    schema: PathBuf,
    /// The file to write, .rs or .toml; the default is standard output
    #[arg(value_name = "FILE")]
    out: Option<PathBuf>,
    /// The language of the output; the default is the language of FILE, or rust for a schema in
    /// TOML and toml for a schema in Rust
    #[arg(long, value_name = "LANGUAGE")]
    to: Option<Language>,
    /// Overwrite an existing file
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    build: BuildOptions,
    #[command(flatten)]
    diagnostics: DiagnosticOptions,
}

pub(crate) fn run(options: &ConvertOptions) -> Outcome {
    let ConvertOptions { schema, to, force, build, diagnostics, .. } = options;
    let out = options.out.as_deref();
    let language = chosen(*to, "--to", out)?.unwrap_or(match Language::of(schema) {
        Some(Language::Rust) => Language::Toml,
        _ => Language::Rust,
    });
    let schema = read_as_written(schema, Findings::new(build, diagnostics.message_format))?;
    put(&schema, language, out, *force)
}

/// Returns the language of the output. The option determines the language. Without this option, the
/// extension of the output file determines the language. `name` is the name of the option in
/// messages.
pub(crate) fn chosen(
    option: Option<Language>,
    name: &str,
    out: Option<&Path>,
) -> Result<Option<Language>, Failed> {
    let (None, Some(out)) = (option, out) else { return Ok(option) };
    if let Some(language) = Language::of(out) {
        return Ok(Some(language));
    }
    complain(&format!(
        "error: `{}` has an unknown extension: use .rs or .toml, or `{name}`\n",
        out.display()
    ));
    Err(Failed::Usage)
}

/// Writes a schema to a file, or to standard output.
pub(crate) fn put(schema: &Schema, language: Language, out: Option<&Path>, force: bool) -> Outcome {
    let text = match language {
        Language::Rust => print::rust::print(schema, &Layouts::new(schema)),
        Language::Toml => print::toml::print(schema),
    };
    let Some(out) = out else { return show(&text) };
    let file = GeneratedFile {
        name: out.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        contents: text,
    };
    let folder = out.parent().unwrap_or(Path::new(""));
    let planned = plan(folder, vec![file]).map_err(|error| fail(&error))?;
    // After the first time, the file belongs to its author.
    if let Some(there) = planned.iter().find(|file| file.is_stale() && file.present.is_some())
        && !force
    {
        complain(&format!(
            "error: `{}` already exists: choose another file, or use `--force` to overwrite this one\n",
            there.path.display()
        ));
        return Err(Failed::Found);
    }
    write(&planned, force).map_err(|error| fail(&error))?;
    if planned.iter().any(PlannedFile::is_stale) {
        show(&format!("wrote {}\n", out.display()))?;
    }
    Ok(())
}

fn fail(error: &OutputError) -> Failed {
    complain(&format!("error: {error}\n"));
    Failed::Found
}
