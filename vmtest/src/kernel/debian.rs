//! Kernels from Debian's packages: which packages have them, and what is kept of these.

use super::apt::{Apt, compare_versions};
use super::archive::Budget;
use super::cache::{Cache, Lock, UNFINISHED, fill_directory, remove, remove_directory};
use super::kept::{Keeper, List};
use super::lock::{self, LockFile, Package};
use super::manifest::{MODULES, Manifest, ModuleList, write};
use super::{Mirror, deb, image};
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::regular;
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
        Error::new(ErrorKind::UnknownKernel, format!("unknown kernel {name}"))
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

    /// Pins the package with a kernel of a line.
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

    /// Pins the package with the modules of a kernel of a line.
    fn pin_modules(
        &self,
        line: &Line,
        package: Package,
        kept: impl FnOnce() -> Result<String>,
    ) -> Result<()> {
        let Some(lock) = &self.lock else { return Ok(()) };
        let package = Package { kept: Some(kept()?), ..package };
        lock.pin(&package, |other| {
            let rest = other.name.strip_prefix(line.modules);
            rest.and_then(|rest| rest.strip_prefix(line.name)).is_some_and(|it| it.starts_with('.'))
        })
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
///
/// # Errors
/// The lock file pins another package of this version, or the cache can't be read.
pub(super) fn cached(line: &Line, cache: &Cache, packages: &Packages) -> Result<Option<PathBuf>> {
    let parent = cache.directory(&format!("debian/{}", line.name))?;
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

/// That what the lock file pins and what the cache has is the same.
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
        Err(Error::new(ErrorKind::LockMismatch, what)
            .help("find out which of the two has changed; remove the directory to fetch it again"))
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

/// What begins the digest of what is kept of a package; another number stands for other files.
const KEPT: &str = "1:";

/// A digest of what the cache keeps of the package with a kernel's image.
fn kept(line: &Line, directory: &Path) -> Result<String> {
    let mut digests = Manifest::read(directory)?.vmlinux(directory)?;
    if line.modules == line.image {
        digests += &ModuleList::read(directory)?.digest();
    }
    Ok(format!("{KEPT}{}", crate::digest::sha256(digests)))
}

/// The directory with the kernel of a line, which is fetched if it is not there.
pub(super) fn ensure(
    line: &Line,
    cache: &Cache,
    packages: &Packages,
    wanted: Wanted,
) -> Result<PathBuf> {
    let lock = cache.lock(&format!("kernel-{}", line.name))?;
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
    // What is pinned stays as it is.
    if pinned.is_none() {
        let package = Manifest::read(&target)?.package;
        packages.pin(line, package, || kept(line, &target))?;
    }
    Ok(target)
}

/// Fetches a kernel of a line: the package that is pinned, or the newest.
fn fetch(
    line: &Line,
    cache: &Cache,
    packages: &Packages,
    pinned: Option<&Package>,
    lock: &Lock,
) -> Result<PathBuf> {
    let apt = Apt::new(cache, line.suite, &packages.mirror)?;
    let package =
        pinned.map_or_else(|| newest(line, apt.index()?), |package| Ok(package.clone()))?;
    let target = cache.directory(&format!("debian/{}", line.name))?.join(&package.version);
    if !Manifest::is_in(&target) {
        // What is there without a description is none of ours.
        remove(&target)?;
        fill_directory(&target, |directory| {
            let deb = apt.fetch(&package, directory, lock)?;
            fill(line, &package, &deb, directory)
        })?;
    }
    Ok(target)
}

/// Takes from a package what a directory of the cache is to have: the image, and maybe the modules.
fn fill(line: &Line, package: &Package, deb: &Path, directory: &Path) -> Result<()> {
    let (unpacked, list) = unpack(package, deb, directory)?;
    let release = package.release(line.image).to_owned();
    let places = [format!("boot/vmlinuz-{release}"), format!("usr/lib/modules/{release}/vmlinuz")];
    let place = places.iter().find(|place| list.contains_key(*place)).ok_or_else(|| {
        let message = format!("the package {} has no kernel image", package.name);
        Error::new(ErrorKind::KernelCorrupt, message)
    })?;
    let image = regular::read(&unpacked.join(place), regular::IMAGE)?;
    let vmlinux = image::vmlinux(&image, &format!("{place} of the package {}", package.name))?;
    write(&directory.join("vmlinux"), &vmlinux)?;
    if line.modules == line.image {
        keep_modules(&unpacked, &list, &release, directory, package)?;
    }
    remove_directory(&unpacked)?;
    let package = Package { kept: None, ..package.clone() };
    Manifest { release, package, vmlinux: Some(crate::digest::sha256(&vmlinux)) }.write(directory)
}

/// Takes the files of a kernel out of a package, and removes the package.
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

/// The package with the newest kernel of a line.
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

/// The directory with the unpacked files of a package of a suite; fetches it if it is not there.
pub(super) fn ensure_package(
    suite: &'static str,
    name: &str,
    cache: &Cache,
    mirror: &Mirror,
) -> Result<PathBuf> {
    let directory = cache.directory(&format!("packages/{suite}"))?.join(name);
    let lock = cache.lock(&format!("package-{name}"))?;
    if !directory.exists() {
        let apt = Apt::new(cache, suite, mirror)?;
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

/// The files of a kernel's modules; fetches their package if they are not there.
pub(super) fn ensure_modules(
    line: &Line,
    directory: &Path,
    release: &str,
    packages: &Packages,
) -> Result<ModuleList> {
    let name = format!("{}{release}", line.modules);
    let pinned = packages.pinned()?.into_iter().find(|package| package.name == name);
    // Where one package has both, what the lock file says of the image is said of the modules too.
    let pinned = pinned.filter(|_| line.modules != line.image);
    if !directory.join(MODULES).exists() {
        let cache = Cache::open()?;
        let lock = cache.lock(&format!("kernel-{}", line.name))?;
        if !ModuleList::is_in(directory) {
            let apt = Apt::new(&cache, line.suite, &packages.mirror)?;
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
            .help("run only tests that need no module on this kernel, or leave out this kernel")
    })?;
    let staging = directory.join("modules-package");
    remove(&staging)?;
    fill_directory(&staging, |staging| {
        let deb = apt.fetch(&package, staging, lock)?;
        let (unpacked, list) = unpack(&package, &deb, staging)?;
        keep_modules(&unpacked, &list, release, staging, &package)?;
        remove_directory(&unpacked)
    })?;
    // The list comes last: with it the modules are there.
    for name in ["modules", MODULES] {
        remove(&directory.join(name))?;
        std::fs::rename(staging.join(name), directory.join(name)).at("put in place", directory)?;
    }
    remove_directory(&staging)
}

/// Removes all kernels of a line but the one that is wanted; how many there were.
pub(super) fn prune(line: &Line, cache: &Cache, packages: &Packages) -> Result<usize> {
    let _lock = cache.lock(&format!("kernel-{}", line.name))?;
    let kept = cached(line, cache, packages)?;
    let parent = cache.directory(&format!("debian/{}", line.name))?;
    let mut removed = 0;
    for entry in std::fs::read_dir(&parent).at("list", &parent)?.flatten() {
        if Some(entry.path()) != kept {
            remove(&entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// The newest of the kernels that are there. What else lies there is left alone.
fn newest_cached(parent: &Path) -> Result<Option<PathBuf>> {
    let entries = std::fs::read_dir(parent).at("list", parent)?;
    Ok(entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.contains(UNFINISHED) && Manifest::is_in(&parent.join(name)))
        .max_by(|a, b| compare_versions(a, b))
        .map(|name| parent.join(name)))
}

/// Moves the modules of a release to where a directory of the cache has them, with a list of them.
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
    fn an_unknown_line_is_answered_with_those_that_are_known() {
        let error = line("4.19").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownKernel);
        assert!(error.advice().unwrap().contains("5.10, 6.1, 6.12"));
    }
}
