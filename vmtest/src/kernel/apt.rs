//! Runs apt with separate state. apt fetches package indices and verifies their signatures with
//! Debian's keys. It also fetches packages, which are verified by the index or by a pinned
//! checksum.

use super::Packages;
use super::cache::{Cache, Lock};
use super::downloads::{Download, Downloads};
use super::lock::Package;
use crate::arch::Architecture;
use crate::digest::sha256_of;
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::regular;
use std::cmp::Ordering;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An apt for one suite and one architecture, with its state in the cache. It neither reads nor
/// changes the packages that are installed on this machine, and needs no privileges.
pub(crate) struct Apt<'a> {
    mirror: &'a str,
    downloads: &'a Downloads,
    state: PathBuf,
    cache: &'a Cache,
    suite: &'a str,
    architecture: Architecture,
}

impl<'a> Apt<'a> {
    pub(crate) fn new(
        cache: &'a Cache,
        suite: &'a str,
        packages: &'a Packages,
        architecture: Architecture,
    ) -> Result<Self> {
        check_installed()?;
        let Packages { mirror, downloads, .. } = packages;
        let state = cache.directory(&format!("apt/{suite}{}", architecture.suffix()))?;
        for directory in ["lists/partial", "archives/partial"] {
            let path = state.join(directory);
            std::fs::create_dir_all(&path).at("make the directory", &path)?;
        }
        Ok(Self { mirror: mirror.of(suite)?, downloads, state, cache, suite, architecture })
    }

    /// Fetches the suite's index and returns all packages in it. apt verifies the signature of the
    /// index.
    pub(super) fn index(&self) -> Result<Vec<Package>> {
        const KEYRINGS: [&str; 2] = [
            "/usr/share/keyrings/debian-archive-keyring.gpg",
            "/usr/share/keyrings/debian-archive-keyring.pgp",
        ];
        let keyring =
            KEYRINGS.into_iter().find(|path| Path::new(path).exists()).ok_or_else(|| {
                let message =
                    "Debian's keys are not on this machine, so packages can't be verified";
                Error::new(ErrorKind::Fetch, message)
                    .help("install the package debian-archive-keyring")
            })?;
        // Without this lock, one of two processes would fail to get apt's own lock.
        let lock = self.lock()?;
        let name = self.architecture.spec().debian;
        let source =
            format!("deb [arch={name} signed-by={keyring}] {} {} main\n", self.mirror, self.suite);
        for (name, text) in [("sources.list", source.as_str()), ("status", "")] {
            let path = self.state.join(name);
            std::fs::write(&path, text).at("write", &path)?;
        }
        let index = Download::of(format!("the package index of {}", self.suite), None);
        let partial = self.state.join("lists/partial/none");
        self.call("apt-get", &["update", "--error-on=any"], &lock, Some((&index, &partial)))?;
        Ok(parse_packages(&self.call("apt-cache", &["dumpavail"], &lock, None)?))
    }

    /// Takes the lock that this program holds while apt holds its own.
    fn lock(&self) -> Result<Lock> {
        self.cache.lock(&format!("apt-{}{}", self.suite, self.architecture.suffix()))
    }

    /// Finds packages and all their dependencies, as apt would install them on an empty system.
    pub(crate) fn resolve(&self, names: &[String]) -> Result<Vec<Package>> {
        let index = self.index()?;
        for name in names {
            if !index.iter().any(|package| package.name == *name) {
                return Err(self.lacks(name, &index));
            }
        }
        let lock = self.lock()?;
        let install = ["install", "--simulate", "--no-install-recommends"];
        let names: Vec<&str> =
            install.into_iter().chain(names.iter().map(String::as_str)).collect();
        let said = self.call("apt-get", &names, &lock, None)?;
        let chosen = parse_installs(&said);
        chosen
            .iter()
            .map(|(name, version)| {
                let found = index.iter().find(|it| it.name == *name && it.version == *version);
                found.cloned().ok_or_else(|| self.lacks(name, &index))
            })
            .collect()
    }

