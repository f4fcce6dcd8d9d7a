//! Root file systems for guests. A root file system is made from a directory, an archive, a
//! container image or Debian packages. The result is an archive in the cache. The guest unpacks
//! this archive into memory before the guest is saved.

pub(crate) mod base;
mod directory;
mod files;
mod image;
mod listing;
mod packages;
mod source;

pub(crate) use listing::{CLibrary, Listing};
pub use source::RootSource;

use crate::arch::Architecture;
use crate::digest::{sha256, sha256_of};
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::kernel::{
    Cache, Identity, Packages, archive, check_file, fill_directory, remove_directory,
};
use crate::regular;
use files::{Directories, Files};
use image::Layout;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// The directory in the cache, and the files in each of its subdirectories: the archive, its
/// listing, and a file whose modification time is the time of the last use.
pub(crate) const ROOTS: &str = "roots";
const ARCHIVE: &str = "root.cpio";
const LIST: &str = "root.json";
const USED: &str = "used";
/// The maximum number of states of one source that are kept.
const KEPT: usize = 2;

/// A root file system that is ready for guests.
#[derive(Debug, Clone)]
pub struct Root {
    /// The name of its source.
    name: String,
    archive: PathBuf,
    digest: String,
    listing: Arc<Listing>,
}

/// The description of a root file system in the cache.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    /// The SHA-256 of the archive.
    sha256: String,
    /// The packages that the root file system was made from, with their versions.
    packages: Vec<String>,
    listing: Listing,
}

impl RootSource {
    /// Makes the root file system for guests with this architecture, or returns it from the cache.
    ///
    /// # Errors
    /// Fails if the source can't be read or fetched, or if it is for a different processor. Also
    /// fails if a name or link in the source leads out of the root, or if the source contains
    /// devices.
    pub fn root(&self, packages: &Packages, architecture: Architecture) -> Result<Root> {
        let made = match self {
            Self::Path(path) => of_path(path, architecture),
            Self::Debian { suite, packages: names } => {
                packages::check_suite(suite)?;
                let wanted = packages::wanted(names);
                // The versions are chosen only once. A newer package has no effect until the cache
                // is emptied.
                let (state, origin) = (sha256(wanted.join(" ")), (self, architecture));
                ensure(["debian", suite], &state, origin, |scratch| {
                    packages::read(suite, names, packages, architecture, scratch)
                })
            }
        };
        made.map_err(|error| files::of(error, format_args!("the root file system {self}")))
    }
}

fn of_path(path: &Path, architecture: Architecture) -> Result<Root> {
    if !path.exists() {
        let message = "there is no such file or directory";
        return Err(Error::new(ErrorKind::NotFound, message)
            .help("specify a directory, an archive, or `debian:SUITE/PACKAGE,PACKAGE`; to save a container image as an \
                   archive, use `skopeo copy docker://IMAGE oci-archive:FILE`"));
    }
    let path = &path.canonicalize().at("find", path)?;
    let source = RootSource::Path(path.clone());
    let place = sha256(path.as_os_str().as_encoded_bytes());
    let unnamed = |files: Files| (files, Vec::new());
    if !path.is_dir() {
        let state = || {
            let metadata = regular::open(path)?.metadata().at("read", path)?;
            let identity = serde_json::to_vec(&Identity::of(&metadata));
            Ok(sha256(identity.expect("it is plain data")))
        };
        let before = state()?;
        return ensure(["file", &place], &before, (&source, architecture), |_| {
            let files = match Layout::in_archive(path)? {
                Some(layout) => layout.read(architecture)?,
                None => of_archive(path)?,
            };
            unchanged(path, &before, &state()?)?;
            Ok(unnamed(files))
        });
    }
    if let Some(layout) = Layout::in_directory(path) {
        let state = layout.state()?;
        return ensure(["image", &place], &state, (&source, architecture), |_| {
            layout.read(architecture).map(unnamed)
        });
    }
    let state = directory::state(path)?;
    ensure(["directory", &place], &state, (&source, architecture), |_| {
        let files = directory::read(path)?;
        unchanged(path, &state, &directory::state(path)?)?;
        Ok(unnamed(files))
    })
}

fn of_archive(path: &Path) -> Result<Files> {
    let (mut files, mut left) = (Files::new(Directories::Replace), files::budget());
    archive::walk(regular::open(path)?, &mut left, &mut |mut item, left| {
        files.take(&mut item, left, false)
    })?;
    Ok(files)
}

fn unchanged(path: &Path, before: &str, after: &str) -> Result<()> {
    if before == after {
        return Ok(());
    }
    let message = format!("{} has changed while it was read", path.display());
    Err(Error::new(ErrorKind::SourceChanged, message).help(ErrorKind::SourceChanged.advice()))
}

