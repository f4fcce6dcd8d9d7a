//! Kernels from Debian's packages, which apt fetches and verifies in a state of its own: it neither
//! reads nor changes what is installed on this machine, and needs no privilege.

use super::cache::{Cache, fill_directory};
use super::{Manifest, Mirror, image};
use crate::error::{Context as _, Error, ErrorKind, Result};
use std::cmp::Ordering;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A line of kernels in Debian.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) name: &'static str,
    suite: &'static str,
    /// What the name of the package with the image begins with, before the version.
    image: &'static str,
    /// What the name of the package with the modules begins with.
    modules: &'static str,
    /// What the kernel needs on its command line to be like its successors.
    pub(super) arguments: &'static [&'static str],
}

/// From 6.19 on `linux-image` is an empty shell around `linux-binary` and `linux-modules`.
pub(super) const LINES: [Line; 11] = [
    // BPF is built into 5.10's security modules, but not in the list of those that are on.
    Line { arguments: &["lsm=lockdown,yama,apparmor,bpf"], ..whole("5.10", "bullseye-security") },
    whole("6.1", "bookworm-security"),
    whole("6.12", "trixie-security"),
    whole("6.16", "trixie-backports"),
    whole("6.17", "trixie-backports"),
    whole("6.18", "trixie-backports"),
    split("6.19"),
    split("7.0"),
    split("7.1"),
    split("7.2"),
    split("7.3"),
];

const fn whole(name: &'static str, suite: &'static str) -> Line {
    Line { name, suite, image: "linux-image-", modules: "linux-image-", arguments: &[] }
}

const fn split(name: &'static str) -> Line {
    Line { image: "linux-binary-", modules: "linux-modules-", ..whole(name, "trixie-backports") }
}

/// The flavour that boots fastest: it leaves out drivers of hardware that no virtual machine has.
const FLAVOUR: &str = "-cloud-amd64";

/// The line by that name.
pub(super) fn line(name: &str) -> Result<&'static Line> {
    LINES.iter().find(|line| line.name == name).ok_or_else(|| {
        let known: Vec<_> = LINES.iter().map(|line| line.name).collect();
        Error::new(ErrorKind::UnknownKernel, format!("no kernel line is called {name}"))
            .help(format!("known are {}", known.join(", ")))
    })
}

/// The directory with the newest kernel of a line that is in the cache.
pub(super) fn cached(line: &Line, cache: &Cache) -> Result<Option<PathBuf>> {
    newest_cached(&cache.directory(&format!("kernels/{}", line.name))?)
}

/// The directory with the newest kernel of a line that is in the cache; fetches one if none is.
pub(super) fn ensure(line: &Line, cache: &Cache, mirror: &Mirror) -> Result<PathBuf> {
    let parent = cache.directory(&format!("kernels/{}", line.name))?;
    if let Some(directory) = newest_cached(&parent)? {
        return Ok(directory);
    }
    let _lock = cache.lock(&format!("kernel-{}", line.name))?;
    if let Some(directory) = newest_cached(&parent)? {
        return Ok(directory);
    }
    let apt = Apt::update(cache, line.suite, mirror)?;
    let package = apt.newest(line.image, line.name)?;
    let target = parent.join(&package.version);
    fill_directory(&target, |directory| {
        let unpacked = apt.unpack(&package, directory)?;
        let release = package.release(line.image).to_owned();
        let path = find_image(&unpacked, &release).ok_or_else(|| {
            let message = format!("the package {} has no kernel image", package.name);
            Error::new(ErrorKind::KernelCorrupt, message)
        })?;
        let image = std::fs::read(&path).at("read", &path)?;
        let vmlinux = image::vmlinux(&image, &path.display().to_string())?;
        write(&directory.join("vmlinux"), &vmlinux)?;
        if line.modules == line.image {
            keep_modules(&unpacked, &release, directory, &package)?;
        }
        super::cache::remove_directory(&unpacked)?;
        let origin = format!("{} {}", package.name, package.version);
        let manifest = Manifest { release, origin, digest: package.sha256.clone() };
        let text = serde_json::to_vec_pretty(&manifest).expect("a manifest is plain data");
        write(&directory.join("kernel.json"), &text)
    })?;
    Ok(target)
}