    /// Returns the error for a package that is not in the index.
    fn lacks(&self, name: &str, index: &[Package]) -> Error {
        let message = format!("{} has no package `{name}`", self.suite);
        let error = Error::new(ErrorKind::MissingPackage, message);
        let distance =
            |package: &&Package| strsim::damerau_levenshtein(name, package.name.as_str());
        match index.iter().min_by_key(distance).filter(|it| distance(it) <= 2) {
            Some(nearest) => error.help(format!("did you mean `{}`?", nearest.name)),
            None => {
                error.help("search for it on packages.debian.org, or choose another Debian suite")
            }
        }
    }

    /// Fetches a package into a directory, verifies the checksum of the package, and reports the
    /// progress.
    pub(crate) fn fetch(
        &self,
        package: &Package,
        directory: &Path,
        lock: &Lock,
    ) -> Result<PathBuf> {
        let download = Download::of(&package.name, package.size);
        self.fetch_as(package, directory, lock, Some(&download))
    }

    /// Fetches many packages like [`fetch`](Self::fetch), and passes each of them to `take`, which may
    /// remove it. The progress is that of all packages together, under the name `what`.
    pub(crate) fn fetch_all(
        &self,
        what: &str,
        packages: &[Package],
        (directory, lock): (&Path, &Lock),
        mut take: impl FnMut(&Package, &Path) -> Result<()>,
    ) -> Result<()> {
        let mut download = Download::of(what, packages.iter().map(|package| package.size).sum());
        for package in packages {
            self.downloads.report(&download);
            take(package, &self.fetch_as(package, directory, lock, None)?)?;
            download.done += package.size.unwrap_or_default();
            download.begins = false;
        }
        Ok(())
    }

    fn fetch_as(
        &self,
        package: &Package,
        directory: &Path,
        lock: &Lock,
        download: Option<&Download>,
    ) -> Result<PathBuf> {
        let deb = directory.join("package.deb");
        let target = deb.display().to_string();
        let address = format!("{}/{}", self.mirror, package.file);
        let checksum = format!("SHA256:{}", package.sha256);
        let args = ["download-file", &address, &target, &checksum];
        self.call(HELPER, &args, lock, download.map(|download| (download, deb.as_path())))?;
        // apt has compared the checksum already. This check also protects against a future version
        // of apt that interprets the argument differently.
        let found = sha256_of(regular::open(&deb)?).at("read", &deb)?;
        if found != package.sha256 {
            let message = format!("the package {} has a wrong checksum, {found}", package.name);
            return Err(Error::new(ErrorKind::Fetch, message).help("try another --mirror"));
        }
        Ok(deb)
    }

    /// Fetches a package, and unpacks all of it below `directory`, including symbolic links. Use
    /// this only for packages whose checksum is in Debian's index.
    pub(super) fn unpack(&self, package: &Package, directory: &Path, lock: &Lock) -> Result<()> {
        let deb = self.fetch(package, directory, lock)?;
        let mut dpkg = Command::new("dpkg-deb");
        dpkg.arg("--extract").arg(&deb).arg(directory.join("unpacked"));
        output(dpkg, lock, self.downloads, None)?;
        std::fs::remove_file(&deb).at("remove", &deb)
    }

    fn call(
        &self,
        program: &str,
        args: &[&str],
        lock: &Lock,
        download: Option<(&Download, &Path)>,
    ) -> Result<String> {
        let path = |name: &str| self.state.join(name).display().to_string();
        let settings = [
            format!("Dir::State={}", path("")),
            format!("Dir::State::Lists={}", path("lists")),
            format!("Dir::State::status={}", path("status")),
            format!("Dir::Cache={}", path("")),
            format!("Dir::Etc::SourceList={}", path("sources.list")),
            "Dir::Etc::SourceParts=-".to_owned(),
            "APT::Sandbox::User=".to_owned(),
            format!("APT::Architecture={}", self.architecture.spec().debian),
            "Acquire::Languages=none".to_owned(),
            "Acquire::Retries=3".to_owned(),
        ];
        let mut command = Command::new(program);
        command.current_dir(&self.state).env("LC_ALL", "C");
        for setting in settings {
            command.args(["-o", &setting]);
        }
        command.arg("-q").args(args);
        output(command, lock, self.downloads, download)
    }
}

