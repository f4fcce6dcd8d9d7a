//! The configuration file, `bpfmap-vmtest.toml`: the kernels that are available, and the defaults
//! of command-line options.
//!
//! ```toml
//! kernel = "6.1"                     # the kernel of `run` and `shell` without --kernel
//! matrix = ["5.10", "6.12", "mine"]  # the kernels of `test` and `matrix` without --kernel
//! memory = "1G"                      # the memory of a guest (default: 512M)
//! cpus = 2                           # the processors of a guest (default: 1)
//! modules = ["veth"]                 # kernel modules to load before the tests
//! cmdline = ["slub_debug=FZ"]        # arguments for the kernel
//! allow = ["possible circular lock"] # complaints of the kernel that are not failures
//! test_time_out = 120                # the time limit of a test, in seconds (default: 60)
//! host_programs = ["strace"]         # programs of this machine to add to a guest
//! root = { debian = "bookworm", packages = ["iproute2"] }  # a root file system; or a path
//!
//! [kernels]                          # in addition to Debian's kernels, which need no entry here
//! stable = { debian = "6.12" }
//! mine = { path = "bzImage", modules = "modules" }
//! built = { tree = "../linux" }
//! here = { host = true }             # the kernel of this machine, in a guest
//! fetched = { url = "http://127.0.0.1/bzImage", sha256 = "…" }
//! image = { oci = "127.0.0.1:5000/kernels:6.6" }
//! ```

use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::kernel::{Downloads, KernelSource, LockFile, Mirror, Packages, check_name};
use crate::root::RootSource;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The name of the configuration file. It is not `vmtest.toml`, because a different program uses
/// that name.
pub const FILE: &str = "bpfmap-vmtest.toml";
/// The name of the lock file, which is in the same directory as the configuration file.
pub const LOCK: &str = "bpfmap-vmtest.lock";

/// The name of the project file of `bpfmap`. Its `kernels` are the kernels of a matrix if the
/// configuration file names none.
pub const PROJECT: &str = "bpfmap.toml";

/// The contents of a configuration file.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The default kernel of `run`.
    pub kernel: Option<String>,
    /// The default kernels of `matrix`.
    pub matrix: Vec<String>,
    /// The memory of a guest, in MiB. In the configuration file, the value has a unit, as in
    /// `512M`.
    #[serde(deserialize_with = "memory")]
    pub memory: Option<u32>,
    /// The number of processors of a guest.
    pub cpus: Option<u32>,
    /// Modules to load in every guest.
    pub modules: Vec<String>,
    /// Arguments for the command line of every kernel.
    pub cmdline: Vec<String>,
    /// Texts that are allowed in complaints of the kernel. A complaint that contains one of these
    /// texts does not make the run fail.
    pub allow: Vec<String>,
    /// The time limit of a test, in seconds.
    pub test_time_out: Option<u64>,
    /// The root file system of each guest.
    pub root: Option<RootSource>,
    /// Programs of this machine that are added to each guest.
    pub host_programs: Vec<String>,
    /// Kernels by name.
    pub kernels: BTreeMap<String, KernelSource>,
}

impl Config {
    /// Reads the configuration file in the current directory, or in the nearest ancestor that
    /// contains one. Returns the defaults if there is no configuration file.
    ///
    /// # Errors
    /// Fails if the file cannot be read, has invalid contents, or could have been written by a
    /// different user.
    pub fn find() -> Result<Self> {
        find(FILE)?.map_or_else(|| Ok(Self::default()), |path| Self::read(&path))
    }

    /// Reads a configuration file. Paths in the file are relative to its directory.
    ///
    /// # Errors
    /// Fails if the file cannot be read or has invalid contents.
    pub fn read(path: &Path) -> Result<Self> {
        let text = crate::regular::text(path)?;
        let mut config: Self = toml::from_str(&text).map_err(|error| {
            let message = format!("{} is not valid", path.display());
            Error::new(ErrorKind::Configuration, message).because(error)
        })?;
        config.kernels.keys().try_for_each(|name| check_name(name))?;
        let base = path.parent().unwrap_or(Path::new(""));
        config.kernels.values_mut().for_each(|source| source.relative_to(base));
        config.root.iter_mut().for_each(|root| root.relative_to(base));
        Ok(config)
    }
}