/// The directory with a kernel's modules; fetches their package if it is not there.
pub(super) fn ensure_modules(
    line: &Line,
    directory: &Path,
    release: &str,
    mirror: &Mirror,
) -> Result<PathBuf> {
    let modules = directory.join("modules");
    let cache = Cache::open()?;
    if modules.exists() {
        return Ok(modules);
    }
    let _lock = cache.lock(&format!("kernel-{}", line.name))?;
    if modules.exists() {
        return Ok(modules);
    }
    let apt = Apt::update(&cache, line.suite, mirror)?;
    let name = format!("{}{release}", line.modules);
    let package = apt.packages()?.into_iter().find(|package| package.name == name).ok_or_else(|| {
        Error::new(ErrorKind::MissingModule, format!("the package {name}, which has the modules of kernel {}, has left the index of {}", line.name, line.suite))
            .help("run what needs no module on this kernel, or leave this kernel out")
    })?;
    let staging = directory.join("modules-package");
    fill_directory(&staging, |staging| {
        let unpacked = apt.unpack(&package, staging)?;
        keep_modules(&unpacked, release, staging, &package)?;
        super::cache::remove_directory(&unpacked)
    })?;
    std::fs::rename(staging.join("modules"), &modules).at("put in place", &modules)?;
    super::cache::remove_directory(&staging)?;
    Ok(modules)
}

fn newest_cached(parent: &Path) -> Result<Option<PathBuf>> {
    let entries = std::fs::read_dir(parent).at("list", parent)?;
    Ok(entries
        .flatten()
        .filter(|entry| entry.path().join("kernel.json").exists())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.ends_with(".unfinished"))
        .max_by(|a, b| compare_versions(a, b))
        .map(|name| parent.join(name)))
}

fn find_image(unpacked: &Path, release: &str) -> Option<PathBuf> {
    let places = [format!("boot/vmlinuz-{release}"), format!("usr/lib/modules/{release}/vmlinuz")];
    places.iter().map(|place| unpacked.join(place)).find(|path| path.exists())
}

fn keep_modules(unpacked: &Path, release: &str, directory: &Path, package: &Package) -> Result<()> {
    let places = ["lib/modules", "usr/lib/modules"];
    let found =
        places.iter().map(|place| unpacked.join(place).join(release)).find(|path| path.exists());
    let found = found.ok_or_else(|| {
        Error::new(ErrorKind::MissingModule, format!("the package {} has no modules", package.name))
    })?;
    let target = directory.join("modules");
    std::fs::rename(&found, &target).at("put in place", &target)
}

fn write(path: &Path, data: &[u8]) -> Result<()> {
    std::fs::write(path, data).at("write", path)
}

/// A package in the index of a suite.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Package {
    name: String,
    version: String,
    sha256: String,
}

impl Package {
    /// The kernel's release: what follows the prefix in the package's name.
    fn release(&self, prefix: &str) -> &str {
        self.name.strip_prefix(prefix).unwrap_or(&self.name)
    }
}

/// apt, with its state in the cache, for one suite.
struct Apt {
    state: PathBuf,
    suite: &'static str,
}

impl Apt {
    /// Fetches the suite's index, whose signature apt verifies with Debian's keys.
    fn update(cache: &Cache, suite: &'static str, mirror: &Mirror) -> Result<Self> {
        const KEYRINGS: [&str; 2] = [
            "/usr/share/keyrings/debian-archive-keyring.gpg",
            "/usr/share/keyrings/debian-archive-keyring.pgp",
        ];
        let keyring =
            KEYRINGS.into_iter().find(|path| Path::new(path).exists()).ok_or_else(|| {
                Error::new(
                    ErrorKind::Fetch,
                    "Debian's keys are not on this machine, so nothing fetched could be verified",
                )
                .help("install the package debian-archive-keyring")
            })?;
        let state = cache.directory(&format!("apt/{suite}"))?;
        for directory in ["lists/partial", "archives/partial"] {
            let path = state.join(directory);
            std::fs::create_dir_all(&path).at("make the directory", &path)?;
        }
        let source =
            format!("deb [arch=amd64 signed-by={keyring}] {} {suite} main\n", mirror.of(suite)?);
        write(&state.join("sources.list"), source.as_bytes())?;
        write(&state.join("status"), b"")?;
        let apt = Self { state, suite };
        // Two processes would each find the other's lock of apt in the way.
        let _lock = cache.lock(&format!("apt-{suite}"))?;
        apt.call("apt-get", &["update", "--error-on=any"])?;
        Ok(apt)
    }

    /// The package of the newest kernel of a line.
    fn newest(&self, prefix: &str, line: &str) -> Result<Package> {
        let of_line = |package: &Package| {
            package
                .name
                .strip_prefix(prefix)
                .and_then(|name| name.strip_suffix(FLAVOUR))
                .and_then(|name| name.strip_prefix(line))
                // Not `6.1-cloud-amd64`, which only depends on the newest.
                .is_some_and(|rest| rest.starts_with('.'))
        };
        self.packages()?
            .into_iter()
            .filter(of_line)
            .max_by(|a, b| compare_versions(&a.version, &b.version))
            .ok_or_else(|| {
                let message = format!("{} has no kernel of the line {line}", self.suite);
                Error::new(ErrorKind::Fetch, message).help("pass --mirror with one that has it")
            })
    }