/// The program of apt that fetches single files.
const HELPER: &str = "/usr/lib/apt/apt-helper";

/// Fails if apt is not installed.
fn check_installed() -> Result<()> {
    if Path::new(HELPER).exists() {
        return Ok(());
    }
    let message =
        "apt is not installed, and Debian's kernels and packages can only be fetched with apt";
    Err(Error::new(ErrorKind::Fetch, message).help(
        "install the packages apt, dpkg and debian-archive-keyring, which other distributions have as well; or specify \
         kernels by path in bpfmap-vmtest.toml",
    ))
}

/// The message about a file system without space.
const FULL: &str = "No space left on device";

/// Runs a program until it ends, and returns its output. If the program fails, the error contains
/// the program's errors.
fn output(
    command: Command,
    lock: &Lock,
    downloads: &Downloads,
    download: Option<(&Download, &Path)>,
) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = downloads.run(command, lock, download)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = &output.stderr;
    let kind = if said.contains(FULL) { ErrorKind::NoDiskSpace } else { ErrorKind::Fetch };
    let error =
        Error::new(kind, format!("{program} failed ({}): {}", output.status, errors_of(said)));
    Err(error.help(advice(said)))
}

/// Returns advice on what to do about an error of apt.
fn advice(said: &str) -> &'static str {
    if said.contains(FULL) {
        "free some space, or set XDG_CACHE_HOME to a file system with free space"
    } else if said.contains("NO_PUBKEY") || said.contains("EXPKEYSIG") {
        "Debian's keys on this machine are too old: upgrade the package debian-archive-keyring"
    } else if said.contains("does not have a Release file") {
        "check the name of the suite, or choose another mirror with `--mirror` and `--security-mirror`"
    } else {
        "check the network, or choose another mirror with `--mirror` and `--security-mirror`"
    }
}

/// Returns the errors in apt's messages on one line, each of them once. Without a line that is
/// marked as an error, returns all messages.
fn errors_of(said: &str) -> String {
    let marked: Vec<&str> =
        said.lines().filter_map(|line| line.strip_prefix("E: ")).map(str::trim).collect();
    let all = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut lines: Vec<&str> = if marked.is_empty() { all.collect() } else { marked };
    let mut seen = std::collections::BTreeSet::new();
    lines.retain(|line| seen.insert(*line));
    lines.join("; ")
}

/// Parses a package index.
// Only fields of one line are needed, from an index that apt wrote. The crate deb822-fast refuses
// the whole index if one paragraph is wrong.
fn parse_packages(text: &str) -> Vec<Package> {
    text.split("\n\n")
        .filter_map(|paragraph| {
            let field = |name: &str| {
                paragraph
                    .lines()
                    .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                    .map(str::to_owned)
            };
            let package = Package {
                name: field("Package")?,
                version: field("Version")?,
                file: field("Filename")?,
                sha256: field("SHA256")?,
                kept: None,
                size: field("Size").and_then(|size| size.parse().ok()),
            };
            package.check().ok().map(|()| package)
        })
        .collect()
}

/// Parses the output of `apt-get --simulate`, and returns the names and versions of the packages
/// that apt would install.
fn parse_installs(text: &str) -> Vec<(String, String)> {
    let install = |line: &str| {
        let (name, rest) = line.strip_prefix("Inst ")?.split_once(" (")?;
        let version = rest.split([' ', ')']).next()?;
        // A package of a different architecture has the architecture after its name.
        Some((name.split(':').next()?.to_owned(), version.to_owned()))
    };
    text.lines().filter_map(install).collect()
}

