//! Kernels in container images. An image must have the layout of cilium's ci-kernels and
//! little-vm-helper: a `vmlinuz` anywhere in the image, and optionally modules in a directory
//! `lib/modules/RELEASE`.
//!
//! The protocol is the OCI distribution specification. It is used only to read, without an account.

use super::archive::{self, Budget};
use super::cache::{Cache, Lock, fill_directory, remove};
use super::kept::{Keeper, List};
use super::{Downloads, Kernel, ModuleSource, download, manifest, verified};
use crate::arch::Architecture;
use crate::digest::{is_sha256, sha256, sha256_of};
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::regular;
use serde_json::Value;
use std::fmt;
use std::path::Path;

const MANIFESTS: &str = "Accept: application/vnd.oci.image.index.v1+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// The name of an image in a registry.
#[derive(Debug, PartialEq, Eq)]
struct Reference {
    registry: String,
    repository: String,
    tag: String,
}

impl Reference {
    fn parse(image: &str) -> Result<Self> {
        let wrong = || {
            Error::new(
                ErrorKind::Configuration,
                format!("{image} is not the name of an image in a registry"),
            )
            .help("write REGISTRY/REPOSITORY:TAG or REGISTRY/REPOSITORY@sha256:DIGEST")
        };
        let (registry, rest) = image.split_once('/').ok_or_else(wrong)?;
        let (repository, tag) = match rest.split_once('@') {
            Some(parts) => parts,
            None => rest.rsplit_once(':').unwrap_or((rest, "latest")),
        };
        let is_of = |text: &str, also: &str| {
            let is_right = |c: char| c.is_ascii_alphanumeric() || also.contains(c);
            !text.is_empty() && text.chars().all(is_right)
        };
        let is_path = repository.split('/').all(|part| is_of(part, "._-") && part != "..");
        // Only a digest can follow `@`.
        let is_tag = if rest.contains('@') { digest_of(tag).is_some() } else { is_of(tag, "._-") };
        if !is_of(registry, ".-:[]") || !is_path || !is_tag {
            return Err(wrong());
        }
        Ok(Self {
            registry: registry.to_owned(),
            repository: repository.to_owned(),
            tag: tag.to_owned(),
        })
    }

    /// Returns the address of a manifest or a blob.
    fn address(&self, kind: &str, name: &str) -> String {
        // Registries on this machine use plain HTTP, as is usual for container tools.
        let scheme = if download::is_local(&self.registry) { "http" } else { "https" };
        format!("{scheme}://{}/v2/{}/{kind}/{name}", self.registry, self.repository)
    }
}

/// The directory in the cache that contains container images.
pub(super) const IMAGES: &str = "oci";
/// The file that lists the extracted files of an image.
const LIST: &str = "files.json";

/// The size limit of a registry's answer to a request for a manifest.
const MANIFEST_LIMIT: u64 = 4 << 20;
/// The size limit of a registry's answer to a request for a layer.
const LAYER_LIMIT: u64 = 8 << 30;
/// The maximum number of layers. Container tools create fewer layers.
const LAYERS: usize = 200;

/// Returns the path of an image's files in the cache.
pub(super) fn place(image: &str) -> String {
    format!("{IMAGES}/{}", sha256(image))
}

/// Returns the kernel in a container image. The image is fetched only once.
pub(super) fn kernel(image: &str, downloads: &Downloads) -> Result<Kernel> {
    let reference = Reference::parse(image)?;
    let cache = Cache::open()?;
    cache.directory(IMAGES)?;
    let directory = cache.path(&place(image));
    let lock = cache.lock(IMAGES)?;
    let list = directory.join(LIST);
    if !list.exists() {
        // An older version of this program created the directory without a list.
        remove(&directory)?;
        fill_directory(&directory, |directory| {
            downloads.check(format_args!("the image {image}"))?;
            let files = unpack(&reference, directory, (&lock, downloads))?;
            manifest::write_json(&directory.join(LIST), &files)
        })?;
    }
    drop(lock);
    let mut files: List = manifest::read(&list)?;
    let (path, digest) = find_image(&files).ok_or_else(|| {
        Error::new(ErrorKind::KernelCorrupt, format!("there is no vmlinuz in the image {image}"))
    })?;
    let name = format!("{path} of the image {image}");
    let data = verified::read(&directory.join(path), digest, regular::IMAGE)?;
    let kernel = Kernel::from_image(&data, name, ModuleSource::None)?;
    // An image may contain the modules of several kernels.
    let ours = format!("lib/modules/{}/", kernel.release);
    if files.keys().any(|path| path.contains(&ours)) {
        files.retain(|path, _| path.contains(&ours));
    }
    Ok(Kernel { modules: ModuleSource::Kept { directory, files }, ..kernel })
}

/// Returns the kernel image with the fewest directories in its path. If there are several, returns
/// the first of them by name.
fn find_image(files: &List) -> Option<(&String, &String)> {
    let is_image = |path: &str| archive::is_image(path.rsplit('/').next().unwrap_or(path));
    let images = files.iter().filter(|(path, _)| is_image(path));
    images.min_by_key(|(path, _)| path.matches('/').count())
}

