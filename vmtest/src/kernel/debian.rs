//! Kernels from Debian's packages: which packages contain them, and which files are kept.

use super::apt::{Apt, compare_versions};
use super::archive::Budget;
use super::cache::{Cache, Lock, UNFINISHED, fill_directory, remove, remove_directory};
use super::downloads::Downloads;
use super::kept::{Keeper, List};
use super::lock::{self, LockFile, Package};
use super::manifest::{MODULES, Manifest, ModuleList, write};
use super::{Mirror, deb, image};
use crate::arch::Architecture;
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::regular;
use std::path::{Path, PathBuf};

/// A line of kernels in Debian, such as 6.1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Its name: `6.12`, or `6.12-arm64`.
    pub(super) name: &'static str,
    /// Its version: `6.12`.
    version: &'static str,
    pub(super) architecture: Architecture,
    suite: &'static str,
    /// The prefix of the name of the package with the image, before the version.
    image: &'static str,
    /// The prefix of the name of the package with the modules.
    modules: &'static str,
    /// Arguments that this kernel needs on its command line to behave like its successors.
    pub(super) arguments: &'static [&'static str],
}

/// Returns the lines of an architecture, oldest first. The second argument is the end of their names.
///
/// From 6.19 on, `linux-image` is an empty package that depends on `linux-binary` and
/// `linux-modules`.
macro_rules! lines_of {
    (@ $architecture:expr, $suffix:literal, $version:literal, $suite:literal, $package:literal) => {
        Line {
            name: concat!($version, $suffix),
            version: $version,
            architecture: $architecture,
            suite: $suite,
            image: concat!("linux-", $package, "-"),
            modules: match $package.as_bytes() {
                b"binary" => "linux-modules-",
                _ => "linux-image-",
            },
            arguments: &[],
        }
    };
    ($architecture:expr, $suffix:literal) => {
        [
            Line {
                // BPF is built into 5.10's security modules, but is not in the list of the enabled
                // ones.
                arguments: &["lsm=lockdown,yama,apparmor,bpf"],
                ..lines_of!(@ $architecture, $suffix, "5.10", "bullseye-security", "image")
            },
            lines_of!(@ $architecture, $suffix, "6.1", "bookworm-security", "image"),
            lines_of!(@ $architecture, $suffix, "6.12", "trixie-security", "image"),
            lines_of!(@ $architecture, $suffix, "6.16", "trixie-backports", "image"),
            lines_of!(@ $architecture, $suffix, "6.17", "trixie-backports", "image"),
            lines_of!(@ $architecture, $suffix, "6.18", "trixie-backports", "image"),
            lines_of!(@ $architecture, $suffix, "6.19", "trixie-backports", "binary"),
            lines_of!(@ $architecture, $suffix, "7.0", "trixie-backports", "binary"),
            lines_of!(@ $architecture, $suffix, "7.1", "trixie-backports", "binary"),
            lines_of!(@ $architecture, $suffix, "7.2", "trixie-backports", "binary"),
            lines_of!(@ $architecture, $suffix, "7.3", "trixie-backports", "binary"),
        ]
    };
}

static LINES: [[Line; 11]; 2] =
    [lines_of!(Architecture::X86_64, ""), lines_of!(Architecture::Aarch64, "-arm64")];

/// Returns the lines of all architectures.
pub(super) fn lines() -> impl Iterator<Item = &'static Line> {
    LINES.iter().flatten()
}

/// Returns the line with this name. Fails if there is no such line.
pub(super) fn line(name: &str) -> Result<&'static Line> {
    lines().find(|line| line.name == name).ok_or_else(|| {
        let of_host = lines().filter(|line| line.architecture == Architecture::HOST);
        let known: Vec<&str> = of_host.map(|line| line.name).collect();
        let others = Architecture::ALL.iter().filter(|it| **it != Architecture::HOST);
        let others: Vec<String> =
            others.map(|it| format!("6.12{} for {it}", it.suffix())).collect();
        let help = format!("use one of {}; or {}, and so on", known.join(", "), others.join(", "));
        Error::new(ErrorKind::UnknownKernel, format!("unknown kernel `{name}`")).help(help)
    })
}

