//! Kernels from Debian's packages: which packages have them, and what is kept of these.

use super::apt::{Apt, compare_versions};
use super::cache::{Cache, fill_directory, remove_directory};
use super::lock::{self, LockFile, Package};
use super::{MANIFEST, Manifest, Mirror, image};
use crate::error::{Context as _, Error, ErrorKind, Result};
use std::path::{Path, PathBuf};

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

/// Where Debian's packages come from, and which are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packages {
    /// The mirror that has them.
    pub mirror: Mirror,
    /// The file that pins them, if there is one: what it does not pin yet it does after.
    pub lock: Option<LockFile>,
}

impl Packages {
    /// The packages of the mirror that this machine's apt uses, without a lock file.
    #[must_use]
    pub fn configured() -> Self {
        Self { mirror: Mirror::configured(None, None), lock: None }
    }

    fn pinned(&self) -> Result<Vec<Package>> {
        self.lock.as_ref().map_or(Ok(Vec::new()), LockFile::packages)
    }

    fn pin(&self, package: &Package, replaces: impl Fn(&Package) -> bool) -> Result<()> {
        self.lock.as_ref().map_or(Ok(()), |lock| lock.pin(package, replaces))
    }
}

impl Line {
    /// Whether a package has the image of a kernel of this line.
    pub(super) fn has_image(&self, package: &Package) -> bool {
        let name = package.name.strip_prefix(self.image);
        let name = name.and_then(|name| name.strip_suffix(FLAVOUR)?.strip_prefix(self.name));
        // Not `6.1-cloud-amd64`, which only depends on the newest.
        name.is_some_and(|rest| rest.starts_with('.'))
    }
}

/// Which kernel of a line is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The one that is pinned; without one the newest that is there; without any the newest.
    Pinned,
    /// The newest in the index, which is pinned then.
    Newest,
}

/// The directory with the kernel of a line in the cache, if it is there.
pub(super) fn cached(line: &Line, cache: &Cache, packages: &Packages) -> Result<Option<PathBuf>> {
    let parent = cache.directory(&format!("debian/{}", line.name))?;
    let pinned = packages.pinned()?.into_iter().find(|package| line.has_image(package));
    Ok(match pinned {
        Some(package) => Some(parent.join(package.version)).filter(|path| path.exists()),
        None => newest_cached(&parent)?,
    })
}

/// The directory with the kernel of a line, which is fetched if it is not there.
pub(super) fn ensure(
    line: &Line,
    cache: &Cache,
    packages: &Packages,
    wanted: Wanted,
) -> Result<PathBuf> {
    let _lock = cache.lock(&format!("kernel-{}", line.name))?;
    if wanted == Wanted::Pinned
        && let Some(directory) = cached(line, cache, packages)?
    {
        packages.pin(&super::manifest(&directory)?.package, |other| line.has_image(other))?;
        return Ok(directory);
    }
    let pinned = packages.pinned()?.into_iter().find(|package| line.has_image(package));
    let apt = Apt::new(cache, line.suite, &packages.mirror)?;
    let package = match pinned.filter(|_| wanted == Wanted::Pinned) {
        Some(package) => package,
        None => newest(line, apt.index()?)?,
    };
    let target = cache.directory(&format!("debian/{}", line.name))?.join(&package.version);
    if !target.exists() {
        fill_directory(&target, |directory| fill(line, &apt, &package, directory))?;
    }
    packages.pin(&package, |other| line.has_image(other))?;
    Ok(target)
}

fn fill(line: &Line, apt: &Apt<'_>, package: &Package, directory: &Path) -> Result<()> {
    let unpacked = apt.unpack(package, directory)?;
    let release = package.release(line.image).to_owned();
    let path = find_image(&unpacked, &release).ok_or_else(|| {
        let message = format!("the package {} has no kernel image", package.name);
        Error::new(ErrorKind::KernelCorrupt, message)
    })?;
    let image = std::fs::read(&path).at("read", &path)?;
    let vmlinux = image::vmlinux(&image, &path.display().to_string())?;
    write(&directory.join("vmlinux"), &vmlinux)?;
    if line.modules == line.image {
        keep_modules(&unpacked, &release, directory, package)?;
    }
    remove_directory(&unpacked)?;
    let manifest = Manifest { release, package: package.clone() };
    let text = serde_json::to_vec_pretty(&manifest).expect("a manifest is plain data");
    write(&directory.join(MANIFEST), &text)
}

