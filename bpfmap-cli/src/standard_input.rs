//! Standard input in place of a file: `-`.

use std::io::{self, Read as _};
use std::path::Path;

/// The name of standard input in messages.
pub(crate) const NAME: &str = "<stdin>";

/// Whether a path stands for standard input.
pub(crate) fn is_meant(path: &Path) -> bool {
    path == Path::new("-")
}

/// Reads all of standard input.
///
/// # Errors
///
/// Fails if reading fails, or if there are more than `limit` bytes.
pub(crate) fn read(limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![];
    // Reading one byte more than allowed shows whether there is too much.
    io::stdin().lock().take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::other(format!("there are more than {} MiB", limit >> 20)));
    }
    Ok(bytes)
}

/// Reads all of standard input as text.
///
/// # Errors
///
/// Fails like [`read`], and if the input is not UTF-8.
pub(crate) fn read_text(limit: u64) -> io::Result<String> {
    String::from_utf8(read(limit)?).map_err(|_| io::Error::other("it is not UTF-8 text"))
}