/// The source of Debian's packages, and the versions to use.
#[derive(Debug, Clone)]
pub struct Packages {
    /// The mirror to fetch from.
    pub mirror: Mirror,
    /// The file that pins the packages, if there is one. Packages that it does not pin yet are
    /// added to it.
    pub lock: Option<LockFile>,
    /// Whether files may be fetched, and how their progress is reported. This also applies to
    /// kernels that do not come from Debian.
    pub downloads: Downloads,
}

impl Packages {
    /// Returns a configuration that uses the mirror of this machine's apt, without a lock file.
    #[must_use]
    pub fn configured() -> Self {
        Self { mirror: Mirror::configured(None, None), lock: None, downloads: Downloads::default() }
    }

    fn pinned(&self) -> Result<Vec<Package>> {
        self.lock.as_ref().map_or(Ok(Vec::new()), LockFile::packages)
    }

    /// Pins the package that contains a kernel of a line.
    fn pin(
        &self,
        line: &Line,
        package: Package,
        kept: impl FnOnce() -> Result<String>,
    ) -> Result<()> {
        let Some(lock) = &self.lock else { return Ok(()) };
        let package = Package { kept: Some(kept()?), ..package };
        lock.pin(&package, |other| line.has_image(other))
    }

    /// Pins the package that contains the modules for a kernel of a line.
    fn pin_modules(
        &self,
        line: &Line,
        package: Package,
        kept: impl FnOnce() -> Result<String>,
    ) -> Result<()> {
        let Some(lock) = &self.lock else { return Ok(()) };
        let package = Package { kept: Some(kept()?), ..package };
        lock.pin(&package, |other| line.is_version(&other.name, line.modules))
    }
}

impl Line {
    /// Returns whether a package contains the image of a kernel of this line.
    pub(super) fn has_image(&self, package: &Package) -> bool {
        self.is_version(&package.name, self.image)
    }

    /// Whether the name of a package is a prefix with a version of this line and its architecture.
    fn is_version(&self, name: &str, prefix: &str) -> bool {
        let name = name.strip_prefix(prefix);
        let flavour = self.architecture.spec().flavour;
        let name = name.and_then(|name| name.strip_suffix(flavour)?.strip_prefix(self.version));
        // This excludes `6.1-cloud-amd64`, which only depends on the newest kernel.
        name.is_some_and(|rest| rest.starts_with('.'))
    }

    /// Returns the directory in the cache with its kernels.
    fn directory(&self) -> String {
        format!("debian{}/{}", self.architecture.suffix(), self.version)
    }

    /// Returns the name of the lock of that directory.
    fn lock(&self) -> String {
        format!("kernel-{}", self.name)
    }
}

/// A choice among the kernels of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The pinned kernel, or else the newest kernel in the cache, or else the newest in the index.
    Pinned,
    /// The newest kernel in the index, which is then pinned.
    Newest,
}

/// Returns the cache directory with the kernel of a line, if it exists.
///
/// # Errors
/// Fails if the lock file pins a different package of this version, or if the cache can't be read.
pub(super) fn cached(line: &Line, cache: &Cache, packages: &Packages) -> Result<Option<PathBuf>> {
    let parent = cache.directory(&line.directory())?;
    let Some(pinned) = packages.pinned()?.into_iter().find(|package| line.has_image(package))
    else {
        return newest_cached(&parent);
    };
    let directory = parent.join(&pinned.version);
    if !Manifest::is_in(&directory) {
        return Ok(None);
    }
    let found = Manifest::read(&directory)?.package;
    agree(&pinned, &found, &directory, || kept(line, &directory))?;
    Ok(Some(directory))
}

