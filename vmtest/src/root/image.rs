//! A container image as a root file system. The image must be in the image layout of the OCI
//! specification, as a directory or as an archive.

use super::files::{Directories, Files, budget};
use super::listing::wrong_architecture;
use crate::arch::Architecture;
use crate::digest::{is_sha256, sha256, sha256_of};
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::kernel::archive::{self, ItemKind, damaged, refused, relative};
use crate::regular;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file that identifies a layout, and the file that lists its contents.
const MARK: &str = "oci-layout";
const INDEX: &str = "index.json";
/// The size limit of a manifest or an index.
const MANIFEST_LIMIT: u64 = 4 << 20;
/// The maximum number of layers, and of nested indices. Container tools create fewer of them.
const LAYERS: usize = 200;
const INDICES: usize = 4;

/// The location of the files of a layout.
pub(super) enum Layout {
    Directory(PathBuf),
    /// The files of an archive by their paths.
    Archive(BTreeMap<String, Arc<[u8]>>),
}

impl Layout {
    /// Returns the layout in a directory, if it contains one.
    pub(super) fn in_directory(path: &Path) -> Option<Self> {
        let is_one = path.join(MARK).is_file() && path.join(INDEX).is_file();
        is_one.then(|| Self::Directory(path.to_owned()))
    }

    /// Returns the layout in an archive, if it contains one.
    pub(super) fn in_archive(path: &Path) -> Result<Option<Self>> {
        let mut is_one = false;
        let mut left = budget();
        // Only an archive with a layout contains the mark. The files are kept only if the mark is
        // found.
        archive::walk(regular::open(path)?, &mut left, &mut |item, _| {
            is_one |= relative(&item.name).ok().flatten().as_deref() == Some(MARK);
            Ok(())
        })?;
        if !is_one {
            return Ok(None);
        }
        let (mut files, mut left) = (BTreeMap::new(), budget());
        archive::walk(regular::open(path)?, &mut left, &mut |item, left| {
            if item.kind != ItemKind::File {
                return Ok(());
            }
            if let Some(path) = relative(&item.name)? {
                item.keep(&path, left)?;
                let mut data = Vec::new();
                item.data.read_to_end(&mut data).map_err(damaged)?;
                files.insert(path, data.into());
            }
            Ok(())
        })?;
        Ok(Some(Self::Archive(files)))
    }

    /// Returns a digest of the layout's index. The names of all other files contain their digests.
    pub(super) fn state(&self) -> Result<String> {
        Ok(sha256(self.text(INDEX)?))
    }

    /// Combines the layers of the image for this processor.
    pub(super) fn read(&self, architecture: Architecture) -> Result<Files> {
        let mut manifest = json(&self.text(INDEX)?, INDEX)?;
        for _ in 0..INDICES {
            let Some(entries) = manifest["manifests"].as_array() else { break };
            let digest = digest_of(for_this_processor(entries, architecture)?)?;
            manifest = json(&self.blob(digest, MANIFEST_LIMIT)?, digest)?;
        }
        let config = digest_of(&manifest["config"]).ok();
        let config = config.map(|digest| json(&self.blob(digest, MANIFEST_LIMIT)?, digest));
        if let Some(processor) = config.transpose()?.as_ref().and_then(processor)
            && processor != architecture.spec().debian
        {
            return Err(wrong_architecture(format!("it is for {processor}"), architecture));
        }
        let layers = manifest["layers"].as_array().filter(|layers| !layers.is_empty());
        let layers = layers.ok_or_else(|| refused("its manifest has no layers"))?;
        if layers.len() > LAYERS {
            return Err(refused(format!("its manifest has {} layers", layers.len())));
        }
        let (mut files, mut left) = (Files::new(Directories::Replace), budget());
        for layer in layers {
            let digest = digest_of(layer)?;
            let stream = self.stream(digest)?;
            archive::walk(stream, &mut left, &mut |mut item, left| {
                files.take(&mut item, left, true)
            })
            .map_err(|error| error.of(format_args!("the layer {digest}")))?;
            files.next_layer();
        }
        Ok(files)
    }

    /// Reads a file of the layout into memory.
    fn text(&self, path: &str) -> Result<Vec<u8>> {
        match self {
            Self::Directory(directory) => regular::read(&directory.join(path), MANIFEST_LIMIT),
            Self::Archive(files) => {
                files.get(path).map(|data| data.to_vec()).ok_or_else(|| lacks(path))
            }
        }
    }

    /// Reads the blob with a digest into memory.
    fn blob(&self, digest: &str, limit: u64) -> Result<Vec<u8>> {
        let mut data = Vec::new();
        self.stream(digest)?.take(limit).read_to_end(&mut data).map_err(damaged)?;
        Ok(data)
    }

    /// Verifies the digest of a blob, and opens the blob.
    fn stream(&self, digest: &str) -> Result<Box<dyn Read + '_>> {
        let digits = digest.strip_prefix("sha256:").unwrap_or_default();
        let name = format!("blobs/sha256/{digits}");
        let (found, stream): (String, Box<dyn Read>) = match self {
            Self::Directory(directory) => {
                let path = directory.join(name);
                if !path.exists() {
                    return Err(lacks(digest));
                }
                let found = sha256_of(regular::open(&path)?).at("read", &path)?;
                (found, Box::new(regular::open(&path)?))
            }
            Self::Archive(files) => {
                let data = files.get(&name).ok_or_else(|| lacks(digest))?;
                (sha256(data), Box::new(&**data))
            }
        };
        if found != digits {
            return Err(incomplete(format!("the blob {digest} has the digest sha256:{found}")));
        }
        Ok(stream)
    }
}

/// Returns the entry of an index that is for the guest's processor.
fn for_this_processor(entries: &[Value], architecture: Architecture) -> Result<&Value> {
    let platform = |entry: &Value| processor(&entry["platform"]).map(str::to_owned);
    let debian = architecture.spec().debian;
    let ours = entries.iter().find(|entry| platform(entry).as_deref() == Some(debian));
    // An entry of an index may lack the platform.
    let unsaid = || entries.iter().find(|entry| platform(entry).is_none());
    ours.or_else(unsaid).ok_or_else(|| {
        let mut others: Vec<String> = entries.iter().filter_map(platform).collect();
        others.dedup();
        if others.is_empty() {
            refused("its index is empty")
        } else {
            wrong_architecture(format!("it is for {}", others.join(", ")), architecture)
        }
    })
}

fn processor(platform: &Value) -> Option<&str> {
    platform["architecture"].as_str()
}

fn json(text: &[u8], name: &str) -> Result<Value> {
    serde_json::from_slice(text).map_err(|_| incomplete(format!("{name} is not JSON")))
}

fn digest_of(entry: &Value) -> Result<&str> {
    let digest = entry["digest"].as_str().unwrap_or_default();
    match digest.strip_prefix("sha256:").filter(|digits| is_sha256(digits)) {
        Some(_) => Ok(digest),
        None => Err(refused(format!("{digest:?} is not a SHA-256 digest"))),
    }
}

fn lacks(what: &str) -> Error {
    incomplete(format!("it lacks {what}"))
}

fn incomplete(message: String) -> Error {
    Error::new(ErrorKind::ArchiveDamaged, message).help(ErrorKind::ArchiveDamaged.advice())
}
