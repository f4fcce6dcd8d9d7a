//! The files in the cache that describe a kernel's files.

use super::kept::List;
use super::lock::Package;
use super::modules::{BUILTIN, is_module};
use super::verified::{self, private};
use crate::digest::sha256;
use crate::error::{Context as _, Error, ErrorKind, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::Write as _;
use std::path::Path;

const MANIFEST: &str = "kernel.json";
/// The file that lists the modules, which are in the directory `modules`.
pub(super) const MODULES: &str = "modules.json";

/// The description of a kernel.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) release: String,
    pub(super) package: Package,
    /// The SHA-256 of the kernel's image. `None` if an older version of this program wrote the
    /// file.
    #[serde(default)]
    pub(super) vmlinux: Option<String>,
}

impl Manifest {
    pub(super) fn is_in(directory: &Path) -> bool {
        directory.join(MANIFEST).is_file()
    }

    pub(super) fn read(directory: &Path) -> Result<Self> {
        private(directory, &directory.metadata().at("find", directory)?)?;
        let manifest: Self = read(&directory.join(MANIFEST))?;
        let wrong = |why: String| damaged(&directory.join(MANIFEST)).because(why);
        manifest.package.check().map_err(wrong)?;
        Ok(manifest)
    }

    pub(super) fn write(&self, directory: &Path) -> Result<()> {
        write_json(&directory.join(MANIFEST), self)
    }

    /// Returns the expected SHA-256 of the image. If an older version of this program cached the
    /// image, the present contents of the image are accepted.
    pub(super) fn vmlinux(mut self, directory: &Path) -> Result<String> {
        if let Some(digest) = self.vmlinux {
            return Ok(digest);
        }
        let digest = verified::digest(&directory.join("vmlinux"))?;
        self.vmlinux = Some(digest.clone());
        self.write(directory)?;
        Ok(digest)
    }
}

/// The description of the modules.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ModuleList {
    /// The package that contained the modules. `None` if an older version of this program unpacked
    /// it.
    pub(super) package: Option<Package>,
    /// The files below the directory `modules`.
    pub(super) files: List,
}

impl ModuleList {
    pub(super) fn read(directory: &Path) -> Result<Self> {
        Self::take_over(directory)?;
        read(&directory.join(MODULES))
    }

    pub(super) fn write(&self, directory: &Path) -> Result<()> {
        write_json(&directory.join(MODULES), self)
    }

    /// Returns a digest of all the files.
    pub(super) fn digest(&self) -> String {
        sha256(serde_json::to_vec(&self.files).expect("it is plain data"))
    }

    /// Returns whether a directory contains modules.
    pub(super) fn is_in(directory: &Path) -> bool {
        directory.join(MODULES).exists() || directory.join("modules").exists()
    }

    /// Creates the list of modules if an older version of this program cached the modules without a
    /// list.
    fn take_over(directory: &Path) -> Result<()> {
        let modules = directory.join("modules");
        if directory.join(MODULES).exists() || !modules.exists() {
            return Ok(());
        }
        let mut files = List::new();
        let mut directories = vec![modules.clone()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(&directory).at("list", &directory)? {
                let entry = entry.at("list", &directory)?;
                let (path, kind) = (entry.path(), entry.file_type().at("list", &directory)?);
                let name = entry.file_name().into_string().unwrap_or_default();
                if kind.is_dir() {
                    directories.push(path);
                } else if kind.is_file() && (name == BUILTIN || is_module(&name)) {
                    let below = path.strip_prefix(&modules).unwrap_or(&path);
                    files.insert(below.to_string_lossy().into_owned(), verified::digest(&path)?);
                }
            }
        }
        Self { package: None, files }.write(directory)
    }
}

/// Reads a file of the cache that this program wrote.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    serde_json::from_str(&verified::text(path)?).map_err(|error| damaged(path).because(error))
}

fn damaged(path: &Path) -> Error {
    let directory = path.parent().unwrap_or(path).display();
    Error::new(
        ErrorKind::CacheTampered,
        format!("{} has changed since it was written", path.display()),
    )
    .help(format!("remove {directory} to create it again"))
}

/// Writes a file of the cache atomically.
pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    write(path, &serde_json::to_vec_pretty(value).expect("it is plain data"))
}

/// Writes a file that only this user can read, atomically.
pub(super) fn write(path: &Path, data: &[u8]) -> Result<()> {
    let directory = path.parent().unwrap_or(path);
    let mut file = tempfile::NamedTempFile::new_in(directory).at("write beside", path)?;
    file.write_all(data).at("write", path)?;
    file.persist(path).map_err(|error| error.error).at("write", path)?;
    Ok(())
}
