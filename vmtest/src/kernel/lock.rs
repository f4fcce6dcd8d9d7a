//! The lock file records the packages that a matrix was run with, by version and checksum. A later
//! run can use the same packages, even if they are no longer in the index.

use super::Cache;
use crate::digest::is_sha256;
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::regular;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Packages that are no longer in Debian's index, but whose files are still in its pool. Their
/// checksums were computed when they were first fetched, without verification by the index. A
/// kernel refuses a module whose signature is wrong. However, Linux 6.12 and 7.1 load a module
/// without a signature, and only log that the signature is missing.
const KNOWN: &str = include_str!("known.lock");

/// A pinned package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// The path of the package on a mirror, relative to the mirror's root.
    pub(super) file: String,
    pub(super) sha256: String,
    /// A digest of the files that the cache keeps of the package, computed by [`super::debian`].
    /// This digest is used to verify a cache that was filled by someone else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) kept: Option<String>,
    /// The size of the package in bytes, if the package comes from the index.
    #[serde(skip)]
    pub(super) size: Option<u64>,
}

impl Package {
    /// Checks that the fields have the same form as in Debian's index, because the fields become
    /// parts of paths and addresses.
    ///
    /// # Errors
    /// Returns the name and the value of the field that has a wrong form.
    pub(super) fn check(&self) -> std::result::Result<(), String> {
        let is_word = |text: &str, also: &str| {
            let is_right = |c: char| c.is_ascii_alphanumeric() || also.contains(c);
            text.len() <= 200
                && text.starts_with(|first: char| first.is_ascii_alphanumeric())
                && text.chars().all(is_right)
        };
        let Self { name, version, file, sha256, kept, size: _ } = self;
        let wrong = if !is_word(name, "+-.") {
            ("name", name)
        } else if !is_word(version, "+-.~:") {
            ("version", version)
        } else if !file.split('/').all(|part| is_word(part, "+-.~:_")) {
            ("file", file)
        } else if !is_sha256(sha256) {
            ("sha256", sha256)
        } else if let Some(kept) = kept.as_ref().filter(|kept| !is_word(kept, ":")) {
            ("kept", kept)
        } else {
            return Ok(());
        };
        Err(format!("{:?} is not a valid `{}` of a Debian package", wrong.1, wrong.0))
    }

    /// Returns whether two entries pin the same package, regardless of the digests of the kept
    /// files.
    pub(super) fn is(&self, other: &Self) -> bool {
        (&self.name, &self.version, &self.sha256) == (&other.name, &other.version, &other.sha256)
    }

    /// Returns the kernel's release, which is the text after the prefix in the package's name.
    pub(super) fn release(&self, prefix: &str) -> &str {
        self.name.strip_prefix(prefix).unwrap_or(&self.name)
    }
}

/// A lock file on disk, which may not exist yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockFile {
    path: PathBuf,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    #[serde(default)]
    package: Vec<Package>,
}

impl LockFile {
    /// Returns the lock file at a path.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Returns the packages that the lock file pins.
    pub(super) fn packages(&self) -> Result<Vec<Package>> {
        let text = regular::text_if_there(&self.path)?;
        text.map_or_else(|| Ok(Vec::new()), |text| parse(&text, &self.path))
    }

    /// Pins a package, and removes all entries for which `replaces` returns true.
    pub(super) fn pin(&self, package: &Package, replaces: impl Fn(&Package) -> bool) -> Result<()> {
        let _lock = Cache::open()?.lock("lock-file")?;
        let mut packages = self.packages()?;
        if packages.contains(package) {
            return Ok(());
        }
        packages.retain(|other| other.name != package.name && !replaces(other));
        packages.push(package.clone());
        packages.sort_by(|a, b| a.name.cmp(&b.name));
        let text = toml::to_string(&Contents { package: packages }).expect("a lock is plain data");
        let head = "# Written by bpfmap-vmtest: the kernels on which the tests run.\n\n";
        let directory =
            self.path.parent().filter(|path| *path != Path::new("")).unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(directory).at("write beside", &self.path)?;
        std::io::Write::write_all(&mut file, (head.to_owned() + &text).as_bytes())
            .at("write", &self.path)?;
        file.persist(&self.path).map_err(|error| error.error).at("write", &self.path)?;
        Ok(())
    }
}

