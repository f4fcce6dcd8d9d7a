//! `bpfmap convert`.

use std::path::{Path, PathBuf};

use bpfmap_codegen::backend::GeneratedFile;
use bpfmap_codegen::output::{OutputError, Planned, plan, write};
use bpfmap_schema::layout::Layouts;
use bpfmap_schema::print;
use clap::ArgMatches;

use crate::{Failed, Outcome, complain, print as show, schemas};

pub(crate) fn run(matches: &ArgMatches) -> Outcome {
    let path = matches.get_one::<PathBuf>("schema").cloned().unwrap_or_default();
    let out = matches.get_one::<PathBuf>("out");
    let other = path.extension().is_none_or(|extension| extension != "rs");
    let to_rust = language(matches, "to", out, other)?;
    let schema = schemas::read_as_written(matches, &path)?;
    let text = if to_rust {
        print::rust::print(&schema, &Layouts::new(&schema))
    } else {
        print::toml::print(&schema)
    };
    put(matches, out, text)
}

/// Whether to write Rust. The option `option` decides, or else the extension of the output file, or
/// else `unless_said`.
pub(crate) fn language(
    matches: &ArgMatches,
    option: &str,
    out: Option<&PathBuf>,
    unless_said: bool,
) -> Result<bool, Failed> {
    match (matches.get_one::<String>(option), out) {
        (Some(said), _) => Ok(said == "rust"),
        (None, Some(out)) => is_rust(out, option),
        (None, None) => Ok(unless_said),
    }
}

/// Writes a schema to a file, or to standard output.
pub(crate) fn put(matches: &ArgMatches, out: Option<&PathBuf>, text: String) -> Outcome {
    let Some(out) = out else { return show(&text) };
    let file = GeneratedFile {
        name: out.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        contents: text,
    };
    let folder = out.parent().unwrap_or(Path::new(""));
    let planned = plan(folder, vec![file]).map_err(|error| fail(&error))?;
    // After the first time, the file belongs to its author.
    let force = matches.get_flag("force");
    if let Some(there) = planned.iter().find(|file| file.is_stale() && file.present.is_some())
        && !force
    {
        complain(&format!(
            "error: `{}` already exists: name another file, or overwrite it with `--force`\n",
            there.path.display()
        ));
        return Err(Failed::Found);
    }
    write(&planned, force).map_err(|error| fail(&error))?;
    if planned.iter().any(Planned::is_stale) {
        show(&format!("wrote {}\n", out.display()))?;
    }
    Ok(())
}

/// Returns whether the extension of a file is that of Rust.
fn is_rust(path: &Path, option: &str) -> Result<bool, Failed> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("rs") => Ok(true),
        Some("toml") => Ok(false),
        _ => {
            complain(&format!(
                "error: `{}` has an unknown extension: use .rs or .toml, or `--{option}`\n",
                path.display()
            ));
            Err(Failed::Usage)
        }
    }
}

fn fail(error: &OutputError) -> Failed {
    complain(&format!("error: {error}\n"));
    Failed::Found
}
