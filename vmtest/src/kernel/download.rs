//! Downloads.

use crate::error::{Error, ErrorKind, Result};
use std::process::{Command, Stdio};

/// Runs curl, which knows this machine's proxies and certificates; what it printed.
pub(super) fn curl(args: &[&str]) -> Result<Vec<u8>> {
    let mut command = Command::new("curl");
    command.args(["--fail", "--silent", "--show-error", "--location", "--retry", "2"]);
    let output = command.args(args).stdin(Stdio::null()).output().map_err(|error| {
        let error = Error::new(ErrorKind::Fetch, "cannot run curl").because(error);
        error.help("install curl")
    })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Error::new(ErrorKind::Fetch, format!("cannot fetch {}: {said}", args[0])))
}
