//! Kernels: where they come from, and what is kept of them.

mod cache;
mod debian;
mod image;
mod mirror;
mod modules;

pub(crate) use cache::{Cache, fill_directory, remove_directory};
pub use mirror::Mirror;

use crate::error::{Context as _, Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};

/// The kernel lines that Debian's packages are known to have, oldest first.
#[must_use]
pub fn lines() -> Vec<&'static str> {
    debian::LINES.iter().map(|line| line.name).collect()
}

/// A kernel that can be booted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernel {
    /// What it was asked for by: a line such as `6.1`.
    pub name: String,
    /// What it calls itself: `uname -r`.
    pub release: String,
    /// Its uncompressed image, which QEMU starts through PVH.
    pub vmlinux: PathBuf,
    /// Arguments that this kernel needs on its command line.
    pub arguments: Vec<String>,
    /// Where it came from: for a Debian kernel the package and its version.
    pub origin: String,
    /// Identifies the image: the SHA-256 of what it was made from.
    pub digest: String,
    modules: ModuleSource,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum ModuleSource {
    Directory(PathBuf),
    /// Fetched when a module is asked for.
    Debian {
        line: &'static debian::Line,
        directory: PathBuf,
    },
}

/// What is kept beside a kernel's files.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    release: String,
    origin: String,
    digest: String,
}

impl Kernel {
    /// Finds the kernel of a line in the cache, or else fetches the newest of Debian's.
    ///
    /// # Errors
    /// The line is unknown, or its packages can't be fetched or don't hold a kernel.
    pub fn debian(name: &str, mirror: &Mirror) -> Result<Self> {
        let line = debian::line(name)?;
        let cache = Cache::open()?;
        let directory = debian::ensure(line, &cache, mirror)?;
        Self::cached(line, &directory)
    }

    /// Finds the kernel of a line in the cache.
    ///
    /// # Errors
    /// The line is unknown, or the cache can't be read.
    pub fn debian_cached(name: &str) -> Result<Option<Self>> {
        let line = debian::line(name)?;
        let directory = debian::cached(line, &Cache::open()?)?;
        directory.map(|directory| Self::cached(line, &directory)).transpose()
    }

    fn cached(line: &'static debian::Line, directory: &Path) -> Result<Self> {
        let path = directory.join("kernel.json");
        let text = std::fs::read(&path).at("read", &path)?;
        let manifest: Manifest = serde_json::from_slice(&text).map_err(|error| {
            Error::new(
                ErrorKind::KernelCorrupt,
                format!("{} is not what was written", path.display()),
            )
            .because(error)
            .help(format!("remove {} and fetch the kernel again", directory.display()))
        })?;
        Ok(Self {
            name: line.name.to_owned(),
            release: manifest.release,
            vmlinux: directory.join("vmlinux"),
            arguments: line.arguments.iter().map(ToString::to_string).collect(),
            origin: manifest.origin,
            digest: manifest.digest,
            modules: ModuleSource::Debian { line, directory: directory.to_owned() },
        })
    }

    /// A kernel of your own: its image (`vmlinux` or `bzImage`), and the directory with its modules
    /// if it has some.
    ///
    /// # Errors
    /// The image can't be read, or is not one.
    pub fn at(image: &Path, modules: Option<&Path>) -> Result<Self> {
        let name = image.display().to_string();
        let data = std::fs::read(image).at("read", image)?;
        let digest = crate::init::hex(&Sha256::digest(&data));
        let cache = Cache::open()?;
        let directory = cache.directory("images")?.join(&digest);
        let _lock = cache.lock(&format!("image-{digest}"))?;
        let path = directory.join("vmlinux");
        if !path.exists() {
            let vmlinux = image::vmlinux(&data, &name)?;
            fill_directory(&directory, |directory| {
                let path = directory.join("vmlinux");
                std::fs::write(&path, &vmlinux).at("write", &path)
            })?;
        }
        let vmlinux = std::fs::read(&path).at("read", &path)?;
        Ok(Self {
            release: image::release(&vmlinux).unwrap_or_default(),
            vmlinux: path,
            arguments: Vec::new(),
            origin: name.clone(),
            digest,
            modules: ModuleSource::Directory(modules.unwrap_or(Path::new("")).to_owned()),
            name,
        })
    }

    /// The modules asked for and those that they depend on, uncompressed, in the order in which
    /// they must be loaded: names and contents. A module that is built into the kernel is left out.
    ///
    /// # Errors
    /// The kernel's packages lack a module, or can't be had.
    pub fn modules(&self, names: &[String], mirror: &Mirror) -> Result<Vec<(String, Vec<u8>)>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let directory = match &self.modules {
            ModuleSource::Directory(directory) => directory.clone(),
            ModuleSource::Debian { line, directory } => {
                debian::ensure_modules(line, directory, &self.release, mirror)?
            }
        };
        modules::closure(&self.name, &directory, names)
    }
}