/// Checks that the lock file and the cache contain the same package.
fn agree(
    pinned: &Package,
    found: &Package,
    directory: &Path,
    kept: impl Fn() -> Result<String>,
) -> Result<()> {
    let mismatch = |expected: &str, found: &str| {
        let what = format!(
            "the lock file pins {} {} with {expected}, but the cache has {found} in {}",
            pinned.name,
            pinned.version,
            directory.display()
        );
        Err(Error::new(ErrorKind::LockMismatch, what).help(
            "find out whether the lock file or the cache has changed; to fetch the package again, \
             remove the directory",
        ))
    };
    if !pinned.is(found) {
        return mismatch(&pinned.sha256, &format!("{} {}", found.name, found.sha256));
    }
    match &pinned.kept {
        Some(pinned) if pinned.starts_with(KEPT) && *pinned != kept()? => {
            mismatch(pinned, &kept()?)
        }
        _ => Ok(()),
    }
}

/// The prefix of the digest of the kept files. Increase the number whenever the selection of kept
/// files changes.
const KEPT: &str = "1:";

/// Returns a digest of the files that the cache keeps from the package with a kernel's image.
fn kept(line: &Line, directory: &Path) -> Result<String> {
    let mut digests = Manifest::read(directory)?.vmlinux(directory)?;
    if line.modules == line.image {
        digests += &ModuleList::read(directory)?.digest();
    }
    Ok(format!("{KEPT}{}", crate::digest::sha256(digests)))
}

/// Returns the directory with the kernel of a line, and fetches the kernel if it is not in the
/// cache.
pub(super) fn ensure(
    line: &Line,
    cache: &Cache,
    packages: &Packages,
    wanted: Wanted,
) -> Result<PathBuf> {
    let lock = cache.lock(&line.lock())?;
    let pinned = packages.pinned()?.into_iter().find(|package| line.has_image(package));
    let pinned = pinned.filter(|_| wanted == Wanted::Pinned);
    let found = if wanted == Wanted::Pinned { cached(line, cache, packages)? } else { None };
    let target = match (found, &pinned) {
        (Some(directory), _) => directory,
        (None, Some(pinned)) => {
            let target = fetch(line, cache, packages, Some(pinned), &lock)?;
            agree(pinned, &Manifest::read(&target)?.package, &target, || kept(line, &target))?;
            target
        }
        (None, None) => fetch(line, cache, packages, None, &lock)?,
    };
    // A pinned package stays pinned.
    if pinned.is_none() {
        let package = Manifest::read(&target)?.package;
        packages.pin(line, package, || kept(line, &target))?;
    }
    Ok(target)
}

/// Fetches a kernel of a line: the pinned package, or else the newest package.
fn fetch(
    line: &Line,
    cache: &Cache,
    packages: &Packages,
    pinned: Option<&Package>,
    lock: &Lock,
) -> Result<PathBuf> {
    packages.downloads.check(format_args!("the kernel {}", line.name))?;
    let apt = Apt::new(cache, line.suite, packages, line.architecture)?;
    let package =
        pinned.map_or_else(|| newest(line, apt.index()?), |package| Ok(package.clone()))?;
    let target = cache.directory(&line.directory())?.join(&package.version);
    if !Manifest::is_in(&target) {
        // A directory without a description was not created by this program.
        remove(&target)?;
        fill_directory(&target, |directory| {
            let deb = apt.fetch(&package, directory, lock)?;
            fill(line, &package, &deb, directory)
        })?;
    }
    Ok(target)
}

