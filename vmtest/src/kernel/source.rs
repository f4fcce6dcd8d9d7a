//! The source of a kernel in the configuration, and the steps to get the kernel from it.

use super::cache::{Cache, fill_directory, remove};
use super::{Downloads, Kernel, ModuleSource, Packages, download, oci, verified};
use crate::arch::Architecture;
use crate::digest::{is_sha256, sha256_of};
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::regular;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// A source of a kernel.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Entry")]
#[non_exhaustive]
pub enum KernelSource {
    /// A line of Debian's kernels.
    Debian(String),
    /// An image (`vmlinux` or `bzImage`; `Image` for arm64), and optionally a directory with the
    /// kernel's modules.
    Path {
        /// The path of the image.
        image: PathBuf,
        /// The directory with the kernel's modules.
        modules: Option<PathBuf>,
    },
    /// A source tree in which a kernel was built.
    Tree(PathBuf),
    /// The kernel that runs on this machine.
    Host,
    /// An image that is downloaded and then verified.
    Url {
        /// The address.
        url: String,
        /// The image's SHA-256, in hexadecimal digits.
        sha256: String,
    },
    /// A container image in a registry. The image contains a kernel.
    Oci(String),
}

/// A source as written in the configuration. Exactly one of the fields must be set, except that
/// `modules` can also be set with `path`, and `sha256` must also be set with `url`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Entry {
    debian: Option<String>,
    path: Option<PathBuf>,
    tree: Option<PathBuf>,
    host: Option<bool>,
    url: Option<String>,
    oci: Option<String>,
    modules: Option<PathBuf>,
    sha256: Option<String>,
}

impl TryFrom<Entry> for KernelSource {
    type Error = String;

    fn try_from(entry: Entry) -> Result<Self, String> {
        let Entry { debian, path, tree, host, url, oci, modules, sha256 } = entry;
        let has = (modules.is_some(), sha256.is_some());
        match (debian, path, tree, host, url, oci, has) {
            (Some(line), None, None, None, None, None, (false, false)) => Ok(Self::Debian(line)),
            (None, Some(image), None, None, None, None, (_, false)) => {
                Ok(Self::Path { image, modules })
            }
            (None, None, Some(tree), None, None, None, (false, false)) => Ok(Self::Tree(tree)),
            (None, None, None, Some(true), None, None, (false, false)) => Ok(Self::Host),
            (None, None, None, None, Some(url), None, (false, true)) => {
                Ok(Self::Url { url, sha256: sha256.unwrap_or_default().to_ascii_lowercase() })
            }
            (None, None, None, None, None, Some(image), (false, false)) => Ok(Self::Oci(image)),
            _ => Err("a kernel needs exactly one of debian, path (optionally with modules), tree, host = true, \
                      url (with sha256) and oci"
                .to_owned()),
        }
    }
}

impl KernelSource {
    /// Interprets relative paths as relative to a directory.
    pub(crate) fn relative_to(&mut self, base: &Path) {
        match self {
            Self::Path { image, modules } => {
                *image = base.join(&*image);
                if let Some(modules) = modules {
                    *modules = base.join(&*modules);
                }
            }
            Self::Tree(tree) => *tree = base.join(&*tree),
            Self::Debian(_) | Self::Host | Self::Url { .. } | Self::Oci(_) => {}
        }
    }

    /// Returns the path in the cache for the files that are fetched only for this source. Returns
    /// `None` if there are no such files.
    pub(super) fn place(&self) -> Option<String> {
        match self {
            Self::Url { sha256, .. } => Some(format!("{URLS}/{sha256}")),
            Self::Oci(image) => Some(oci::place(image)),
            _ => None,
        }
    }

    /// Gets the kernel, and gives it the name `name`.
    ///
    /// # Errors
    /// Fails if the kernel can't be fetched or read, or has a wrong checksum.
    pub fn kernel(&self, name: &str, packages: &Packages) -> Result<Kernel> {
        let kernel = match self {
            Self::Debian(line) => Kernel::debian(line, packages)?,
            Self::Path { image, modules } => Kernel::at(image, modules.as_deref())?,
            Self::Tree(tree) => Kernel::at(&built_image(tree)?, Some(tree))?,
            Self::Host => host_kernel()?,
            Self::Url { url, sha256 } => Kernel::from_image(
                &fetch(url, sha256, &packages.downloads)?,
                url.clone(),
                ModuleSource::None,
            )?,
            Self::Oci(image) => oci::kernel(image, &packages.downloads)?,
        };
        Ok(Kernel { name: name.to_owned(), ..kernel })
    }
}

fn built_image(tree: &Path) -> Result<PathBuf> {
    let images = Architecture::ALL.iter().flat_map(|it| it.spec().built_images);
    // An uncompressed kernel has the same name for all architectures.
    let mut images = images.copied().chain(["vmlinux"]);
    images.find_map(|image| Some(tree.join(image)).filter(|path| path.is_file())).ok_or_else(|| {
        let message = format!("no kernel was built in {}", tree.display());
        Error::new(ErrorKind::UnknownKernel, message)
            .help("run `make bzImage` there first (`make Image` for arm64)")
    })
}

fn host_kernel() -> Result<Kernel> {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let images = [format!("/boot/vmlinuz-{release}"), format!("/lib/modules/{release}/vmlinuz")];
    let image = images.iter().map(Path::new).find(|path| path.is_file()).ok_or_else(|| {
        let message = format!("the image of this machine's kernel, {release}, does not exist");
        Error::new(ErrorKind::UnknownKernel, message)
            .help("specify the path of the image with `path`")
    })?;
    let modules = PathBuf::from(format!("/lib/modules/{release}"));
    Kernel::at(image, Some(&modules).filter(|path| path.is_dir()).map(PathBuf::as_path))
}

/// The cache directory with the files that were downloaded from addresses.
pub(super) const URLS: &str = "urls";

/// Returns the contents of a file after verifying its checksum. The file is fetched only once.
fn fetch(url: &str, sha256: &str, downloads: &Downloads) -> Result<Vec<u8>> {
    if !is_sha256(sha256) {
        let message = format!("the sha256 of {url} is {sha256:?}, which is not a SHA-256");
        return Err(Error::new(ErrorKind::Configuration, message)
            .help("write the 64 hexadecimal digits that sha256sum prints"));
    }
    let cache = Cache::open()?;
    let directory = cache.directory(URLS)?.join(sha256);
    let lock = cache.lock(URLS)?;
    if !directory.join("image").exists() {
        remove(&directory)?;
        fill_directory(&directory, |directory| {
            let path = directory.join("image");
            downloads.check(url)?;
            download::fetch(url, &[], regular::IMAGE, &path, (&lock, downloads))?;
            let found = sha256_of(regular::open(&path)?).at("read", &path)?;
            if found == sha256 {
                return Ok(());
            }
            let message = format!("{url} has the SHA-256 {found}, not {sha256}");
            Err(Error::new(ErrorKind::Fetch, message)
                .help("correct the sha256 if you expected the file to change"))
        })?;
    }
    verified::read(&directory.join("image"), sha256, regular::IMAGE)
}