/// Returns the names of the kernels in the project file of the current directory, or of the nearest
/// ancestor that has one. Returns no names if there is no project file, or if it lists no kernels.
///
/// # Errors
/// Fails if the file cannot be read or is not valid TOML, or could have been written by a different
/// user.
pub fn kernels_of_project() -> Result<Vec<String>> {
    find(PROJECT)?.map_or_else(|| Ok(Vec::new()), |path| kernels_in_project(&path))
}

/// Reads only the kernels of a project file, because `bpfmap` defines its other contents.
fn kernels_in_project(path: &Path) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Project {
        #[serde(default)]
        kernels: Vec<String>,
    }
    let project: Project = toml::from_str(&crate::regular::text(path)?).map_err(|error| {
        let message = format!("{} is not valid", path.display());
        Error::new(ErrorKind::Configuration, message).because(error)
    })?;
    Ok(project.kernels)
}

/// Returns the configuration of Debian's packages. Their versions are pinned by the file `lock` or,
/// without it, by [`LOCK`] in the current directory or in the nearest ancestor that contains such a
/// file.
///
/// # Errors
/// Fails like [`find`].
pub fn packages(mirror: Mirror, lock: Option<&Path>, downloads: Downloads) -> Result<Packages> {
    let lock = match lock {
        Some(path) => Some(path.to_owned()),
        None => find(LOCK)?,
    };
    Ok(Packages { mirror, lock: lock.map(LockFile::at), downloads })
}

/// Finds the file with the given name in the current directory, or in the nearest ancestor that
/// contains such a file.
///
/// A configuration file decides which files of this machine are booted. The file must therefore
/// belong to this user, to root, or to the user that owns the current directory. In `/tmp`, for
/// example, any user can create a file.
///
/// # Errors
/// Fails if the file belongs to a different user, or if all users can write to it.
pub fn find(name: &str) -> Result<Option<PathBuf>> {
    let Ok(here) = std::env::current_dir() else { return Ok(None) };
    let mut paths = here.ancestors().map(|directory| directory.join(name));
    let Some(path) = paths.find(|path| path.is_file()) else { return Ok(None) };
    let us = rustix::process::geteuid().as_raw();
    let directory = here.metadata().at("find", &here)?.uid();
    trusted(&path, [us, 0, directory])?;
    Ok(Some(path))
}

/// Checks that a file and the symbolic link to it belong to one of these users, and that not all
/// users can write to the file.
fn trusted(path: &Path, owners: [u32; 3]) -> Result<()> {
    let file = path.metadata().at("find", path)?;
    let link = path.symlink_metadata().at("find", path)?;
    let stranger = [link.uid(), file.uid()].into_iter().find(|owner| !owners.contains(owner));
    let what = match stranger {
        Some(owner) => format!("belongs to the user {owner}, not to {}", owners[0]),
        None if file.mode() & 0o002 != 0 => "can be written to by all users".to_owned(),
        None => return Ok(()),
    };
    let message = format!("{} {what}", path.display());
    Err(Error::new(ErrorKind::ConfigurationUnsafe, message).help(
        "read the file; if you trust it, copy it into your own directory; if not, run this in another directory",
    ))
}

fn memory<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<u32>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_memory(&text).map(Some).map_err(D::Error::custom)
}