/// Returns the root file system for a state of a source and an architecture. If it is not in the
/// cache, it is made first.
fn ensure(
    [kind, place]: [&str; 2],
    state: &str,
    (source, architecture): (&RootSource, Architecture),
    make: impl FnOnce(&Path) -> Result<(Files, Vec<String>)>,
) -> Result<Root> {
    let cache = Cache::open()?;
    let parent = cache.directory(ROOTS)?;
    let prefix = format!("{kind}{}-{}", architecture.suffix(), &place[..place.len().min(24)]);
    let directory = parent.join(format!("{prefix}-{}", &state[..24]));
    let lock = cache.lock(&format!("root-{prefix}"))?;
    let list = directory.join(LIST);
    if !list.exists() {
        remove_directory(&directory)?;
        fill_directory(&directory, |directory| {
            let (files, packages) = make(directory)?;
            let listing = files.list(architecture);
            listing.check_processor(architecture)?;
            let path = directory.join(ARCHIVE);
            let mut out = BufWriter::new(File::create(&path).at("write", &path)?);
            files.pack(&mut out)?;
            out.flush().at("write", &path)?;
            let sha256 = sha256_of(regular::open(&path)?).at("read", &path)?;
            let kept = Kept { sha256, packages, listing };
            let json = serde_json::to_vec(&kept).expect("it is plain data");
            let path = directory.join(LIST);
            fs::write(&path, json).at("write", &path)
        })?;
        discard_older(&parent, &prefix, &directory);
    }
    drop(lock);
    let used = File::create(directory.join(USED));
    // The modification time shows which root file systems have not been used for a long time.
    let _ = used.and_then(|used| used.set_modified(SystemTime::now()));
    let kept: Kept =
        serde_json::from_slice(&regular::read(&list, regular::FILE)?).map_err(|_| {
            let message = format!("{} is damaged", list.display());
            Error::new(ErrorKind::CacheTampered, message)
                .help(format!("remove {} to create it again", directory.display()))
        })?;
    let archive = directory.join(ARCHIVE);
    check_file(&archive, &kept.sha256)?;
    Ok(Root {
        name: source.to_string(),
        archive,
        digest: kept.sha256,
        listing: Arc::new(kept.listing),
    })
}

/// Removes all but the most recently used states of a source, because each change of a directory
/// creates a new state.
fn discard_older(parent: &Path, prefix: &str, newest: &Path) {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let mut older: Vec<(SystemTime, PathBuf)> = entries
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('-')) && path != newest
        })
        .filter_map(|path| Some((path.join(USED).metadata().ok()?.modified().ok()?, path)))
        .collect();
    older.sort();
    // Debian packages are requested in many combinations, and each combination is a separate
    // source.
    let kept = if prefix.starts_with("debian-") { usize::MAX } else { KEPT - 1 };
    for (_, path) in older.iter().rev().skip(kept) {
        // A guest that is starting has the file open, and can still read the removed file.
        let _ = remove_directory(path);
    }
}

impl Root {
    /// Returns the path of the archive for the guest.
    pub(crate) fn archive(&self) -> &Path {
        &self.archive
    }

    /// Returns the digest that identifies the contents of the root file system.
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }

    /// Returns the list of the files in the root file system.
    pub(crate) fn listing(&self) -> &Arc<Listing> {
        &self.listing
    }

    /// Checks that the root file system fits into a guest with this amount of memory, in MiB.
    ///
    /// # Errors
    /// Fails if the root file system does not fit. Files may use at most half of the memory.
    pub(crate) fn check_memory(&self, memory: u32) -> Result<()> {
        let needed = self.listing.memory().div_ceil(1 << 20);
        let limit = u64::from(memory) / 2;
        if needed < limit {
            return Ok(());
        }
        let message = format!(
            "the root file system {} needs {needed} MiB, but the files of a guest with {memory} MiB of memory can use at \
             most {limit} MiB",
            self.name
        );
        // The larger size leaves some memory for the programs that run in the guest.
        let enough = (needed * 2 + 256).next_multiple_of(256);
        Err(Error::new(ErrorKind::RootTooLarge, message).help(format!(
            "give the guest more memory with `--memory {enough}M`, or use a smaller root file system"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_changes_has_a_name_of_its_own() {
        let path = Path::new("/root.tar");
        unchanged(path, "before", "before").unwrap();
        let error = unchanged(path, "before", "after").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SourceChanged);
        assert!(error.to_string().contains("/root.tar has changed while it was read"), "{error}");
    }
}