    fn packages(&self) -> Result<Vec<Package>> {
        Ok(parse_packages(&self.call("apt-cache", &["dumpavail"])?))
    }

    /// Fetches a package, verified by the index, and unpacks it below `directory`.
    fn unpack(&self, package: &Package, directory: &Path) -> Result<PathBuf> {
        let unpacked = directory.join("unpacked");
        std::fs::create_dir_all(&unpacked).at("make the directory", &unpacked)?;
        let wanted = format!("{}={}", package.name, package.version);
        self.run("apt-get", &["download", &wanted], &unpacked)?;
        let deb = std::fs::read_dir(&unpacked)
            .at("list", &unpacked)?
            .flatten()
            .map(|entry| entry.path())
            .find(|path| path.extension().is_some_and(|kind| kind == "deb"))
            .ok_or_else(|| Error::new(ErrorKind::Fetch, format!("apt did not fetch {wanted}")))?;
        let paths = [deb.as_os_str(), unpacked.as_os_str()];
        let mut dpkg = Command::new("dpkg-deb");
        dpkg.arg("--extract").args(paths);
        output(dpkg)?;
        std::fs::remove_file(&deb).at("remove", &deb)?;
        Ok(unpacked)
    }

    fn call(&self, program: &str, args: &[&str]) -> Result<String> {
        self.run(program, args, &self.state)
    }

    fn run(&self, program: &str, args: &[&str], directory: &Path) -> Result<String> {
        let path = |name: &str| self.state.join(name).display().to_string();
        let settings = [
            format!("Dir::State={}", path("")),
            format!("Dir::State::Lists={}", path("lists")),
            format!("Dir::State::status={}", path("status")),
            format!("Dir::Cache={}", path("")),
            format!("Dir::Etc::SourceList={}", path("sources.list")),
            "Dir::Etc::SourceParts=-".to_owned(),
            "APT::Sandbox::User=".to_owned(),
            "APT::Architecture=amd64".to_owned(),
            "Acquire::Languages=none".to_owned(),
            "Acquire::Retries=3".to_owned(),
        ];
        let mut command = Command::new(program);
        command.current_dir(directory).env("LC_ALL", "C");
        for setting in settings {
            command.args(["-o", &setting]);
        }
        command.arg("-q").args(args);
        output(command)
    }
}

/// Runs a program to its end; what it printed is the answer, or the reason why there is none.
fn output(mut command: Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|error| {
        let missing = error.kind() == std::io::ErrorKind::NotFound;
        let error = Error::new(ErrorKind::Fetch, format!("cannot run {program}")).because(error);
        if missing { error.help("Debian's kernels need apt and dpkg; elsewhere, install them or name kernels by path") } else { error }
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let full = said.contains("No space left on device");
    let kind = if full { ErrorKind::NoDiskSpace } else { ErrorKind::Fetch };
    let error =
        Error::new(kind, format!("{program} failed ({}):\n{}", output.status, said.trim_end()));
    Err(if full {
        error.help("free some space, or set XDG_CACHE_HOME to a file system that has some")
    } else if said.contains("NO_PUBKEY") || said.contains("EXPKEYSIG") {
        error.help(
            "Debian's keys on this machine are too old: upgrade the package debian-archive-keyring",
        )
    } else {
        error.help("see what apt says above; --mirror names another mirror")
    })
}

/// Reads a package index.
fn parse_packages(text: &str) -> Vec<Package> {
    text.split("\n\n")
        .filter_map(|paragraph| {
            let field = |name: &str| {
                paragraph
                    .lines()
                    .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                    .map(str::to_owned)
            };
            Some(Package {
                name: field("Package")?,
                version: field("Version")?,
                sha256: field("SHA256")?,
            })
        })
        .collect()
}

/// Compares versions as Debian's policy says (section 5.6.12), for those of kernels, which have no
/// epoch.
fn compare_versions(a: &str, b: &str) -> Ordering {
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
    fn an_index_is_read() {
        let text = "Package: linux-image-x\nVersion: 1\nDescription: y\n more: text\nSHA256: ab\n\nPackage: z\n\n";
        let package =
            Package { name: "linux-image-x".into(), version: "1".into(), sha256: "ab".into() };
        assert_eq!(package.release("linux-image-"), "x");
        assert_eq!(parse_packages(text), [package]);
    }

    #[test]
    fn an_unknown_line_is_answered_with_those_that_are_known() {
        let error = line("4.19").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownKernel);
        assert!(error.advice().unwrap().contains("5.10, 6.1, 6.12"));
    }
}
