//! Kernels: where they come from, and which of their files are kept.

pub(crate) mod apt;
pub(crate) mod archive;
mod cache;
pub(crate) mod deb;
mod debian;
mod decompress;
mod download;
mod downloads;
mod image;
mod kept;
mod lock;
mod manifest;
mod mirror;
mod modules;
mod oci;
mod source;
mod verified;

#[doc(hidden)]
pub mod fuzz;

pub(crate) use cache::{Cache, discard_unfinished, fill_directory, remove_directory};
pub use debian::Packages;
pub use downloads::{Download, Downloads};
pub use lock::LockFile;
pub use mirror::Mirror;
pub use source::KernelSource;
pub(crate) use verified::{Identity, check as check_file};

use crate::arch::Architecture;
use crate::digest::sha256;
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::regular;
use manifest::Manifest;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Returns the lines of kernels in Debian's packages for this machine's architecture, such as `6.1`,
/// oldest first.
#[must_use]
pub fn lines() -> Vec<&'static str> {
    lines_for(Architecture::HOST)
}

/// Returns the lines of kernels in Debian's packages for an architecture, oldest first.
///
/// ```
/// use bpfmap_vmtest::{Architecture, kernel};
///
/// assert_eq!(kernel::lines_for(Architecture::Aarch64)[1], "6.1-arm64");
/// ```
#[must_use]
pub fn lines_for(architecture: Architecture) -> Vec<&'static str> {
    let lines = debian::lines().filter(|line| line.architecture == architecture);
    lines.map(|line| line.name).collect()
}

/// Returns the architecture of a line of Debian's kernels, or `None` if there is no such line.
#[must_use]
pub fn architecture_of(name: &str) -> Option<Architecture> {
    debian::line(name).ok().map(|line| line.architecture)
}

/// Returns the name of a kernel for an architecture. Users can write `6.12` for the line of each
/// architecture if it is clear which architecture they want. Other names are returned unchanged.
///
/// ```
/// use bpfmap_vmtest::{Architecture, kernel};
///
/// assert_eq!(kernel::name_for("6.12", Architecture::Aarch64), "6.12-arm64");
/// assert_eq!(kernel::name_for("mine", Architecture::Aarch64), "mine");
/// ```
#[must_use]
pub fn name_for(name: &str, architecture: Architecture) -> String {
    let full = format!("{name}{}", architecture.suffix());
    if debian::line(&full).is_ok() { full } else { name.to_owned() }
}

/// Checks that a kernel with this name is known: that it is one of `sources` or a line of Debian's
/// kernels.
///
/// # Errors
/// Fails if the kernel is not known. The error lists the known kernels.
pub fn check_known(name: &str, sources: &BTreeMap<String, KernelSource>) -> Result<()> {
    check_name(name)?;
    if sources.contains_key(name) || debian::line(name).is_ok() {
        return Ok(());
    }
    debian::line(name).map(drop).map_err(|error| {
        if sources.is_empty() {
            return error;
        }
        let names: Vec<&str> = sources.keys().map(String::as_str).collect();
        error.also(format_args!("bpfmap-vmtest.toml adds {}", names.join(", ")))
    })
}

/// Returns the directory with the files of a Debian package. apt fetches and verifies the package.
/// The directory is kept in the cache. The package is unpacked like `dpkg-deb --extract` does, but
/// not installed.
///
/// # Errors
///
/// Fails if apt cannot fetch the package.
pub fn debian_package(suite: &'static str, name: &str, mirror: &Mirror) -> Result<PathBuf> {
    debian::ensure_package(suite, name, &Cache::open()?, mirror)
}

/// Checks that the name of a kernel can be used as a file name and as a part of a file name.
pub(crate) fn check_name(name: &str) -> Result<()> {
    const LONGEST: usize = 64;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte);
    let begins_well = name.starts_with(|first: char| first.is_ascii_alphanumeric());
    if begins_well && name.len() <= LONGEST && name.bytes().all(is_plain) {
        return Ok(());
    }
    let message = format!("{name:?} can't be the name of a kernel");
    Err(Error::new(ErrorKind::Configuration, message).help(format!(
        "use at most {LONGEST} letters, digits, `.`, `_`, `+` and `-`, and begin with a letter or digit"
    )))
}

/// A kernel that can be booted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernel {
    /// The requested name, such as `6.1`.
    pub name: String,
    /// The release, as in `uname -r`.
    pub release: String,
    /// The architecture of the kernel.
    pub architecture: Architecture,
    /// Its uncompressed image, which QEMU starts without a boot loader: an ELF file for x86-64, which
    /// starts through PVH, and an `Image` for arm64.
    pub vmlinux: PathBuf,
    /// The arguments that this kernel needs on its command line.
    pub arguments: Vec<String>,
    /// The origin of the kernel. For a Debian kernel, this is the package and its version.
    pub origin: String,
    /// The SHA-256 of the file that the image was made from, which identifies the image.
    pub digest: String,
    modules: ModuleSource,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum ModuleSource {
    None,
    /// A directory of this machine.
    Directory(PathBuf),
    /// Files in the cache.
    Kept {
        directory: PathBuf,
        files: kept::List,
    },
    /// Files of a Debian package, which is fetched when a module is requested.
    Debian {
        line: &'static debian::Line,
        directory: PathBuf,
    },
}

