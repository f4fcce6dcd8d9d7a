//! Chooses between the C library of a root file system and the C library of this machine. All files
//! of glibc in a guest must have the same version. A program also runs with a newer version of
//! glibc than the version that it was built with. The newer of the two libraries is therefore used
//! for all programs.

use crate::arch::Architecture;
use crate::elf;
use crate::error::Result;
use crate::regular;
use crate::root::{CLibrary, Listing};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The files of glibc that are loaded into programs, beside its dynamic linker.
const FILES: [&str; 13] = [
    "libBrokenLocale.so.1",
    "libanl.so.1",
    "libc.so.6",
    "libc_malloc_debug.so.0",
    "libdl.so.2",
    "libm.so.6",
    "libmvec.so.1",
    "libnss_compat.so.2",
    "libnss_dns.so.2",
    "libnss_files.so.2",
    "libpthread.so.0",
    "libresolv.so.2",
    "librt.so.1",
];

/// What to do with the C library of a root file system when programs of this machine are added to
/// it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Replaced<'a> {
    /// Nothing is replaced: the root file system has no C library, or the programs need none.
    Nothing,
    /// The C library of the root file system is kept, because it is the newer one.
    Kept,
    /// All files of the root file system's C library are replaced by the files of this machine,
    /// which come from this directory.
    All(&'a CLibrary, PathBuf),
}

/// Decides which C library to use, based on the files that programs of this machine need.
pub(crate) fn replaced<'a>(
    of_root: Option<&'a CLibrary>,
    needed: &[PathBuf],
) -> Result<Replaced<'a>> {
    let ours = needed.iter().find(|file| file.file_name() == Some(OsStr::new("libc.so.6")));
    let (Some(of_root), Some(ours)) = (of_root, ours) else { return Ok(Replaced::Nothing) };
    let version = elf::c_library_version(&regular::read(ours, regular::FILE)?);
    Ok(if version.is_some_and(|version| version > of_root.version) {
        Replaced::All(of_root, ours.parent().unwrap_or(ours).to_owned())
    } else {
        Replaced::Kept
    })
}

impl Replaced<'_> {
    /// Returns whether the root file system's own copy of a file is used.
    pub(crate) fn is_kept(&self, file: &Path) -> bool {
        *self == Replaced::Kept && is_of_c_library(file)
    }

    /// Returns the files of this machine that replace files of the root file system, with their
    /// destinations. These files are needed in addition to the files that the programs need.
    pub(crate) fn by(&self, root: Option<&Listing>) -> Vec<(PathBuf, PathBuf)> {
        let (Self::All(of_root, ours), Some(root)) = (self, root) else { return Vec::new() };
        let pairs = files().map(|name| (ours.join(name), of_root.directory.join(name)));
        pairs.filter(|(source, target)| source.is_file() && root.has_file(target)).collect()
    }
}

fn is_of_c_library(file: &Path) -> bool {
    file.file_name().and_then(OsStr::to_str).is_some_and(|name| files().any(|it| it == name))
}

fn files() -> impl Iterator<Item = &'static str> {
    Architecture::ALL.iter().map(|it| it.spec().dynamic_linker).chain(FILES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newer_c_library_serves_all() {
        let needed =
            elf::needed_files(&std::env::current_exe().unwrap(), &[], None, Architecture::HOST)
                .unwrap();
        let of_root = |minor| CLibrary { version: (2, minor), directory: "/lib64".into() };
        let (older, newer) = (of_root(1), of_root(999));
        let libc = &Path::new("/lib").join(Architecture::HOST.spec().triplet).join("libc.so.6");
        assert_eq!(replaced(None, &needed).unwrap(), Replaced::Nothing);
        assert!(replaced(Some(&newer), &needed).unwrap().is_kept(libc));
        assert!(!replaced(Some(&newer), &needed).unwrap().is_kept(Path::new("/lib/libelf.so.1")));
        assert!(matches!(replaced(Some(&older), &needed).unwrap(), Replaced::All(..)));
        assert!(!replaced(Some(&older), &needed).unwrap().is_kept(libc));
        assert_eq!(replaced(Some(&older), &[]).unwrap(), Replaced::Nothing);
    }
}
