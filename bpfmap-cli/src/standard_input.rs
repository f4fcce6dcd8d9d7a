//! Standard input, in the place of a file: `-`.

use std::io::{self, Read as _};
use std::path::Path;

/// What it is called in messages.
pub(crate) const NAME: &str = "<stdin>";

/// Whether a path stands for standard input.
pub(crate) fn is_meant(path: &Path) -> bool {
    path == Path::new("-")
}

/// Reads all of it.
///
/// # Errors
///
/// Fails if the system refuses, or there are more than `limit` bytes.
pub(crate) fn read(limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![];
    // One byte more than allowed tells that there is too much.
    io::stdin().lock().take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::other(format!("there are more than {} MiB", limit >> 20)));
    }
    Ok(bytes)
}

/// Reads all of it, as text.
///
/// # Errors
///
/// The same, and when it is not UTF-8.
pub(crate) fn read_text(limit: u64) -> io::Result<String> {
    String::from_utf8(read(limit)?).map_err(|_| io::Error::other("it is not UTF-8 text"))
}
