//! Downloads files from addresses that a configuration or an image specifies. The addresses may be
//! hostile.

use super::cache::Lock;
use super::downloads::{Download, Downloads};
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::regular;
use rustix::process::{Resource, Rlimit, setrlimit};
use std::net::Ipv4Addr;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The exit status of curl if a file exceeds the size limit.
const TOO_LARGE: i32 = 63;

/// The ways to access an address.
#[derive(Debug, PartialEq, Eq)]
enum Scheme {
    Https,
    /// Without encryption, from this machine itself.
    LocalHttp,
    File(PathBuf),
}

/// Fetches the contents of an address into a new file, at most `limit` bytes.
///
/// # Errors
/// Fails if the address is not an HTTPS address, an address of this machine or a file. Also fails
/// if the contents can't be fetched or are larger than `limit`.
pub(super) fn fetch(
    address: &str,
    headers: &[&str],
    limit: u64,
    target: &Path,
    means: (&Lock, &Downloads),
) -> Result<()> {
    let protocol = match scheme(address)? {
        Scheme::File(source) => {
            let data = regular::read(&source, limit.min(regular::IMAGE))?;
            return std::fs::write(target, data).at("write", target);
        }
        Scheme::Https => "=https",
        Scheme::LocalHttp => "=http",
    };
    // curl uses the proxies and certificates that this machine is configured with.
    let mut command = Command::new("curl");
    command.args(["--fail", "--silent", "--show-error", "--location", "--retry", "2", "--globoff"]);
    command.args(["--proto", protocol, "--proto-redir", "=https"]);
    // The download stops if the server sends nothing for too long.
    command.args(["--connect-timeout", "60", "--speed-limit", "100", "--speed-time", "60"]);
    for header in headers {
        command.args(["--header", header]);
    }
    command.arg("--max-filesize").arg(limit.to_string());
    command.arg("--output").arg(target).args(["--url", address]);
    run(command, address, limit, target, means)
}

fn run(
    mut command: Command,
    address: &str,
    limit: u64,
    target: &Path,
    (lock, downloads): (&Lock, &Downloads),
) -> Result<()> {
    // curl's own limit relies on the size that the server announces, if it announces one.
    let most = Rlimit { current: Some(limit), maximum: Some(limit) };
    // SAFETY: the call is async-signal-safe and allocates nothing.
    unsafe {
        command.pre_exec(move || setrlimit(Resource::Fsize, most).map_err(Into::into));
    }
    let download = Download::of(address, None);
    let output = downloads.run(command, lock, Some((&download, target)))?;
    if output.status.success() {
        return Ok(());
    }
    if output.status.code() == Some(TOO_LARGE) || output.status.signal() == Some(libc::SIGXFSZ) {
        let message = format!("{address} has more than {limit} bytes");
        return Err(Error::new(ErrorKind::TooLarge, message));
    }
    let said = output.stderr.trim();
    Err(Error::new(ErrorKind::Fetch, format!("cannot fetch {address}: {said}")))
}

/// Returns how an address is accessed. Fails if the address is not allowed.
fn scheme(address: &str) -> Result<Scheme> {
    let refused = |what: &str| {
        let message = format!("can't fetch from {address:?}: {what}");
        Error::new(ErrorKind::Configuration, message).help(
            "write https://HOST/PATH, file:///PATH, or http:// with an address of this machine",
        )
    };
    if !address.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
        return Err(refused(
            "a URL can only have ASCII characters, without spaces and backslashes",
        ));
    }
    let (scheme, rest) = address.split_once("://").ok_or_else(|| refused("it has no scheme"))?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match scheme {
        "https" if !host.is_empty() => Ok(Scheme::Https),
        "http" if is_local(host) => Ok(Scheme::LocalHttp),
        "http" => Err(refused("the connection would not be encrypted")),
        "file" if host.is_empty() && !rest.contains(['%', '?', '#']) => {
            Ok(Scheme::File(PathBuf::from(rest)))
        }
        _ => Err(refused("its scheme is not https, http or file, or its host is wrong")),
    }
}

/// Returns whether a host, with or without a port, is this machine. The host must be `localhost` or
/// a numeric address of the loopback interface.
pub(super) fn is_local(host: &str) -> bool {
    let (name, port) = match host.strip_prefix("[::1]") {
        Some(port) => ("localhost", port.strip_prefix(':').unwrap_or(port)),
        None => host.split_once(':').unwrap_or((host, "")),
    };
    let is_loopback =
        name == "localhost" || name.parse().is_ok_and(|ip: Ipv4Addr| ip.is_loopback());
    is_loopback && port.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_asked_without_encryption() {
        for host in
            ["localhost", "localhost:5000", "127.0.0.1", "127.3.2.1:80", "[::1]", "[::1]:80"]
        {
            assert!(is_local(host), "{host}");
            assert_eq!(scheme(&format!("http://{host}/x")).unwrap(), Scheme::LocalHttp, "{host}");
        }
        for host in [
            "127.example.invalid",
            "127.0.0.1.example.invalid",
            "localhost.example.invalid",
            "127.0.0.1@example.invalid",
            "localhost:80@example.invalid",
            "127.1",
            "[::1]@example.invalid",
            "[::2]",
            "0.0.0.0",
            "",
        ] {
            assert!(!is_local(host), "{host}");
            let error = scheme(&format!("http://{host}/x")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{host}");
        }
    }

    #[test]
    fn an_invalid_address_is_not_passed_to_curl() {
        for address in [
            "-K/etc/passwd",
            "--config=x",
            "example.invalid/x",
            "ftp://example.invalid/x",
            "https:///x",
            "https://a b/",
            "http://127.0.0.1\\@example.invalid/",
            "https://a/\n--config",
            "file://example.invalid/etc/passwd",
            "HTTP://127.0.0.1/",
        ] {
            let error = scheme(address).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{address}");
        }
        assert_eq!(scheme("https://example.invalid/x").unwrap(), Scheme::Https);
        let file = Scheme::File(PathBuf::from("/x/y"));
        assert_eq!(scheme("file:///x/y").unwrap(), file);
    }
}