/// Parses a size such as `512M` or `2G`, and returns the size in MiB. A number without a unit is in
/// MiB.
///
/// # Errors
/// Fails if the text is not a size, or if a guest cannot have this size.
pub fn parse_memory(text: &str) -> std::result::Result<u32, String> {
    let (number, unit) = match text.strip_suffix(['G', 'g']) {
        Some(number) => (number, 1024),
        None => (text.strip_suffix(['M', 'm']).unwrap_or(text), 1),
    };
    let number: u32 =
        number.parse().map_err(|_| "expected a size such as 512M or 2G".to_owned())?;
    match number.checked_mul(unit) {
        Some(size) if (128..=1 << 20).contains(&size) => Ok(size),
        _ => Err("expected a size from 128M to 1024G".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE);
        std::fs::write(&path, text).unwrap();
        Config::read(&path)
    }

    #[test]
    fn the_example_of_the_documentation_is_right() {
        let text = include_str!("config.rs");
        let lines = text
            .lines()
            .filter_map(|line| line.strip_prefix("//! ").or((line == "//!").then_some("")));
        let lines: Vec<&str> = lines.skip_while(|line| *line != "```toml").skip(1).collect();
        let end = lines.iter().position(|line| *line == "```").unwrap();
        let config = read(&lines[..end].join("\n")).unwrap();
        assert_eq!(config.kernel.as_deref(), Some("6.1"));
        assert_eq!(config.kernels.len(), 6);
        assert_eq!(config.kernels["here"], KernelSource::Host);
        let readme = include_str!("../README.md");
        assert!(readme.contains(&lines[..end].join("\n")), "README.md has another example");
    }

    #[test]
    fn unknown_and_contradictory_fields_are_refused() {
        for text in [
            "kernal = \"6.1\"",
            "[kernels]\nx = { debian = \"6.1\", path = \"y\" }",
            "[kernels]\nx = {}",
            "[kernels]\n\"../x\" = { host = true }",
            "[kernels]\n\"\\u001b[0m\" = { host = true }",
            "[kernels]\n\"\" = { host = true }",
            "[kernels]\nx = { url = \"http://127.0.0.1/\" }",
            "[kernels]\nx = { host = false }",
            "root = {}",
            "root = { packages = [\"x\"] }",
            "root = { path = \"x\", debian = \"bookworm\" }",
            "root = 1",
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{text}: {error}");
        }
    }

    #[test]
    fn a_file_of_another_user_is_refused() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE);
        let link = directory.path().join("link");
        std::fs::write(&path, "").unwrap();
        symlink(&path, &link).unwrap();
        let us = rustix::process::geteuid().as_raw();
        let refused = |path: &Path, owners| {
            let error = trusted(path, owners).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConfigurationUnsafe, "{error}");
            error.to_string()
        };
        for path in [&path, &link] {
            for owners in [[us, 1, 2], [1, us, 2], [1, 2, us]] {
                trusted(path, owners).unwrap();
            }
            let others = [us + 1, us + 2, us + 3];
            let what = format!("belongs to the user {us}, not to {}", us + 1);
            assert!(refused(path, others).contains(&what));
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o646)).unwrap();
        assert!(refused(&link, [us, 1, 2]).contains("can be written to by all users"));
    }

    #[test]
    fn only_the_kernels_of_a_project_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(PROJECT);
        let kernels = |text: &str| {
            std::fs::write(&path, text).unwrap();
            kernels_in_project(&path)
        };
        let text = "schemas = [\"maps.toml\"]\nkernels = [\"5.10\", \"mine\"]\n[diff]\nagainst = \"main\"\n";
        assert_eq!(kernels(text).unwrap(), ["5.10", "mine"]);
        assert_eq!(kernels("schemas = []\n").unwrap(), [""; 0]);
        assert_eq!(kernels("kernels = 1\n").unwrap_err().kind(), ErrorKind::Configuration);
    }

    #[test]
    fn memory_is_read_with_its_unit() {
        assert_eq!(parse_memory("512M"), Ok(512));
        assert_eq!(parse_memory("2G"), Ok(2048));
        assert_eq!(parse_memory("300"), Ok(300));
        for wrong in ["", "1K", "64M", "99999999G", "-1"] {
            assert!(parse_memory(wrong).is_err(), "{wrong}");
        }
    }
}
