//! Root file systems for guests: from a directory, an archive, a container image or Debian's packages to an archive in the
//! cache, which the guest unpacks into memory before it is saved.

pub(crate) mod base;
mod directory;
mod files;
mod image;
mod listing;
mod packages;
mod source;

pub(crate) use listing::{CLibrary, Listing};
pub use source::RootSource;

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

/// The directory of the cache, and what is in each directory of it: the archive, what it has, and when it was used.
pub(crate) const ROOTS: &str = "roots";
const ARCHIVE: &str = "root.cpio";
const LIST: &str = "root.json";
const USED: &str = "used";
/// How many states of one source are kept.
const KEPT: usize = 2;

/// A root file system, ready for guests.
#[derive(Debug, Clone)]
pub struct Root {
    /// What it was made from.
    name: String,
    archive: PathBuf,
    digest: String,
    listing: Arc<Listing>,
}

/// What the cache says of one.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    /// The SHA-256 of the archive.
    sha256: String,
    /// The packages that it was made from, with their versions.
    packages: Vec<String>,
    listing: Listing,
}

impl RootSource {
    /// Makes the root file system, or finds it in the cache.
    ///
    /// # Errors
    /// It can't be read or fetched, it leads out of itself, it has devices, or it is for another processor.
    pub fn root(&self, packages: &Packages) -> Result<Root> {
        let made = match self {
            Self::Path(path) => of_path(path),
            Self::Debian { suite, packages: names } => {
                packages::check_suite(suite)?;
                let wanted = packages::wanted(names);
                // Which versions these are is decided once: a newer package changes nothing until the cache is emptied.
                ensure(["debian", suite], &sha256(wanted.join(" ")), self, |scratch| {
                    packages::read(suite, names, packages, scratch)
                })
            }
        };
        made.map_err(|error| files::of(error, format_args!("the root file system {self}")))
    }
}

fn of_path(path: &Path) -> Result<Root> {
    if !path.exists() {
        let message = "there is no such file or directory";
        return Err(Error::new(ErrorKind::Usage, message)
            .help("name a directory, an archive, or `debian:SUITE/PACKAGE,PACKAGE`"));
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
        return ensure(["file", &place], &before, &source, |_| {
            let files = match Layout::in_archive(path)? {
                Some(layout) => layout.read()?,
                None => of_archive(path)?,
            };
            unchanged(path, &before, &state()?)?;
            Ok(unnamed(files))
        });
    }
    if let Some(layout) = Layout::in_directory(path) {
        let state = layout.state()?;
        return ensure(["image", &place], &state, &source, |_| layout.read().map(unnamed));
    }
    let state = directory::state(path)?;
    ensure(["directory", &place], &state, &source, |_| {
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
    Err(Error::new(ErrorKind::Io, message).help("run it again when nothing writes to it"))
}

/// The root file system of a source in a state, which is made if the cache does not have it.
fn ensure(
    [kind, place]: [&str; 2],
    state: &str,
    source: &RootSource,
    make: impl FnOnce(&Path) -> Result<(Files, Vec<String>)>,
) -> Result<Root> {
    let cache = Cache::open()?;
    let parent = cache.directory(ROOTS)?;
    let prefix = format!("{kind}-{}", &place[..place.len().min(24)]);
    let directory = parent.join(format!("{prefix}-{}", &state[..24]));
    let lock = cache.lock(&format!("root-{prefix}"))?;
    let list = directory.join(LIST);
    if !list.exists() {
        remove_directory(&directory)?;
        fill_directory(&directory, |directory| {
            let (files, packages) = make(directory)?;
            let listing = files.list();
            listing.check_processor()?;
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
    // So that it can be told which have not been used for long.
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

/// Keeps only the states of a source that were used last: a directory has a new one with each change.
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
    // Debian's packages are asked for in many combinations, each of which is a source of its own.
    let kept = if prefix.starts_with("debian-") { usize::MAX } else { KEPT - 1 };
    for (_, path) in older.iter().rev().skip(kept) {
        // A guest that starts has the file open, and keeps it.
        let _ = remove_directory(path);
    }
}

impl Root {
    /// Where the archive for the guest is.
    pub(crate) fn archive(&self) -> &Path {
        &self.archive
    }

    /// Names its contents.
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }

    /// What is in it.
    pub(crate) fn listing(&self) -> &Arc<Listing> {
        &self.listing
    }

    /// Checks that a guest with so many MiB of memory can hold it.
    ///
    /// # Errors
    /// It can't: files take at most half of the memory.
    pub(crate) fn check_memory(&self, memory: u32) -> Result<()> {
        let needed = self.listing.memory().div_ceil(1 << 20);
        let limit = u64::from(memory) / 2;
        if needed < limit {
            return Ok(());
        }
        let message = format!(
            "the root file system {} takes {needed} MiB, but a guest with {memory} MiB of memory holds files of at most \
             {limit} MiB",
            self.name
        );
        // Some room for the programs that run in it.
        let enough = (needed * 2 + 256).next_multiple_of(256);
        Err(Error::new(ErrorKind::RootTooLarge, message).help(format!(
            "give the guest more memory with `--memory {enough}M`, or use a smaller one"
        )))
    }
}