/// The package with the newest kernel of a line.
fn newest(line: &Line, index: Vec<Package>) -> Result<Package> {
    index
        .into_iter()
        .filter(|package| line.has_image(package))
        .max_by(|a, b| compare_versions(&a.version, &b.version))
        .ok_or_else(|| {
            let message = format!("{} has no kernel of the line {}", line.suite, line.name);
            Error::new(ErrorKind::Fetch, message).help("pass --mirror with one that has it")
        })
}

/// The directory with the unpacked files of a package of a suite; fetches it if it is not there.
pub(super) fn ensure_package(
    suite: &'static str,
    name: &str,
    cache: &Cache,
    mirror: &Mirror,
) -> Result<PathBuf> {
    let directory = cache.directory(&format!("packages/{suite}"))?.join(name);
    let _lock = cache.lock(&format!("package-{name}"))?;
    if !directory.exists() {
        let apt = Apt::new(cache, suite, mirror)?;
        let packages = apt.index()?.into_iter().filter(|package| package.name == name);
        let newest = packages.max_by(|a, b| compare_versions(&a.version, &b.version));
        let package = newest.ok_or_else(|| {
            Error::new(ErrorKind::Fetch, format!("{suite} has no package {name}"))
                .help("pass a mirror that has it")
        })?;
        fill_directory(&directory, |staging| apt.unpack(&package, staging).map(drop))?;
    }
    Ok(directory.join("unpacked"))
}

/// The directory with a kernel's modules; fetches their package if it is not there.
pub(super) fn ensure_modules(
    line: &Line,
    directory: &Path,
    release: &str,
    packages: &Packages,
) -> Result<PathBuf> {
    let modules = directory.join("modules");
    if modules.exists() {
        return Ok(modules);
    }
    let cache = Cache::open()?;
    let _lock = cache.lock(&format!("kernel-{}", line.name))?;
    if modules.exists() {
        return Ok(modules);
    }
    let apt = Apt::new(&cache, line.suite, &packages.mirror)?;
    let name = format!("{}{release}", line.modules);
    let named = |packages: Vec<Package>| packages.into_iter().find(|package| package.name == name);
    let package = match named(packages.pinned()?).or_else(|| named(lock::known())) {
        Some(package) => Some(package),
        None => named(apt.index()?),
    };
    let package = package.ok_or_else(|| {
        let what = format!(
            "the package {name}, with the modules of kernel {}, has left the index of {}",
            line.name, line.suite
        );
        Error::new(ErrorKind::MissingModule, what)
            .help("run what needs no module on this kernel, or leave this kernel out")
    })?;
    let staging = directory.join("modules-package");
    fill_directory(&staging, |staging| {
        let unpacked = apt.unpack(&package, staging)?;
        keep_modules(&unpacked, release, staging, &package)?;
        remove_directory(&unpacked)
    })?;
    std::fs::rename(staging.join("modules"), &modules).at("put in place", &modules)?;
    remove_directory(&staging)?;
    let ours = |other: &Package| {
        let rest =
            other.name.strip_prefix(line.modules).and_then(|rest| rest.strip_prefix(line.name));
        rest.is_some_and(|rest| rest.starts_with('.'))
    };
    packages.pin(&package, ours)?;
    Ok(modules)
}

/// Removes all kernels of a line but the one that is wanted; how many there were.
pub(super) fn prune(line: &Line, cache: &Cache, packages: &Packages) -> Result<usize> {
    let _lock = cache.lock(&format!("kernel-{}", line.name))?;
    let kept = cached(line, cache, packages)?;
    let parent = cache.directory(&format!("debian/{}", line.name))?;
    let mut removed = 0;
    for entry in std::fs::read_dir(&parent).at("list", &parent)?.flatten() {
        if Some(entry.path()) != kept {
            remove_directory(&entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

fn newest_cached(parent: &Path) -> Result<Option<PathBuf>> {
    let entries = std::fs::read_dir(parent).at("list", parent)?;
    Ok(entries
        .flatten()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_line_is_answered_with_those_that_are_known() {
        let error = line("4.19").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownKernel);
        assert!(error.advice().unwrap().contains("5.10, 6.1, 6.12"));
    }
}
