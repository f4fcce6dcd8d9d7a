//! The files that reports are written to.

use super::{SUMMARY_LIMIT, html, junit, markdown};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, KernelResult};
use crate::progress::Progress;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The files that reports are written to. `None` disables a report.
#[derive(Debug, Clone, Default)]
pub struct Files {
    /// The file for the events, as JSON lines.
    pub json: Option<PathBuf>,
    /// The file for a report for continuous integration, as `JUnit` XML.
    pub junit: Option<PathBuf>,
    /// The file for a report for people, as a single HTML page.
    pub html: Option<PathBuf>,
    /// The file to which a Markdown report is appended. On GitHub, this is the job summary.
    pub summary: Option<PathBuf>,
}

/// Writes reports: the events as they occur, and the other reports at the end.
#[derive(Debug)]
pub struct Recorder {
    files: Files,
    json: Option<File>,
    unwritten: Option<io::Error>,
}

impl Files {
    /// Creates the file for the events.
    ///
    /// # Errors
    /// Fails if the file can't be created.
    pub fn open(self) -> Result<Recorder> {
        let create = |path: &PathBuf| File::create(path).map_err(|error| unwritable(path, error));
        let json = self.json.as_ref().map(create).transpose()?;
        Ok(Recorder { files: self, json, unwritten: None })
    }
}

impl Recorder {
    /// Writes a final result. If the write fails, the error is reported at the end.
    pub fn record(&mut self, progress: &Progress) {
        if let (Progress::Event(event), Some(file)) = (progress, &mut self.json) {
            let line = serde_json::to_string(event).map_err(io::Error::from);
            if let Err(error) = line.and_then(|line| writeln!(file, "{line}")) {
                self.unwritten.get_or_insert(error);
            }
        }
    }

    /// Writes the other reports.
    ///
    /// # Errors
    /// Fails if a file can't be written, or if writing the events failed earlier.
    pub fn finish(self, events: &[Event]) -> Result<()> {
        let Files { json, junit: junit_path, html: html_path, summary } = &self.files;
        if let (Some(error), Some(path)) = (self.unwritten, json) {
            return Err(unwritable(path, error));
        }
        if let Some(path) = junit_path {
            write(path, &junit(events))?;
        }
        if let Some(path) = html_path {
            let console =
                |kernel: &KernelResult| std::fs::read_to_string(kernel.console.as_ref()?).ok();
            write(path, &html(events, console))?;
        }
        if let Some(path) = summary {
            let file = File::options().create(true).append(true).open(path);
            file.and_then(|mut file| {
                // Earlier commands of the same step may have written a part of the summary.
                let written = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
                let limit = SUMMARY_LIMIT.saturating_sub(written);
                file.write_all(markdown(events, limit).as_bytes())
            })
            .map_err(|error| unwritable(path, error))?;
        }
        Ok(())
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(|error| unwritable(path, error))
}

fn unwritable(path: &Path, error: io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("cannot write {}", path.display())).because(error)
}
