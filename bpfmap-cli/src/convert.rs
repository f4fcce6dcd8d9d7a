//! `bpfmap convert`.

use std::path::{Path, PathBuf};

use bpfmap_codegen::backend::GeneratedFile;
use bpfmap_codegen::layout::Layouts;
use bpfmap_codegen::output::{OutputError, Planned, plan, write};
use bpfmap_codegen::print;
use clap::ArgMatches;

use crate::{Failed, Outcome, complain, print as show, schemas};

pub(crate) fn run(matches: &ArgMatches) -> Outcome {
    let path = matches.get_one::<PathBuf>("schema").cloned().unwrap_or_default();
    let out = matches.get_one::<PathBuf>("out");
    let to_rust = match (matches.get_one::<String>("to"), out) {
        (Some(to), _) => to == "rust",
        (None, Some(out)) => is_rust(out)?,
        (None, None) => path.extension().is_none_or(|extension| extension != "rs"),
    };
    let schema = schemas::read_as_written(matches, &path)?;
    let text = if to_rust {
        print::rust::print(&schema, &Layouts::new(&schema))
    } else {
        print::toml::print(&schema)
    };
    let Some(out) = out else { return show(&text) };
    let file = GeneratedFile {
        name: out.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        contents: text,
    };
    let folder = out.parent().unwrap_or(Path::new(""));
    let planned = plan(folder, vec![file]).map_err(|error| fail(&error))?;
    // What was written once is its author's from then on.
    let force = matches.get_flag("force");
    if let Some(there) = planned.iter().find(|file| file.is_stale() && file.present.is_some())
        && !force
    {
        complain(&format!(
            "error: `{}` is there already, and is left alone: name another file, or overwrite it \
             with `--force`\n",
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

/// What the name of a file says of what is in it.
fn is_rust(path: &Path) -> Result<bool, Failed> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("rs") => Ok(true),
        Some("toml") => Ok(false),
        _ => {
            complain(&format!(
                "error: `{}` tells not what to write: let it end in .rs or .toml, or say `--to`\n",
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
