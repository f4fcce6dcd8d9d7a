//! Runs a program in a guest as if it ran in place of this process.

use crate::console::tail;
use crate::error::{Context as _, Result};
use crate::guest::{Ended, Guest, GuestEvent, Polled};
use crate::machine::Machine;
use crate::run::Run;
use crate::terminal::{self, RawTerminal};
use std::io::{Read as _, Write};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;

impl Run {
    /// Runs the program in a guest. Returns how the program ended, and the console's log.
    ///
    /// The program reads the standard input of this process, unless [`Run::input`] is set, or
    /// unless the standard input is a terminal and the program has no terminal. The output of the
    /// program is written to `stdout` and `stderr`. Each byte that is read from `signals` is the
    /// number of a signal to send to the program.
    ///
    /// If the program exited with 0 but the kernel made a complaint that is not allowed, the result
    /// is a failure, as in a matrix. If the program has a terminal, complaints are not checked.
    ///
    /// # Errors
    /// Fails if the guest could not be started.
    pub fn run(
        &self,
        machine: &Machine,
        signals: &mut UnixStream,
        stdout: &mut dyn Write,
        stderr: &mut dyn Write,
    ) -> Result<(Ended, String)> {
        let mut guest = Guest::start(machine, self)?;
        let ended = self.attend(&mut guest, signals, stdout, stderr)?;
        let console = guest.console();
        // The exit status of the program says nothing about the kernel's complaints. At a terminal,
        // the user sees the complaints.
        let complained = match ended {
            Ended::Exited(0) if !self.terminal => guest.complained(&self.allowed),
            _ => None,
        };
        let ended = match complained {
            Some(failure) => Ended::Failed(failure, tail(&console, 20)),
            None => ended,
        };
        Ok((ended, console))
    }

    fn attend(
        &self,
        guest: &mut Guest,
        signals: &mut UnixStream,
        stdout: &mut dyn Write,
        stderr: &mut dyn Write,
    ) -> Result<Ended> {
        let stdin = std::io::stdin();
        // A program without its own terminal must not read the keys that are typed at this
        // terminal.
        let mut input = self.input.is_none() && (self.terminal || !rustix::termios::isatty(&stdin));
        let _raw = if self.terminal { RawTerminal::take() } else { None };
        let mut interrupted = 0;
        if !input {
            guest.end_input();
        }
        loop {
            let signals_fd = signals.try_clone().doing("share a socket")?;
            let mut files = vec![signals_fd.as_fd()];
            if input && guest.has_started() && guest.is_hungry() {
                files.push(stdin.as_fd());
            }
            match guest.poll(&files, None)? {
                Polled::Event(GuestEvent::Stdout(bytes)) => {
                    let written = stdout.write_all(&bytes).and_then(|()| stdout.flush());
                    written.doing("write to the standard output")?;
                }
                Polled::Event(GuestEvent::Stderr(bytes)) => {
                    let written = stderr.write_all(&bytes).and_then(|()| stderr.flush());
                    written.doing("write to the standard error")?;
                }
                Polled::Event(GuestEvent::Ended(ended)) => return Ok(ended),
                Polled::Event(GuestEvent::Started) | Polled::Deadline => {}
                Polled::Readable(0) => {
                    let mut number = [0];
                    signals.read_exact(&mut number).doing("read a signal")?;
                    let number = i32::from(number[0]);
                    if number == libc::SIGWINCH {
                        guest.resize(terminal::size());
                        continue;
                    }
                    interrupted += 1;
                    // The second Ctrl-C ends the guest, because the program did not react to the
                    // first.
                    if !guest.has_started() || interrupted > 1 {
                        return Ok(guest.interrupt(&format!("signal {number}")));
                    }
                    guest.signal(number);
                }
                Polled::Readable(_) => {
                    let mut bytes = [0; 4096];
                    let length =
                        rustix::io::read(&stdin, &mut bytes).doing("read the standard input")?;
                    if length == 0 {
                        input = false;
                        guest.end_input();
                    } else {
                        guest.write(&bytes[..length]);
                    }
                }
            }
        }
    }
}