/// The name of the file that describes an image. It is in the same directory as the image.
const IMAGE: &str = "image.json";

/// The contents of the file [`IMAGE`].
#[derive(Debug, Serialize, Deserialize)]
struct Image {
    release: String,
    /// The SHA-256 of the uncompressed kernel.
    vmlinux: String,
    /// `None` if a version of this program wrote the file that knew only x86-64.
    #[serde(default)]
    architecture: Option<Architecture>,
}

impl Kernel {
    /// Returns the kernel with the given name, from `sources`. If `sources` does not contain the
    /// name, it must be a line of Debian's kernels.
    ///
    /// # Errors
    /// Fails if there is no such kernel, if it can't be fetched or read, or if its checksum is
    /// wrong.
    pub fn named(
        name: &str,
        sources: &BTreeMap<String, KernelSource>,
        packages: &Packages,
    ) -> Result<Self> {
        check_name(name)?;
        sources
            .get(name)
            .map_or_else(|| Self::debian(name, packages), |source| source.kernel(name, packages))
    }

    /// Returns the kernel of a line: the pinned kernel, or else the newest kernel in the cache. If
    /// there is neither, the newest kernel in Debian's index is fetched.
    ///
    /// # Errors
    /// Fails if the line is unknown, or if its packages can't be fetched or don't contain a kernel.
    pub fn debian(name: &str, packages: &Packages) -> Result<Self> {
        let line = debian::line(name)?;
        let cache = Cache::open()?;
        Self::cached(line, &debian::ensure(line, &cache, packages, debian::Wanted::Pinned)?)
    }

    /// Returns the newest kernel of a line, and pins it. The kernel is fetched if it is not in the
    /// cache.
    ///
    /// # Errors
    /// Fails if the line is unknown, or if its packages can't be fetched or don't contain a kernel.
    pub fn debian_newest(name: &str, packages: &Packages) -> Result<Self> {
        let line = debian::line(name)?;
        let cache = Cache::open()?;
        Self::cached(line, &debian::ensure(line, &cache, packages, debian::Wanted::Newest)?)
    }

    /// Returns the kernel of a line from the cache, or `None` if the cache does not contain it.
    ///
    /// # Errors
    /// Fails if the line is unknown, or if the cache can't be read.
    pub fn debian_cached(name: &str, packages: &Packages) -> Result<Option<Self>> {
        let line = debian::line(name)?;
        let directory = debian::cached(line, &Cache::open()?, packages)?;
        directory.map(|directory| Self::cached(line, &directory)).transpose()
    }

    fn cached(line: &'static debian::Line, directory: &Path) -> Result<Self> {
        let manifest = Manifest::read(directory)?;
        let (package, release) = (manifest.package.clone(), manifest.release.clone());
        let vmlinux = directory.join("vmlinux");
        verified::check(&vmlinux, &manifest.vmlinux(directory)?)?;
        Ok(Self {
            name: line.name.to_owned(),
            release,
            architecture: line.architecture,
            vmlinux,
            arguments: line.arguments.iter().map(ToString::to_string).collect(),
            origin: format!("{} {}", package.name, package.version),
            digest: package.sha256,
            modules: ModuleSource::Debian { line, directory: directory.to_owned() },
        })
    }

    /// Returns the kernel in a local image (`vmlinux` or `bzImage`; for arm64, `Image` or
    /// `vmlinuz.efi`). `modules` is the directory with the kernel's modules, if it has any.
    ///
    /// # Errors
    /// Fails if the image can't be read or is not a kernel image.
    pub fn at(image: &Path, modules: Option<&Path>) -> Result<Self> {
        let data = regular::read(image, regular::IMAGE)?;
        let modules = modules
            .map_or(ModuleSource::None, |directory| ModuleSource::Directory(directory.to_owned()));
        Self::from_image(&data, image.display().to_string(), modules)
    }

    /// Returns the kernel in an image, and keeps the uncompressed kernel in the cache.
    fn from_image(data: &[u8], name: String, modules: ModuleSource) -> Result<Self> {
        let digest = sha256(data);
        let cache = Cache::open()?;
        let directory = cache.directory("images")?.join(&digest);
        let _lock = cache.lock(&format!("image-{digest}"))?;
        let path = directory.join(IMAGE);
        if !path.exists() {
            let (vmlinux, architecture) = image::vmlinux(data, &name)?;
            // An older version of this program created the directory without a description.
            cache::remove(&directory)?;
            fill_directory(&directory, |directory| {
                manifest::write(&directory.join("vmlinux"), &vmlinux)?;
                let release = image::release(&vmlinux).unwrap_or_default();
                let architecture = Some(architecture);
                let image = Image { release, vmlinux: sha256(&vmlinux), architecture };
                manifest::write_json(&directory.join(IMAGE), &image)
            })?;
        }
        let image: Image = manifest::read(&path)?;
        let vmlinux = directory.join("vmlinux");
        verified::check(&vmlinux, &image.vmlinux)?;
        Ok(Self {
            release: image.release,
            architecture: image.architecture.unwrap_or(Architecture::X86_64),
            vmlinux,
            arguments: Vec::new(),
            origin: name.clone(),
            digest,
            modules,
            name,
        })
    }