/// Compares versions according to Debian's policy (section 5.6.12). The versions of kernels have no
/// epoch.
// The crate debversion depends on regex, chrono and num-bigint. `dpkg --compare-versions` starts a
// process for each comparison.
pub(super) fn compare_versions(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while !a.is_empty() || !b.is_empty() {
        let text =
            |version: &[u8]| version.iter().take_while(|byte| !byte.is_ascii_digit()).count();
        let (length_a, length_b) = (text(a), text(b));
        let order = |byte: Option<&u8>| match byte {
            Some(b'~') => -1,
            None => 0,
            Some(byte) if byte.is_ascii_alphabetic() => i32::from(*byte),
            Some(byte) => i32::from(*byte) + 256,
        };
        for index in 0..length_a.max(length_b) {
            let byte = |version: &[u8], length| order(version[..length].get(index));
            match byte(a, length_a).cmp(&byte(b, length_b)) {
                Ordering::Equal => {}
                different => return different,
            }
        }
        (a, b) = (&a[length_a..], &b[length_b..]);
        let digits =
            |version: &[u8]| version.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (length_a, length_b) = (digits(a), digits(b));
        let number = |version: &[u8]| {
            let zeros = version.iter().take_while(|byte| **byte == b'0').count();
            (version.len() - zeros, version[zeros..].to_vec())
        };
        match number(&a[..length_a]).cmp(&number(&b[..length_b])) {
            Ordering::Equal => {}
            different => return different,
        }
        (a, b) = (&a[length_a..], &b[length_b..]);
    }
    Ordering::Equal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_dpkg_does() {
        let versions = [
            "6.12.95-1",
            "6.12.115-1~bpo13+1",
            "6.12.115-1",
            "6.12.115-1+deb13u1",
            "6.12.115-10",
            "7.0.4-1",
            "7.0.13-1",
        ];
        for (index, a) in versions.iter().enumerate() {
            for (other, b) in versions.iter().enumerate() {
                assert_eq!(compare_versions(a, b), index.cmp(&other), "{a} {b}");
            }
        }
        assert_eq!(compare_versions("1.01", "1.1"), Ordering::Equal);
    }

    #[test]
    fn the_packages_that_apt_would_install_are_read() {
        let text = "NOTE: This is only a simulation!\nInst libc6 (2.36-9+deb12u9 Debian:12.9/oldstable [amd64]) []\n\
                    Inst dash (0.5.12-2 Debian:12.9/oldstable [amd64])\nConf libc6 (2.36-9+deb12u9 Debian:12.9 [amd64])\n";
        let expected = [("libc6", "2.36-9+deb12u9"), ("dash", "0.5.12-2")];
        assert_eq!(parse_installs(text), expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }

    #[test]
    fn the_advice_depends_on_the_errors_of_apt() {
        for (said, expected) in [
            ("E: The repository 'x bookwurm Release' does not have a Release file.", "the suite"),
            ("W: GPG error: x: NO_PUBKEY 6ED0E7B82643E131", "debian-archive-keyring"),
            ("E: Write error - write (28: No space left on device)", "free some space"),
            ("E: Could not resolve 'deb.debian.org'", "check the network"),
        ] {
            assert!(advice(said).contains(expected), "{said}: {}", advice(said));
        }
    }

    #[test]
    fn errors_of_apt_are_shown_once_and_on_one_line() {
        let said = "W: GPG is old\nE: Failed to fetch x  Could not connect\nE: Failed to fetch x  Could not connect\n\
                    E: Some index files failed to download.\n";
        assert_eq!(
            errors_of(said),
            "Failed to fetch x  Could not connect; Some index files failed to download."
        );
        assert_eq!(errors_of("no mark\n\n at all\n"), "no mark; at all");
    }

    #[test]
    fn an_index_is_read() {
        let sha256 = "ab".repeat(32);
        let text = format!(
            "Package: linux-image-x\nVersion: 1\nDescription: y\n more: text\nFilename: pool/x.deb\n\
             Size: 95\nSHA256: {sha256}\n\nPackage: z\n\n\
             Package: x\nVersion: ../1\nFilename: pool/x.deb\nSHA256: {sha256}\n"
        );
        let package = Package {
            name: "linux-image-x".into(),
            version: "1".into(),
            file: "pool/x.deb".into(),
            sha256,
            kept: None,
            size: Some(95),
        };
        assert_eq!(package.release("linux-image-"), "x");
        assert_eq!(parse_packages(&text), [package]);
    }
}
