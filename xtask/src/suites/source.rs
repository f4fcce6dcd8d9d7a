//! The source of a published crate, which Cargo fetches from the registry.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::cargo::{cargo, cargo_home};
use crate::step::run;

use super::list::Suite;

/// Fetches a crate, and copies it to a directory below `folder`, in which its tests can be built.
/// Returns this directory.
pub(super) fn unpack(suite: &Suite, folder: &Path) -> Result<PathBuf, Error> {
    let name = format!("{}-{}", suite.name, suite.version);
    let package = folder.join(&name);
    let archive = find_archive(&name)?.map_or_else(|| fetch(suite, &name, folder), Ok)?;
    let unfinished = folder.join(format!("{name}.unfinished"));
    for old in [&package, &unfinished] {
        if old.exists() {
            fs::remove_dir_all(old)?;
        }
    }
    let file = flate2::read::GzDecoder::new(fs::File::open(&archive)?);
    tar::Archive::new(file).unpack(&unfinished)?;
    fs::rename(unfinished.join(&name), &package)?;
    fs::remove_dir_all(&unfinished)?;
    // The copy is in the directory of this workspace, but not a part of the workspace.
    let manifest = package.join("Cargo.toml");
    fs::write(&manifest, fs::read_to_string(&manifest)? + "\n[workspace]\n")?;
    Ok(package)
}

/// Lets Cargo fetch a crate, through a package that depends only on this crate.
fn fetch(suite: &Suite, name: &str, folder: &Path) -> Result<PathBuf, Error> {
    let package = folder.join("fetch");
    fs::create_dir_all(package.join("src"))?;
    let manifest = format!(
        "[package]\nname = \"fetch\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n{} = \"={}\"\n\n[workspace]\n",
        suite.name, suite.version
    );
    fs::write(package.join("Cargo.toml"), manifest)?;
    fs::write(package.join("src/lib.rs"), "")?;
    run(cargo().arg("fetch").current_dir(&package))?;
    fs::remove_dir_all(&package)?;
    Ok(find_archive(name)?.ok_or_else(|| format!("Cargo did not keep the archive of {name}"))?)
}

/// Returns the archive of a crate in Cargo's directory, from any registry.
fn find_archive(name: &str) -> Result<Option<PathBuf>, Error> {
    let Ok(registries) = fs::read_dir(cargo_home()?.join("registry/cache")) else {
        return Ok(None);
    };
    let mut archives =
        registries.flatten().map(|registry| registry.path().join(format!("{name}.crate")));
    Ok(archives.find(|path| path.is_file()))
}