/// Extracts the files of a cache directory from a package: the image, and modules if the package
/// contains them.
fn fill(line: &Line, package: &Package, deb: &Path, directory: &Path) -> Result<()> {
    let (unpacked, list) = unpack(package, deb, directory)?;
    let release = package.release(line.image).to_owned();
    let places = [format!("boot/vmlinuz-{release}"), format!("usr/lib/modules/{release}/vmlinuz")];
    let place = places.iter().find(|place| list.contains_key(*place)).ok_or_else(|| {
        let message = format!("the package {} has no kernel image", package.name);
        Error::new(ErrorKind::KernelCorrupt, message)
    })?;
    let image = regular::read(&unpacked.join(place), regular::IMAGE)?;
    let name = format!("{place} of the package {}", package.name);
    let (vmlinux, _) = image::vmlinux(&image, &name)?;
    write(&directory.join("vmlinux"), &vmlinux)?;
    if line.modules == line.image {
        keep_modules(&unpacked, &list, &release, directory, package)?;
    }
    remove_directory(&unpacked)?;
    let package = Package { kept: None, ..package.clone() };
    Manifest { release, package, vmlinux: Some(crate::digest::sha256(&vmlinux)) }.write(directory)
}

/// Extracts the files of a kernel from a package, and removes the package.
fn unpack(package: &Package, deb: &Path, directory: &Path) -> Result<(PathBuf, List)> {
    let unpacked = directory.join("unpacked");
    let mut keeper = Keeper::new(&unpacked);
    let mut budget = Budget::of_a_kernel();
    let file = std::io::BufReader::new(regular::open(deb)?);
    deb::read(file, &mut budget, &mut |entry| keeper.take(entry))
        .map_err(|error| error.of(format_args!("the package {}", package.name)))?;
    std::fs::remove_file(deb).at("remove", deb)?;
    let list = keeper.list();
    Ok((unpacked, list))
}

/// Returns the package with the newest kernel of a line.
fn newest(line: &Line, index: Vec<Package>) -> Result<Package> {
    index
        .into_iter()
        .filter(|package| line.has_image(package))
        .max_by(|a, b| compare_versions(&a.version, &b.version))
        .ok_or_else(|| {
            let message = format!("{} has no kernel {}", line.suite, line.name);
            Error::new(ErrorKind::Fetch, message).help("use --mirror with a mirror that has it")
        })
}

/// Returns the directory with the unpacked files of a package. Fetches the package if it is not in
/// the cache.
pub(super) fn ensure_package(
    suite: &'static str,
    name: &str,
    cache: &Cache,
    mirror: &Mirror,
) -> Result<PathBuf> {
    let directory = cache.directory(&format!("packages/{suite}"))?.join(name);
    let lock = cache.lock(&format!("package-{name}"))?;
    if !directory.exists() {
        let (lock_file, downloads) = (None, Downloads::default());
        let packages = Packages { mirror: mirror.clone(), lock: lock_file, downloads };
        let apt = Apt::new(cache, suite, &packages, Architecture::HOST)?;
        let packages = apt.index()?.into_iter().filter(|package| package.name == name);
        let newest = packages.max_by(|a, b| compare_versions(&a.version, &b.version));
        let package = newest.ok_or_else(|| {
            Error::new(ErrorKind::Fetch, format!("{suite} has no package {name}"))
                .help("use a mirror that has it")
        })?;
        fill_directory(&directory, |staging| apt.unpack(&package, staging, &lock))?;
    }
    Ok(directory.join("unpacked"))
}

/// Returns the files of a kernel's modules. Fetches their package if they are not in the cache.
pub(super) fn ensure_modules(
    line: &Line,
    directory: &Path,
    release: &str,
    packages: &Packages,
) -> Result<ModuleList> {
    let name = format!("{}{release}", line.modules);
    let pinned = packages.pinned()?.into_iter().find(|package| package.name == name);
    // If one package contains both, the lock file's entry for the image also covers the modules.
    let pinned = pinned.filter(|_| line.modules != line.image);
    if !directory.join(MODULES).exists() {
        let cache = Cache::open()?;
        let lock = cache.lock(&line.lock())?;
        if !ModuleList::is_in(directory) {
            let what = format_args!("the package with the modules of the kernel {}", line.name);
            packages.downloads.check(what)?;
            let apt = Apt::new(&cache, line.suite, packages, line.architecture)?;
            fetch_modules(line, directory, release, pinned.as_ref(), &apt, &lock)?;
        }
    }
    let list = ModuleList::read(directory)?;
    let kept = || Ok(format!("{KEPT}{}", list.digest()));
    match (pinned, &list.package) {
        (Some(pinned), Some(found)) => agree(&pinned, found, directory, kept)?,
        (None, Some(found)) if line.modules != line.image => {
            packages.pin_modules(line, found.clone(), kept)?;
        }
        _ => {}
    }
    Ok(list)
}

