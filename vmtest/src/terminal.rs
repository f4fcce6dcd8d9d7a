//! This process's terminal, while a program in a guest uses it.

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use std::io::Stdin;

/// A terminal that passes every key on as it is. It is as before when this is dropped.
#[derive(Debug)]
pub(crate) struct RawTerminal {
    stdin: Stdin,
    before: Termios,
}

impl RawTerminal {
    /// Takes the terminal that the standard input is, if it is one.
    pub(crate) fn take() -> Option<Self> {
        let stdin = std::io::stdin();
        let before = tcgetattr(&stdin).ok()?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(&stdin, OptionalActions::Now, &raw).ok()?;
        Some(Self { stdin, before })
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        // If it is gone there is nothing to restore.
        let _ = tcsetattr(&self.stdin, OptionalActions::Now, &self.before);
    }
}

/// The size of this process's terminal: rows and columns; a common one if there is none.
pub(crate) fn size() -> (u16, u16) {
    match tcgetwinsize(std::io::stdin()) {
        Ok(size) if size.ws_row > 0 && size.ws_col > 0 => (size.ws_row, size.ws_col),
        _ => (24, 80),
    }
}