/// Extracts the files of a kernel from an image's layers.
fn unpack(reference: &Reference, directory: &Path, means: (&Lock, &Downloads)) -> Result<List> {
    let mut manifest = get_manifest(reference, &reference.tag, directory, means)?;
    if let Some(manifests) = manifest["manifests"].as_array() {
        let name = Architecture::HOST.spec().debian;
        let ours = |entry: &&Value| entry["platform"]["architecture"] == name;
        let entry = manifests.iter().find(ours).or(manifests.first()).unwrap_or(&Value::Null);
        let digest = digest_in(reference, entry)?;
        manifest = get_manifest(reference, digest, directory, means)?;
    }
    let layers = manifest["layers"].as_array().filter(|layers| !layers.is_empty());
    let layers = layers.ok_or_else(|| damaged(reference, "its manifest has no layers"))?;
    if layers.len() > LAYERS {
        let what = format!("its manifest has {} layers", layers.len());
        return Err(Error::new(ErrorKind::ArchiveRefused, what).of(reference));
    }
    let mut budget = Budget::of_a_kernel();
    let mut keeper = Keeper::new(directory);
    for layer in layers {
        let digest = digest_in(reference, layer)?;
        let size = layer["size"].as_u64().unwrap_or(LAYER_LIMIT).min(LAYER_LIMIT);
        let path = directory.join(LAYER);
        let address = reference.address("blobs", digest);
        download::fetch(&address, &[], size, &path, means)?;
        verify(reference, digest, &path)?;
        let stream = regular::open(&path)?;
        archive::read(stream, &mut budget, &mut |entry| keeper.take(entry))
            .map_err(|error| error.of(format_args!("the layer {digest}")).of(reference))?;
        keeper.next_layer();
        std::fs::remove_file(&path).at("remove", &path)?;
    }
    Ok(keeper.list())
}

/// The name of the file that contains the layer that is being read. No file of a kernel has this
/// name.
const LAYER: &str = ".layer";

fn get_manifest(
    reference: &Reference,
    name: &str,
    directory: &Path,
    means: (&Lock, &Downloads),
) -> Result<Value> {
    let path = directory.join(LAYER);
    let address = reference.address("manifests", name);
    download::fetch(&address, &[MANIFESTS], MANIFEST_LIMIT, &path, means)?;
    if digest_of(name).is_some() {
        verify(reference, name, &path)?;
    }
    let text = regular::read(&path, MANIFEST_LIMIT)?;
    std::fs::remove_file(&path).at("remove", &path)?;
    serde_json::from_slice(&text).map_err(|_| damaged(reference, "its manifest is not JSON"))
}

/// Returns the hexadecimal digits of a SHA-256 digest such as `sha256:…`, or `None` if the text is
/// not such a digest.
fn digest_of(text: &str) -> Option<&str> {
    text.strip_prefix("sha256:").filter(|digits| is_sha256(digits))
}

/// Returns the digest in an entry of a manifest.
fn digest_in<'a>(reference: &Reference, entry: &'a Value) -> Result<&'a str> {
    let digest = entry["digest"].as_str().unwrap_or_default();
    match digest_of(digest) {
        Some(_) => Ok(digest),
        None => Err(damaged(reference, &format!("{digest:?} is not a SHA-256 digest"))),
    }
}

fn verify(reference: &Reference, digest: &str, path: &Path) -> Result<()> {
    let found = sha256_of(regular::open(path)?).at("read", path)?;
    if digest_of(digest) == Some(&found) {
        return Ok(());
    }
    Err(damaged(reference, &format!("the blob {digest} has the digest sha256:{found}")))
}

fn damaged(reference: &Reference, what: &str) -> Error {
    Error::new(ErrorKind::Fetch, format!("it is damaged: {what}")).of(reference)
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { registry, repository, tag } = self;
        write!(f, "the image {registry}/{repository}:{tag}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_as_container_tools_read_them() {
        let parse = |image: &str| {
            Reference::parse(image).map(|found| (found.registry, found.repository, found.tag))
        };
        let all = |parts: [&str; 3]| {
            let [registry, repository, tag] = parts.map(str::to_owned);
            (registry, repository, tag)
        };
        assert_eq!(parse("127.0.0.1:5000/a/b:6.6").unwrap(), all(["127.0.0.1:5000", "a/b", "6.6"]));
        assert_eq!(parse("registry.test/a").unwrap(), all(["registry.test", "a", "latest"]));
        let digest = format!("sha256:{}", "0".repeat(64));
        assert_eq!(
            parse(format!("registry.test/a@{digest}").as_str()).unwrap(),
            all(["registry.test", "a", &digest])
        );
        for wrong in [
            "nothing",
            "/a:b",
            "registry.test/a@sha256:00",
            "registry.test/a@sha512:00",
            "registry.test/a/../../b:c",
            "me@registry.test/a:b",
            "registry.test/a?x:b",
            "registry.test/a:b#c",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        let local = Reference::parse("127.0.0.1:5000/a:b").unwrap();
        assert_eq!(local.address("manifests", "b"), "http://127.0.0.1:5000/v2/a/manifests/b");
        let remote = Reference::parse("127.example.invalid/a:b").unwrap();
        assert!(remote.address("manifests", "b").starts_with("https://127.example.invalid/"));
    }
}