/// Returns the packages that this program itself pins.
pub(super) fn known() -> Vec<Package> {
    parse(KNOWN, Path::new("known.lock")).unwrap_or_default()
}

pub(super) fn parse(text: &str, path: &Path) -> Result<Vec<Package>> {
    let wrong = |why: String| {
        Error::new(ErrorKind::Configuration, format!("{} is not a lock file", path.display()))
            .because(why)
            .help("remove it; the next run creates it again with the newest kernels")
    };
    let contents: Contents = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
    for package in &contents.package {
        package.check().map_err(wrong)?;
    }
    Ok(contents.package)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str) -> Package {
        let (file, sha256) = ("pool/x.deb".to_owned(), "ab".repeat(32));
        Package {
            name: name.to_owned(),
            version: version.to_owned(),
            file,
            sha256,
            kept: None,
            size: None,
        }
    }

    #[test]
    fn a_pin_is_read_back_and_replaces_an_earlier_pin() {
        let directory = tempfile::tempdir().unwrap();
        let lock = LockFile::at(directory.path().join("x.lock"));
        assert_eq!(lock.packages().unwrap(), []);
        let like_a = |package: &Package| package.name.starts_with('a');
        lock.pin(&package("b", "1"), |_| false).unwrap();
        lock.pin(&package("a1", "1"), like_a).unwrap();
        lock.pin(&package("a2", "2"), like_a).unwrap();
        assert_eq!(lock.packages().unwrap(), [package("a2", "2"), package("b", "1")]);
    }

    #[test]
    fn damage_is_an_error_with_advice() {
        let error = parse("[[package]]\nname = 1\n", Path::new("x.lock")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains("x.lock"), "{error}");
    }

    #[test]
    fn a_field_that_could_lead_to_another_place_is_refused() {
        let good = package("linux-image-6.12.1+deb13-cloud-amd64", "1:6.12.1-1~bpo13+1");
        let kept = Some(format!("1:{}", "0".repeat(64)));
        assert_eq!(Package { kept, ..good.clone() }.check(), Ok(()));
        let with = |change: fn(&mut Package)| {
            let mut package = good.clone();
            change(&mut package);
            package
        };
        for wrong in [
            with(|package| package.version = "../../../home/me/kernel".to_owned()),
            with(|package| package.version = "..".to_owned()),
            with(|package| package.version = "1/../../kernel".to_owned()),
            with(|package| package.version = String::new()),
            with(|package| package.name = "linux/../x".to_owned()),
            with(|package| package.name = "-o".to_owned()),
            with(|package| package.file = "../x.deb".to_owned()),
            with(|package| package.file = "pool/../../x.deb".to_owned()),
            with(|package| package.file = "/etc/passwd".to_owned()),
            with(|package| package.file = "a//b".to_owned()),
            with(|package| package.file = "a b".to_owned()),
            with(|package| package.sha256 = "AB".repeat(32)),
            with(|package| package.sha256 = "ab".repeat(31)),
            with(|package| package.kept = Some("\n".to_owned())),
        ] {
            let text = toml::to_string(&Contents { package: vec![wrong] }).unwrap();
            let error = parse(&text, Path::new("x.lock")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{text}");
            assert!(error.to_string().contains("of a Debian package"), "{error}");
        }
    }

    #[test]
    fn a_device_in_place_of_a_lock_file_is_refused() {
        let error = LockFile::at("/dev/zero".into()).packages().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotAFile);
    }

    #[test]
    fn the_known_packages_are_well_formed() {
        let known = known();
        assert!(known.iter().any(|package| package.name.starts_with("linux-modules-7.1.")));
        assert!(known.iter().all(|package| package.sha256.len() == 64));
    }
}
