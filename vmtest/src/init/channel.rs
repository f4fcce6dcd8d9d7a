//! The serial port through which the guest communicates with the host, or a replacement for it.

use crate::message::{FromGuest, Stream, ToGuest};
use crate::seal::Key;
use crate::wire::{Decoder, Encoder, Record};
use rustix::termios::{OptionalActions, tcdrain, tcgetattr, tcsetattr};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

pub(super) struct Channel {
    port: File,
    encoder: Encoder,
    decoder: Decoder,
}

impl Channel {
    pub(super) fn open(port: &Path) -> io::Result<Self> {
        let mut options = File::options();
        // The port must not become the controlling terminal of this process.
        let port = options.read(true).write(true).custom_flags(libc::O_NOCTTY).open(port)?;
        let mut settings = tcgetattr(&port)?;
        settings.make_raw();
        tcsetattr(&port, OptionalActions::Now, &settings)?;
        Ok(Self::over(port))
    }

    /// Returns a channel over something that needs no setup, such as a socket.
    pub(super) fn over(port: File) -> Self {
        Self { port, encoder: Encoder::default(), decoder: Decoder::default() }
    }

    /// Seals everything that is sent from now on.
    pub(super) fn seal_with(&mut self, key: Key) {
        self.encoder.seal_with(key);
    }

    pub(super) fn send(&mut self, message: &FromGuest) -> io::Result<()> {
        self.port.write_all(&self.encoder.message(message))
    }

    pub(super) fn send_bytes(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        self.port.write_all(&self.encoder.bytes(stream, bytes))
    }

    /// Waits for bytes from the host, and returns the records that they complete.
    pub(super) fn receive(&mut self) -> io::Result<Vec<Record<ToGuest>>> {
        let mut bytes = [0; 4096];
        let length = self.port.read(&mut bytes)?;
        if length == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the harness is gone"));
        }
        self.decoder.push(&bytes[..length]);
        let mut records = Vec::new();
        while let Some(record) =
            self.decoder.next().map_err(|damage| io::Error::other(damage.to_string()))?
        {
            records.push(record);
        }
        Ok(records)
    }

    /// Sends the last record, and waits until it has left the machine.
    pub(super) fn end(&mut self) -> io::Result<()> {
        let records = self.encoder.count();
        self.send(&FromGuest::End { records })?;
        match tcdrain(&self.port) {
            Ok(()) | Err(rustix::io::Errno::NOTTY) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.port.as_fd()
    }
}
