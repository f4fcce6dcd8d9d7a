//! What libbpf does with compiled programs: it links objects, and libbpf-cargo makes skeletons of them.

mod linker;

use std::path::{Path, PathBuf};
use std::{fs, io};

use libbpf_cargo::SkeletonBuilder;
use libbpf_rs::libbpf_sys::API_HEADERS;

use crate::programs::error::ProgramError;

/// Links the objects `parts` to one, without their DWARF, which no loader reads.
pub(super) fn link(object: &Path, parts: &[PathBuf]) -> Result<(), ProgramError> {
    linker::link(object, parts).map_err(|why| {
        // It is not whole.
        let _ = fs::remove_file(object);
        ProgramError::Libbpf { action: "link", path: object.to_owned(), why }
    })
}

/// Returns the skeleton of an object: `probe.skel.rs` of `probe.bpf.o`, beside it.
pub(super) fn skeleton_path(object: &Path) -> PathBuf {
    // As libbpf-cargo calls the types in it: by what is before the first dot.
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

/// Writes the headers of the libbpf that this crate is built with to `folder`/bpf.
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
