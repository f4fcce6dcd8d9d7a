//! Reads standard input if the path of a file is `-`.

use std::io::{self, Read as _};
use std::path::Path;

/// The name of standard input in messages.
pub(crate) const NAME: &str = "<stdin>";

/// Returns whether a path stands for standard input.
pub(crate) fn is_meant(path: &Path) -> bool {
    path == Path::new("-")
}

/// Reads all of standard input.
///
/// # Errors
///
/// Fails if standard input can't be read, or contains more than `limit` bytes.
pub(crate) fn read(limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![];
    // The function reads one byte more than the limit, to find out whether the input exceeds the
    // limit.
    io::stdin().lock().take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::other(format!("the input is larger than {} MiB", limit >> 20)));
    }
    Ok(bytes)
}

/// Reads all of standard input as text.
///
/// # Errors
///
/// Fails like [`read`], and if the input is not valid UTF-8.
pub(crate) fn read_text(limit: u64) -> io::Result<String> {
    String::from_utf8(read(limit)?).map_err(|_| io::Error::other("the input is not UTF-8 text"))
}