fn fetch_modules(
    line: &Line,
    directory: &Path,
    release: &str,
    pinned: Option<&Package>,
    apt: &Apt<'_>,
    lock: &Lock,
) -> Result<()> {
    let name = format!("{}{release}", line.modules);
    let named = |packages: Vec<Package>| packages.into_iter().find(|package| package.name == name);
    let package = match pinned.cloned().or_else(|| named(lock::known())) {
        Some(package) => Some(package),
        None => named(apt.index()?),
    };
    let package = package.ok_or_else(|| {
        let what = format!(
            "the package {name} with the modules of kernel {} is no longer in the index of {}",
            line.name, line.suite
        );
        Error::new(ErrorKind::MissingModule, what)
            .help("run only tests that need no module on this kernel, or omit this kernel")
    })?;
    let staging = directory.join("modules-package");
    remove(&staging)?;
    fill_directory(&staging, |staging| {
        let deb = apt.fetch(&package, staging, lock)?;
        let (unpacked, list) = unpack(&package, &deb, staging)?;
        keep_modules(&unpacked, &list, release, staging, &package)?;
        remove_directory(&unpacked)
    })?;
    // The list is written last: if it exists, the modules are complete.
    for name in ["modules", MODULES] {
        remove(&directory.join(name))?;
        std::fs::rename(staging.join(name), directory.join(name)).at("put in place", directory)?;
    }
    remove_directory(&staging)
}

/// Removes all kernels of a line except the wanted one. Returns the number of removed kernels.
pub(super) fn prune(line: &Line, cache: &Cache, packages: &Packages) -> Result<usize> {
    let _lock = cache.lock(&line.lock())?;
    let kept = cached(line, cache, packages)?;
    let parent = cache.directory(&line.directory())?;
    let mut removed = 0;
    for entry in std::fs::read_dir(&parent).at("list", &parent)?.flatten() {
        if Some(entry.path()) != kept {
            remove(&entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Returns the newest kernel in the cache. Files that are not kernels are ignored.
fn newest_cached(parent: &Path) -> Result<Option<PathBuf>> {
    let entries = std::fs::read_dir(parent).at("list", parent)?;
    Ok(entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.contains(UNFINISHED) && Manifest::is_in(&parent.join(name)))
        .max_by(|a, b| compare_versions(a, b))
        .map(|name| parent.join(name)))
}

/// Moves the modules of a release to their place in a cache directory, and adds a list of them.
fn keep_modules(
    unpacked: &Path,
    list: &List,
    release: &str,
    directory: &Path,
    package: &Package,
) -> Result<()> {
    let places = ["lib/modules", "usr/lib/modules"].map(|place| format!("{place}/{release}/"));
    let below = |place: &String| -> List {
        let files = list.iter();
        files
            .filter_map(|(path, digest)| {
                Some((path.strip_prefix(place)?.to_owned(), digest.clone()))
            })
            .collect()
    };
    let found =
        places.iter().map(|place| (place, below(place))).find(|(_, files)| !files.is_empty());
    let (place, files) = found.ok_or_else(|| {
        Error::new(ErrorKind::MissingModule, format!("the package {} has no modules", package.name))
    })?;
    let target = directory.join("modules");
    std::fs::rename(unpacked.join(place), &target).at("put in place", &target)?;
    let package = Some(Package { kept: None, ..package.clone() });
    ModuleList { package, files }.write(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_line_is_refused_with_the_list_of_known_lines() {
        let error = line("4.19").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownKernel);
        assert!(error.advice().unwrap().contains("5.10, 6.1, 6.12"));
    }
}
