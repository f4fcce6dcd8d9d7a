//! The chapters in `docs/`, as their authors wrote them.

use std::fs;
use std::path::Path;

use crate::include::{END_OF_FACTS, FACTS, Resolved, resolve};
use crate::problem::{Problem, Problems};

/// The directory of the chapters, relative to the root of the repository.
pub const DOCS: &str = "docs";

/// The table of contents. It is not a chapter.
pub(crate) const SUMMARY: &str = "SUMMARY.md";

/// A page that was written by hand.
#[derive(Debug, Clone)]
pub struct Chapter {
    /// The path of the file, relative to the root of the repository, such as
    /// `docs/map-types/hash.md`.
    pub file: String,
    /// The text with resolved includes, and without generated parts.
    pub text: String,
    /// For each line of the text, the number of the line in the file from which it comes.
    lines: Vec<usize>,
}

impl Chapter {
    /// Returns a chapter with this text.
    ///
    /// # Errors
    ///
    /// Fails if an include can't be resolved. The paths of includes are relative to the directory
    /// of `file` below `root`.
    pub fn new(root: &Path, file: &str, text: &str) -> Result<Self, Problem> {
        let folder = root.join(file);
        let folder = folder.parent().unwrap_or(root);
        match resolve(text, folder) {
            Ok(Resolved { text, lines }) => Ok(Self { file: file.to_owned(), text, lines }),
            Err((line, message)) => Err(Problem { file: file.to_owned(), line, message }),
        }
    }

    /// Returns a page with this text. Includes in the text are not resolved.
    #[must_use]
    pub fn verbatim(file: String, text: String) -> Self {
        let lines = (1..=text.lines().count()).collect();
        Self { file, text, lines }
    }

    /// Returns the chapter with a generated part at this offset, which must be the beginning of a
    /// line. Comments mark the part, so that it can be a part of the file too: it is left out when
    /// the file is read.
    #[must_use]
    pub(crate) fn with_facts(mut self, offset: usize, facts: &str) -> Self {
        let (before, after) = if offset == self.text.len() { ("\n", "") } else { ("", "\n") };
        let facts = facts.trim_matches('\n');
        let text = &format!("{before}{FACTS}\n\n{facts}\n\n{END_OF_FACTS}\n{after}");
        let line = self.line(offset);
        let index = self.text[..offset].matches('\n').count();
        self.lines.splice(index..index, text.lines().map(|_| line));
        self.text.insert_str(offset, text);
        self
    }

    /// Returns the line of the file from which the text at this offset comes.
    #[must_use]
    pub fn line(&self, offset: usize) -> usize {
        let index = self.text[..offset.min(self.text.len())].matches('\n').count();
        self.lines.get(index).or(self.lines.last()).copied().unwrap_or(1)
    }

    /// Returns the description of a mistake in the text at this offset.
    pub(crate) fn problem(&self, offset: usize, message: impl Into<String>) -> Problem {
        Problem { file: self.file.clone(), line: self.line(offset), message: message.into() }
    }

    /// Returns whether a part of the page is generated.
    #[must_use]
    pub fn has_facts(&self) -> bool {
        self.text.contains(FACTS)
    }

    /// Returns a name that is an identifier in C and Rust and that is unique among the chapters,
    /// such as `map_types_hash`.
    #[must_use]
    pub fn name(&self) -> String {
        let path = self.file.strip_prefix(DOCS).unwrap_or(&self.file);
        let path = path.trim_start_matches('/').trim_end_matches(".md");
        path.replace(|c: char| !c.is_ascii_alphanumeric(), "_").to_lowercase()
    }
}

/// Reads all chapters of the repository at `root`, sorted by path.
///
/// # Errors
///
/// Fails if a file can't be read, or an include can't be resolved.
pub fn read_all(root: &Path) -> Result<Vec<Chapter>, Problems> {
    let mut files = vec![];
    let mut problems = vec![];
    collect(root, DOCS, &mut files, &mut problems);
    files.retain(|file| has_extension(file, "md") && *file != format!("{DOCS}/{SUMMARY}"));
    let mut chapters = vec![];
    for file in files {
        match read(root, &file) {
            Ok(chapter) => chapters.push(chapter),
            Err(problem) => problems.push(problem),
        }
    }
    Problems(problems).into_result()?;
    Ok(chapters)
}

/// Reads a page of the repository at `root`.
///
/// # Errors
///
/// Fails if the file can't be read, or an include can't be resolved.
pub fn read(root: &Path, file: &str) -> Result<Chapter, Problem> {
    let text = fs::read_to_string(root.join(file)).map_err(|error| unreadable(file, &error))?;
    Chapter::new(root, file, &text)
}

/// Returns whether the name of a file ends with `.` and `extension`.
#[must_use]
pub fn has_extension(file: &str, extension: &str) -> bool {
    Path::new(file).extension().is_some_and(|it| it == extension)
}

/// Returns all files in a directory below `root` and in its subdirectories, sorted by path.
///
/// # Errors
///
/// Fails if a directory can't be read.
pub(crate) fn files(root: &Path, folder: &str) -> Result<Vec<String>, Problems> {
    let (mut files, mut problems) = (vec![], vec![]);
    collect(root, folder, &mut files, &mut problems);
    Problems(problems).into_result()?;
    Ok(files)
}

fn collect(root: &Path, folder: &str, files: &mut Vec<String>, problems: &mut Vec<Problem>) {
    let names = fs::read_dir(root.join(folder)).and_then(|entries| {
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.collect::<std::io::Result<Vec<String>>>()
    });
    let mut names = match names {
        Ok(names) => names,
        Err(error) => return problems.push(unreadable(folder, &error)),
    };
    names.sort();
    for name in names {
        let path = format!("{folder}/{name}");
        if root.join(&path).is_dir() {
            collect(root, &path, files, problems);
        } else {
            files.push(path);
        }
    }
}

fn unreadable(file: &str, error: &std::io::Error) -> Problem {
    Problem { file: file.to_owned(), line: 1, message: format!("can't be read: {error}") }
}
