//! Links objects with libbpf, and generates skeletons with libbpf-cargo.

mod linker;

use std::path::{Path, PathBuf};
use std::{fs, io};

use libbpf_cargo::SkeletonBuilder;
use libbpf_rs::libbpf_sys::API_HEADERS;

use crate::programs::error::ProgramError;

/// Links the objects `parts` into one object. The result does not contain DWARF, because loaders
/// don't read it.
pub(super) fn link(object: &Path, parts: &[PathBuf]) -> Result<(), ProgramError> {
    linker::link(object, parts).map_err(|why| {
        // Linking has failed, so the object is incomplete.
        let _ = fs::remove_file(object);
        ProgramError::Libbpf { action: "link", path: object.to_owned(), why }
    })
}

/// Returns the path of an object's skeleton: `probe.skel.rs` for `probe.bpf.o`, in the same folder.
pub(super) fn skeleton_path(object: &Path) -> PathBuf {
    // libbpf-cargo names the types in the skeleton after the part of the object's name before the
    // first dot. The file has the same name.
    let name = object.file_name().unwrap_or_default().to_string_lossy();
    object.with_file_name(format!("{}.skel.rs", name.split('.').next().unwrap_or_default()))
}

/// Writes the skeleton of an object.
pub(super) fn write_skeleton(object: &Path) -> Result<(), ProgramError> {
    let path = skeleton_path(object);
    SkeletonBuilder::new().obj(object).generate(&path).map_err(|error| ProgramError::Libbpf {
        action: "write",
        path,
        why: format!("{error:#}"),
    })
}

/// Writes the headers of libbpf to the folder `bpf` in `folder`. The headers come from the version
/// of libbpf that is built into this crate.
pub(super) fn write_headers(folder: &Path) -> io::Result<()> {
    let folder = folder.join("bpf");
    fs::create_dir_all(&folder)?;
    for (name, text) in API_HEADERS {
        let path = folder.join(name);
        if !fs::read_to_string(&path).is_ok_and(|present| present == text) {
            fs::write(path, text)?;
        }
    }
    Ok(())
}