    /// Returns the kernel's BTF, which describes the kernel's types. A running kernel shows the
    /// same BTF in `/sys/kernel/btf/vmlinux`.
    ///
    /// # Errors
    /// Fails if the image can't be read, or has no BTF.
    pub fn btf(&self) -> Result<Vec<u8>> {
        let found = match self.architecture {
            Architecture::X86_64 => crate::elf::section(&self.vmlinux, ".BTF")?,
            // An `Image` has no sections.
            Architecture::Aarch64 => image::btf(&regular::read(&self.vmlinux, regular::IMAGE)?),
        };
        found.ok_or_else(|| {
            let message = format!("the kernel {} has no BTF", self.name);
            Error::new(ErrorKind::KernelCorrupt, message)
                .help("use a kernel that was built with CONFIG_DEBUG_INFO_BTF")
        })
    }

    /// Returns whether the kernel has modules, or may have some.
    pub(crate) fn has_modules(&self) -> bool {
        match &self.modules {
            ModuleSource::None => false,
            ModuleSource::Directory(directory) => directory.is_dir(),
            ModuleSource::Kept { .. } | ModuleSource::Debian { .. } => true,
        }
    }

    /// Returns the requested modules and their dependencies, in the order in which they must be
    /// loaded. Each module has a name and uncompressed contents. Modules that are built into the
    /// kernel are left out. If a name ends with a question mark, the module is also left out if it
    /// is not available.
    ///
    /// # Errors
    /// Fails if the kernel's packages lack a module, or if they can't be fetched.
    pub fn modules(&self, names: &[String], packages: &Packages) -> Result<Vec<(String, Vec<u8>)>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.module_files(packages);
        match found.and_then(|files| modules::closure(&self.name, &files, names)) {
            Err(error)
                if matches!(error.kind(), ErrorKind::MissingModule | ErrorKind::Fetch)
                    && names.iter().all(|name| name.ends_with(modules::WISH)) =>
            {
                Ok(Vec::new())
            }
            found => found,
        }
    }

    fn module_files(&self, packages: &Packages) -> Result<modules::Files> {
        Ok(match &self.modules {
            ModuleSource::None => modules::Files::default(),
            ModuleSource::Directory(directory) => modules::Files::below(directory)?,
            ModuleSource::Kept { directory, files } => modules::Files::listed(directory, files),
            ModuleSource::Debian { line, directory } => {
                let list = debian::ensure_modules(line, directory, &self.release, packages)?;
                modules::Files::listed(&directory.join("modules"), &list.files)
            }
        })
    }
}

/// Removes the kernels that are no longer wanted from the cache, and all snapshots and root file
/// systems. Returns the number of removed kernels. For each line of Debian's kernels, the pinned
/// kernel is wanted, or else the newest one in the cache. The kernels of `sources` are wanted as
/// well. If another process uses the cache, this function calls `is_waited_for` and waits until no
/// other process uses the cache.
///
/// # Errors
/// Fails if a file or directory can't be removed.
pub fn prune(
    packages: &Packages,
    sources: &BTreeMap<String, KernelSource>,
    is_waited_for: impl FnOnce(),
) -> Result<usize> {
    let cache = Cache::open()?;
    cache.alone(is_waited_for, || {
        for name in ["snapshots", "images", crate::root::ROOTS] {
            cache::remove(&cache.path(name))?;
        }
        let wanted: BTreeSet<PathBuf> =
            sources.values().filter_map(|source| Some(cache.path(&source.place()?))).collect();
        let mut removed = 0;
        for name in [source::URLS, oci::IMAGES] {
            let directory = cache.directory(name)?;
            for entry in std::fs::read_dir(&directory).at("list", &directory)?.flatten() {
                if !wanted.contains(&entry.path()) {
                    cache::remove(&entry.path())?;
                    removed += 1;
                }
            }
        }
        for line in debian::lines() {
            removed += debian::prune(line, &cache, packages)?;
        }
        Ok(removed)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_kernel_is_refused_with_the_list_of_known_ones() {
        let sources = BTreeMap::from([("mine".to_owned(), KernelSource::Host)]);
        for known in ["6.1", "6.12-arm64", "mine"] {
            check_known(known, &sources).unwrap();
        }
        let error = check_known("6.2", &sources).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownKernel);
        let said = error.to_string();
        assert!(said.starts_with("unknown kernel `6.2`\n"), "{said}");
        assert!(said.contains("5.10, 6.1, 6.12") && said.contains("adds mine"), "{said}");
        assert!(!check_known("6.2", &BTreeMap::new()).unwrap_err().to_string().contains("adds"));
    }
}
