//! Kernels in container images, as cilium's ci-kernels and little-vm-helper keep them: somewhere
//! in the image a `vmlinuz`, and maybe modules in a `lib/modules/RELEASE`.
//!
//! The protocol is that of the OCI distribution specification, read-only and without an account.

use super::download::curl;
use super::{Cache, fill_directory};
use crate::digest::sha256;
use crate::error::{Context as _, Error, ErrorKind, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

const MANIFESTS: &str = "Accept: application/vnd.oci.image.index.v1+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// An image's name in a registry.
#[derive(Debug, PartialEq, Eq)]
struct Reference {
    registry: String,
    repository: String,
    tag: String,
}

impl Reference {
    fn parse(image: &str) -> Result<Self> {
        let wrong = || {
            Error::new(ErrorKind::Configuration, format!("{image} names no image in a registry"))
                .help("write REGISTRY/REPOSITORY:TAG or REGISTRY/REPOSITORY@sha256:DIGEST")
        };
        let (registry, rest) = image.split_once('/').ok_or_else(wrong)?;
        let (repository, tag) = match rest.split_once('@') {
            Some(parts) => parts,
            None => rest.rsplit_once(':').unwrap_or((rest, "latest")),
        };
        if registry.is_empty() || repository.is_empty() || tag.is_empty() {
            return Err(wrong());
        }
        Ok(Self {
            registry: registry.to_owned(),
            repository: repository.to_owned(),
            tag: tag.to_owned(),
        })
    }

    /// The address of a manifest or a blob.
    fn address(&self, kind: &str, name: &str) -> String {
        // Registries on this machine speak plain HTTP, as container tools expect of them.
        let host = self.registry.split(':').next().unwrap_or_default();
        let local = host == "localhost" || host.starts_with("127.");
        let scheme = if local { "http" } else { "https" };
        format!("{scheme}://{}/v2/{}/{kind}/{name}", self.registry, self.repository)
    }
}

/// The kernel image and the directory of modules in a container image, which is fetched once.
pub(super) fn fetch(image: &str) -> Result<(PathBuf, Option<PathBuf>)> {
    let reference = Reference::parse(image)?;
    let cache = Cache::open()?;
    let key = sha256(image);
    let directory = cache.directory("oci")?.join(key);
    let _lock = cache.lock("oci")?;
    if !directory.exists() {
        fill_directory(&directory, |directory| unpack(&reference, directory))?;
    }
    let kernel = find(&directory, &|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.is_file() && (name.starts_with("vmlinuz") || name == "bzImage")
    });
    let kernel = kernel.ok_or_else(|| {
        Error::new(ErrorKind::KernelCorrupt, format!("there is no vmlinuz in the image {image}"))
    })?;
    let modules = find(&directory, &|path| path.is_dir() && path.ends_with("lib/modules"));
    Ok((kernel, modules))
}

fn unpack(reference: &Reference, directory: &Path) -> Result<()> {
    let mut manifest = get_manifest(reference, &reference.tag)?;
    if let Some(manifests) = manifest["manifests"].as_array() {
        let ours = |entry: &&Value| entry["platform"]["architecture"] == "amd64";
        let entry = manifests.iter().find(ours).or(manifests.first());
        let digest = entry.and_then(|entry| entry["digest"].as_str()).unwrap_or_default();
        manifest = get_manifest(reference, digest)?;
    }
    let layers = manifest["layers"].as_array().filter(|layers| !layers.is_empty());
    let layers = layers.ok_or_else(|| damaged(reference, "its manifest has no layers"))?;
    for layer in layers {
        let digest = layer["digest"].as_str().unwrap_or_default();
        let path = directory.join("layer");
        let address = reference.address("blobs", digest);
        curl(&[&address, "--output", &path.display().to_string()])?;
        verify(reference, digest, &std::fs::read(&path).at("read", &path)?)?;
        let mut tar = Command::new("tar");
        tar.arg("--extract").arg("--no-same-owner").arg("--file").arg(&path);
        tar.arg("--directory").arg(directory);
        let output = tar.output().doing("run tar")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(damaged(reference, &format!("a layer can't be unpacked: {}", said.trim())));
        }
        std::fs::remove_file(&path).at("remove", &path)?;
    }
    Ok(())
}

fn get_manifest(reference: &Reference, name: &str) -> Result<Value> {
    let text = curl(&[&reference.address("manifests", name), "--header", MANIFESTS])?;
    if name.starts_with("sha256:") {
        verify(reference, name, &text)?;
    }
    serde_json::from_slice(&text).map_err(|_| damaged(reference, "its manifest is not JSON"))
}

fn verify(reference: &Reference, digest: &str, data: &[u8]) -> Result<()> {
    let found = format!("sha256:{}", sha256(data));
    if found == digest {
        return Ok(());
    }
    Err(damaged(reference, &format!("{digest} has the digest {found}")))
}

fn damaged(reference: &Reference, what: &str) -> Error {
    let Reference { registry, repository, tag } = reference;
    Error::new(
        ErrorKind::Fetch,
        format!("the image {registry}/{repository}:{tag} is damaged: {what}"),
    )
}

/// The first path below a directory, in order of names, for which `is` holds.
fn find(directory: &Path, is: &dyn Fn(&Path) -> bool) -> Option<PathBuf> {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(directory).ok()?.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    entries.iter().find(|path| is(path)).cloned().or_else(|| {
        let directories = entries.iter().filter(|path| path.is_dir() && !path.is_symlink());
        directories.into_iter().find_map(|path| find(path, is))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_as_container_tools_read_them() {
        let parse = |image| {
            Reference::parse(image).map(|found| (found.registry, found.repository, found.tag))
        };
        let all = |parts: [&str; 3]| {
            let [registry, repository, tag] = parts.map(str::to_owned);
            (registry, repository, tag)
        };
        assert_eq!(parse("127.0.0.1:5000/a/b:6.6").unwrap(), all(["127.0.0.1:5000", "a/b", "6.6"]));
        assert_eq!(parse("registry.test/a").unwrap(), all(["registry.test", "a", "latest"]));
        assert_eq!(
            parse("registry.test/a@sha256:00").unwrap(),
            all(["registry.test", "a", "sha256:00"])
        );
        assert!(parse("nothing").is_err() && parse("/a:b").is_err());
        let local = Reference::parse("127.0.0.1:5000/a:b").unwrap();
        assert_eq!(local.address("manifests", "b"), "http://127.0.0.1:5000/v2/a/manifests/b");
    }
}
