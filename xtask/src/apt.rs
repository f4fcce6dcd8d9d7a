//! Runs apt so that it installs packages and never removes any.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bpfmap_vmtest::kernel::Mirror;

use crate::Error;
use crate::cargo::root;
use crate::step::output;

/// apt with the sources of this machine, with or without an additional suite.
#[derive(Debug)]
pub(crate) struct Apt {
    additional: Option<Additional>,
}

/// A separate state of apt with an additional source, so that this machine's sources and package
/// lists stay unchanged.
#[derive(Debug)]
struct Additional {
    suite: String,
    state: PathBuf,
}

impl Apt {
    /// Returns apt as configured on this machine.
    pub(crate) fn configured() -> Self {
        Self { additional: None }
    }

    /// Returns apt with the backports of this machine's release added.
    ///
    /// # Errors
    ///
    /// Fails if the release or its mirror is not known, or if the state can't be written.
    pub(crate) fn with_backports() -> Result<Self, Error> {
        let release = fs::read_to_string("/etc/os-release")?;
        let codename = codename(&release).ok_or("/etc/os-release has no VERSION_CODENAME")?;
        Self::with_suite(&format!("{codename}-backports"))
    }

    /// Returns apt with a suite of Debian added.
    ///
    /// # Errors
    ///
    /// Fails if the mirror of the suite is not known, or if the state can't be written.
    pub(crate) fn with_suite(suite: &str) -> Result<Self, Error> {
        let mirror = Mirror::configured(None, None);
        let state = root().join("target/apt").join(suite);
        fs::create_dir_all(state.join("lists/partial"))?;
        let mut sources = match fs::read_to_string("/etc/apt/sources.list") {
            Ok(sources) => sources,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(format!("/etc/apt/sources.list: {error}").into()),
        };
        let keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
        let signed = if Path::new(keyring).exists() {
            format!("[signed-by={keyring}] ")
        } else {
            String::new()
        };
        let address = mirror.of(suite)?;
        writeln!(sources, "\ndeb {signed}{address} {suite} main")?;
        fs::write(state.join("sources.list"), sources)?;
        Ok(Self { additional: Some(Additional { suite: suite.to_owned(), state }) })
    }

    /// Returns the suite that packages are installed from.
    pub(crate) fn suite(&self) -> &str {
        self.additional.as_ref().map_or("this release", |additional| &additional.suite)
    }

    /// Returns the command `apt-get`. Users other than root run it with sudo.
    pub(crate) fn command(&self) -> Command {
        let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
        let mut command = if is_root {
            Command::new("apt-get")
        } else {
            let mut sudo = Command::new("sudo");
            sudo.args(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
            sudo
        };
        command.env("DEBIAN_FRONTEND", "noninteractive").arg("--quiet").args(self.settings());
        command
    }

    /// Returns Debian's newest version of `package` for the upstream version `contents`. Debian
    /// appends a suffix to the upstream version. For example, the result for 1.95.0 can be
    /// `1.95.0+dfsg1-2`.
    ///
    /// # Errors
    ///
    /// Fails if apt fails.
    pub(crate) fn version(&self, package: &str, contents: &str) -> Result<Option<String>, Error> {
        let mut madison = Command::new("apt-cache");
        let list = output(madison.args(self.settings()).args(["madison", package]))?;
        Ok(newest(&list, contents).map(str::to_owned))
    }

    /// Returns the options that select the additional suite.
    fn settings(&self) -> Vec<String> {
        let Some(Additional { state, .. }) = &self.additional else { return vec![] };
        let setting = |name: &str, path: &str| format!("{name}={}", state.join(path).display());
        let source = setting("Dir::Etc::SourceList", "sources.list");
        vec!["-o".to_owned(), source, "-o".to_owned(), setting("Dir::State::Lists", "lists")]
    }

    /// Returns the command `apt-get install`. The caller adds the names of packages.
    pub(crate) fn install(&self) -> Command {
        let mut command = self.command();
        command.args(["install", "--yes", "--no-remove", "--no-install-recommends"]);
        if let Some(Additional { suite, .. }) = &self.additional {
            command.args(["--target-release", suite]);
        }
        command
    }

    /// Returns why apt can't install a package without changing what is installed, as the end of a
    /// sentence about the package. Returns `None` if apt can.
    pub(crate) fn obstacle(&self, name: &str) -> Option<String> {
        let mut command = self.install();
        command.args(["--simulate", "--remove", name]).env("LC_ALL", "C");
        // If apt can't be run, the real installation reports it.
        let output = command.stdin(Stdio::null()).output().ok()?;
        obstacle(&String::from_utf8_lossy(&output.stdout), output.status.success())
    }
}

/// Returns the codename in the text of os-release(5): `bookworm`.
fn codename(release: &str) -> Option<&str> {
    let name = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="))?;
    Some(name.trim().trim_matches('"')).filter(|name| !name.is_empty())
}

/// Returns the first version in the output of `apt-cache madison` that belongs to the upstream
/// version `contents`. Each line of the output has the form `PACKAGE | VERSION | SOURCE`.
fn newest<'a>(madison: &'a str, contents: &str) -> Option<&'a str> {
    let mut versions = madison.lines().filter_map(|line| line.split('|').nth(1)).map(str::trim);
    versions.find(|version| {
        version.strip_prefix(contents).is_some_and(|rest| rest.starts_with(['+', '-', '~']))
    })
}

