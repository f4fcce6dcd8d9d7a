//! The steps of a longer job. Each step has a heading and consists of commands that must succeed.

use std::process::{Command, Stdio};
use std::time::Instant;

use crate::Error;

/// Announces steps and counts them.
pub(crate) struct Steps {
    total: usize,
    done: usize,
    start: Instant,
}

impl Steps {
    /// Returns a job of `total` steps.
    pub(crate) fn new(total: usize) -> Self {
        Self { total, done: 0, start: Instant::now() }
    }

    /// Begins the next step.
    pub(crate) fn next(&mut self, what: &str) {
        self.done += 1;
        let seconds = self.start.elapsed().as_secs();
        println!("\n[{}/{}] {what}  ({}:{:02})", self.done, self.total, seconds / 60, seconds % 60);
    }
}

/// Runs a command, which shows its own output.
pub(crate) fn run(command: &mut Command) -> Result<(), Error> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(|error| format!("{} can't be run: {error}", shown(command)))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{} failed: {status}", shown(command)).into())
    }
}

/// Runs a command and returns what it writes to its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String, Error> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("{} can't be run: {error}", shown(command)))?;
    if !output.status.success() {
        return Err(format!("{} failed: {}", shown(command), output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Returns the command as a person would type it.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    format!("`{}`", words.join(" "))
}
