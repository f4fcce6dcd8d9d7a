//! Reads the project file, `bpfmap.toml`. The file lists the schemas of a project, the files to
//! generate from these schemas, the output folders, and the kernels to test on. `docs/projects.md`
//! describes the format.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use bpfmap_schema::diagnostics::{Style, printable};
use bpfmap_schema::input;
use bpfmap_vmtest::config;
use serde::Deserialize;
use toml::Spanned;

use crate::output_folder::OutputFolder;
use crate::{Failed, complain, complain_as_is, style};

/// The name of the project file.
pub(crate) const FILE: &str = config::PROJECT;

/// The maximum size of a project file, in bytes.
const MAX_FILE_SIZE: u64 = 1 << 20;

/// The contents of a project file. Paths are absolute, or relative to the current directory.
#[derive(Debug)]
pub struct Project {
    /// The paths of the schemas. There is at least one.
    pub schemas: Vec<PathBuf>,
    /// The names of the kernels to test on, in the form that `bpfmap-vmtest` uses. Empty if the
    /// file lists no kernels.
    pub kernels: Vec<String>,
    /// The files to generate.
    pub outputs: Vec<OutputFolder>,
    /// The Git revision that schemas are compared with.
    pub against: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schemas: Spanned<Vec<Spanned<PathBuf>>>,
    #[serde(default)]
    kernels: Vec<String>,
    #[serde(default)]
    generate: Vec<OutputFolder>,
    #[serde(default)]
    diff: Diff,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Diff {
    against: Option<String>,
}

impl Project {
    /// Reads the project file in the current directory, or in the nearest parent directory that has
    /// a project file. Returns `None` if no project file exists.
    ///
    /// # Errors
    ///
    /// Fails if the file can't be read or is not valid, or if another user could have written the
    /// file. In these cases, the function has already printed the error.
    pub fn find() -> Result<Option<Self>, Failed> {
        let Some(path) = config::find(FILE).map_err(|error| fail(&error.to_string()))? else {
            return Ok(None);
        };
        // Paths are relative if the current directory is the project's directory, so that messages
        // are short.
        let here = std::env::current_dir().unwrap_or_default();
        let path = path.strip_prefix(&here).map(Path::to_owned).unwrap_or(path);
        Self::read(&path).map(Some)
    }

    /// Reads the project file like [`find`](Self::find), for a command that needs a project.
    ///
    /// # Errors
    ///
    /// Fails like [`find`](Self::find), and if no project file exists. In this case, the message
    /// begins with `missing`, which says what is missing on the command line.
    pub(crate) fn needed(missing: &str) -> Result<Self, Failed> {
        let Some(project) = Self::find()? else {
            complain(&format!(
                "error: {missing}, and there is no `{FILE}` in this folder or a parent folder\n"
            ));
            return Err(Failed::Usage);
        };
        Ok(project)
    }

    fn read(path: &Path) -> Result<Self, Failed> {
        let shown = path.display();
        let bytes = input::read(path, MAX_FILE_SIZE)
            .map_err(|error| fail(&format!("can't read `{shown}`: {error}")))?;
        let text =
            String::from_utf8(bytes).map_err(|_| fail(&format!("`{shown}` is not UTF-8 text")))?;
        let mistake = |message: &str, span: Range<usize>| {
            show(path, &text, message, span);
            Failed::Found
        };
        let file: File = toml::from_str(&text)
            .map_err(|error| mistake(error.message(), error.span().unwrap_or_default()))?;

        let folder = path.parent().unwrap_or(Path::new(""));
        let mut schemas = vec![];
        for entry in file.schemas.get_ref() {
            let within = folder.join(entry.get_ref());
            let found = schemas_at(&within).map_err(|error| {
                mistake(&format!("can't read `{}`: {error}", within.display()), entry.span())
            })?;
            if found.is_empty() {
                let message =
                    format!("the folder `{}` contains no schema in TOML", within.display());
                return Err(mistake(&message, entry.span()));
            }
            schemas.extend(found);
        }
        if schemas.is_empty() {
            return Err(mistake("a project needs at least one schema", file.schemas.span()));
        }
        let mut outputs = file.generate;
        for output in &mut outputs {
            output.out = folder.join(&output.out);
        }
        Ok(Self { schemas, kernels: file.kernels, outputs, against: file.diff.against })
    }
}

/// Returns `path` itself if it is a file. If `path` is a directory, returns the schemas in TOML in
/// this directory.
fn schemas_at(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries: Result<Vec<_>, _> = fs::read_dir(path)?.collect();
    let paths = entries?.into_iter().map(|entry| entry.path());
    let mut schemas: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    schemas.sort();
    Ok(schemas)
}

/// Prints an error with its position in the project file, in the same format as errors in schemas.
fn show(path: &Path, text: &str, message: &str, span: Range<usize>) {
    let renderer = match style() {
        Style::Plain => Renderer::plain(),
        Style::Ansi => Renderer::styled(),
    };
    let (path, text, message) = (path.display().to_string(), text, printable(message));
    let snippet = Snippet::source(text).path(path).annotation(AnnotationKind::Primary.span(span));
    let report = Level::ERROR.primary_title(message).element(snippet);
    complain_as_is(&format!("{}\n\n", renderer.render(&[report])));
}

fn fail(error: &str) -> Failed {
    complain(&format!("error: {error}\n"));
    Failed::Found
}
