//! Signals to this process.

use crate::{Error, ErrorKind, Result};
use rustix::net::{SendFlags, send};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
use std::os::unix::net::UnixStream;

/// Returns a socket that receives the number of each signal that is sent to this process, as one
/// byte. From then on, the signals have no other effect.
///
/// # Errors
/// Fails if the process has no free file descriptor.
pub fn listen() -> Result<UnixStream> {
    let failed = |error| Error::new(ErrorKind::Io, "cannot handle signals").because(error);
    let (read, write) = UnixStream::pair().map_err(failed)?;
    for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH] {
        let write = write.try_clone().map_err(failed)?;
        let number = u8::try_from(signal).unwrap_or_default();
        // SAFETY: the action only writes a byte to a socket, which is async-signal-safe.
        let registered = unsafe {
            signal_hook::low_level::register(signal, move || {
                // If nobody reads the numbers any more, this process is about to end.
                let _ = send(&write, &[number], SendFlags::DONTWAIT);
            })
        };
        registered.map_err(failed)?;
    }
    Ok(read)
}