/// Reads the output of an apt simulation: its lines `Remv NAME [VERSION]`, and the dependencies that
/// it lists if it fails.
fn obstacle(simulation: &str, succeeded: bool) -> Option<String> {
    let removals = simulation.lines().filter_map(|line| line.strip_prefix("Remv "));
    let removals: Vec<&str> = removals.filter_map(|line| line.split_whitespace().next()).collect();
    if !removals.is_empty() {
        return Some(format!("conflicts with the installed package {}", removals.join(", ")));
    }
    if succeeded {
        return None;
    }
    let unmet = simulation.split_once("have unmet dependencies:\n");
    let lines = unmet.into_iter().flat_map(|(_, list)| list.lines());
    let reason =
        lines.take_while(|line| line.starts_with(' ')).find_map(|line| line.split_once(" : "));
    let reason = reason.map_or("apt gives no reason", |(_, reason)| reason.trim());
    Some(format!("can't be installed ({reason})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn obstacles_are_found_in_a_simulation() {
        let removal = "Reading package lists...\nRemv qemu-utils [1:10.0.2+ds-2~bpo12+1]\n\
                       Inst qemu-system-common (1:7.2 Debian:12 [amd64])\nConf qemu-system-common (…)\n";
        assert_eq!(
            obstacle(removal, true).unwrap(),
            "conflicts with the installed package qemu-utils"
        );
        let unmet = "Reading package lists...\nThe following packages have unmet dependencies:\n \
                     qemu-system-arm : Depends: qemu-system-common (= 1:7.2) but 1:10.0.2 is to be installed\n";
        assert_eq!(
            obstacle(unmet, false).unwrap(),
            "can't be installed (Depends: qemu-system-common (= 1:7.2) but 1:10.0.2 is to be installed)"
        );
        assert_eq!(obstacle("", false).unwrap(), "can't be installed (apt gives no reason)");
        assert_eq!(obstacle("Inst clang-19 (1:19 Debian:12 [amd64])\n", true), None);
    }

    #[test]
    fn a_release_is_known_by_its_codename() {
        assert_eq!(codename("ID=debian\nVERSION_CODENAME=bookworm\n"), Some("bookworm"));
        assert_eq!(codename("ID=ubuntu\nVERSION_CODENAME=\"noble\"\n"), Some("noble"));
        assert_eq!(codename("ID=arch\n"), None);
    }

    #[test]
    fn a_version_is_known_by_its_contents() {
        let list = " rust-src | 1.97.1+dfsg1-1~bpo13+1 | http://mirror trixie-backports/main amd64 Packages\n \
                    rust-src | 1.95.0+dfsg1-2~bpo13+1 | http://mirror trixie-backports/main amd64 Packages\n";
        assert_eq!(newest(list, "1.95.0"), Some("1.95.0+dfsg1-2~bpo13+1"));
        assert_eq!(newest(list, "1.9"), None);
        assert_eq!(newest("", "1.95.0"), None);
    }

    #[test]
    fn nothing_is_removed_when_packages_are_installed() {
        let command = Apt::configured().install();
        let arguments: Vec<_> = command.get_args().collect();
        assert!(arguments.contains(&"--no-remove".as_ref()), "{arguments:?}");
    }
}
