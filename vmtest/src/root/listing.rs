//! A list of the files in a root file system, with the facts that this machine needs to prepare
//! programs for a guest.

use crate::arch::Architecture;
use crate::elf;
use crate::error::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// The page size. Files in memory occupy whole pages.
const PAGE: u64 = 4096;
/// The memory that a file needs in addition to its contents.
const INODE: u64 = 1024;
/// The maximum number of symbolic links in a path. The kernel has the same limit.
const MAX_LINKS: u32 = 40;

/// Returns the directories in which distributions put the C library.
fn libraries(architecture: Architecture) -> impl Iterator<Item = PathBuf> {
    let triplet = architecture.spec().triplet;
    let own = ["lib", "usr/lib"].map(|directory| Path::new(directory).join(triplet));
    own.into_iter().chain(["lib64", "usr/lib64", "lib"].map(PathBuf::from))
}

/// The object at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Entry {
    Directory,
    /// A file. If it is a program, the field says how the program runs.
    File(Option<Program>),
    Symlink(PathBuf),
}

/// The ways in which the kernel runs a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Program {
    /// A program for the guest's processor, with its interpreter unless it is static.
    Native(Option<PathBuf>),
    /// A script, with its interpreter.
    Script(PathBuf),
    /// A program for a different processor, with the name of that processor.
    Foreign(String),
}

impl Program {
    /// Returns how the kernel of a guest with this architecture runs a file, or `None` if the file is
    /// not a program.
    pub(super) fn of(data: &[u8], architecture: Architecture) -> Option<Self> {
        if let Some(interpreter) = elf::script_interpreter(data) {
            return Some(Self::Script(interpreter));
        }
        match elf::machine(data)? {
            Ok(found) if found != architecture => Some(Self::Foreign(found.to_string())),
            Ok(_) => Some(Self::Native(elf::interpreter(data))),
            Err(processor) => Some(Self::Foreign(processor)),
        }
    }
}

/// The C library of a root file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CLibrary {
    /// glibc's version.
    pub(crate) version: (u32, u32),
    /// The directory that contains glibc.
    pub(crate) directory: PathBuf,
}

/// All paths of a root file system. The paths have no leading slash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listing {
    entries: BTreeMap<PathBuf, Entry>,
    /// The memory that the files need in a guest, in bytes.
    memory: u64,
    c_library: Option<CLibrary>,
}

impl Listing {
    /// Lists entries with their sizes. `version` returns glibc's version if the path contains
    /// glibc.
    pub(super) fn new(
        entries: impl Iterator<Item = (PathBuf, Entry, u64)>,
        version: impl Fn(&Path) -> Option<(u32, u32)>,
        architecture: Architecture,
    ) -> Self {
        let mut memory = 0;
        let mut listing = Self { entries: BTreeMap::new(), memory: 0, c_library: None };
        for (path, entry, size) in entries {
            memory += INODE + size.next_multiple_of(PAGE);
            listing.entries.insert(path, entry);
        }
        listing.memory = memory;
        listing.c_library = libraries(architecture).find_map(|directory| {
            let (path, _) = listing.find(&directory.join("libc.so.6"))?;
            let version = version(&path)?;
            Some(CLibrary { version, directory: Path::new("/").join(&directory) })
        });
        listing
    }

    /// Returns the memory that the files need in a guest, in bytes.
    pub(super) fn memory(&self) -> u64 {
        self.memory
    }

    /// Returns the C library of the root file system, if the library is glibc.
    pub(crate) fn c_library(&self) -> Option<&CLibrary> {
        self.c_library.as_ref()
    }

    /// Follows all links in a path. Returns the resulting path, and the entry at that path.
    pub(crate) fn find(&self, path: &Path) -> Option<(PathBuf, &Entry)> {
        let parts = |path: &Path| -> Vec<OsString> {
            path.components().rev().map(|part| part.as_os_str().to_owned()).collect()
        };
        let (mut here, mut ahead, mut links_left) = (PathBuf::new(), parts(path), MAX_LINKS);
        while let Some(name) = ahead.pop() {
            match Path::new(&name).components().next() {
                Some(Component::Normal(name)) => here.push(name),
                Some(Component::ParentDir) => {
                    here.pop();
                    continue;
                }
                Some(Component::RootDir) => {
                    here = PathBuf::new();
                    continue;
                }
                _ => continue,
            }
            if let Entry::Symlink(target) = self.entries.get(&here)? {
                links_left = links_left.checked_sub(1)?;
                here.pop();
                ahead.extend(parts(target));
            }
        }
        let entry = self.entries.get(&here)?;
        Some((here, entry))
    }

    /// Returns whether a path is a directory or a link to a directory.
    pub(crate) fn has_directory(&self, path: &Path) -> bool {
        matches!(self.find(path), Some((_, Entry::Directory)))
    }

    /// Returns whether a path is a file or a link to a file.
    pub(crate) fn has_file(&self, path: &Path) -> bool {
        matches!(self.find(path), Some((_, Entry::File(_))))
    }

    /// Returns the target of the link at a path, or `None` if the path is not a link.
    pub(crate) fn link(&self, path: &Path) -> Option<&Path> {
        match self.entries.get(path.strip_prefix("/").unwrap_or(path))? {
            Entry::Symlink(target) => Some(target),
            Entry::Directory | Entry::File(_) => None,
        }
    }

    /// Returns the path of a program. The program is specified by a path, or by a name on the usual
    /// `PATH`.
    pub(crate) fn program(&self, name: &Path) -> Option<PathBuf> {
        let is_program =
            |path: &PathBuf| matches!(self.find(path), Some((_, Entry::File(Some(_)))));
        if name.is_absolute() {
            return Some(name.to_owned()).filter(is_program);
        }
        if name.components().count() != 1 {
            return None;
        }
        let directories = crate::plan::PROGRAMS.split(':');
        directories.map(|directory| Path::new(directory).join(name)).find(is_program)
    }

    /// Checks that a program of this root file system can start.
    ///
    /// # Errors
    /// Fails if the program is for a different processor, or if its interpreter is missing.
    pub(crate) fn check_program(&self, path: &Path, architecture: Architecture) -> Result<()> {
        let mut path = path;
        // The kernel refuses longer chains of scripts.
        for _ in 0..5 {
            let interpreter = match self.find(path) {
                Some((_, Entry::File(Some(Program::Foreign(processor))))) => {
                    let shown = path.display();
                    let message = format!("{shown} of the root file system is for {processor}");
                    return Err(wrong_architecture(message, architecture));
                }
                Some((_, Entry::File(Some(Program::Native(Some(it)) | Program::Script(it))))) => it,
                _ => return Ok(()),
            };
            if !self.has_file(interpreter) {
                let message = format!(
                    "{} needs the interpreter {}, which is not in the root file system",
                    path.display(),
                    interpreter.display()
                );
                return Err(Error::new(ErrorKind::MissingInterpreter, message)
                    .help("add the package that contains it, or add the file with `--file`"));
            }
            path = interpreter;
        }
        Ok(())
    }

    /// Checks that the programs are for the guest's processor. A root file system without programs is accepted.
    ///
    /// # Errors
    /// Fails if all programs are for different processors.
    pub(super) fn check_processor(&self, architecture: Architecture) -> Result<()> {
        let mut foreign = None;
        for (path, entry) in &self.entries {
            match entry {
                Entry::File(Some(Program::Native(_))) => return Ok(()),
                Entry::File(Some(Program::Foreign(processor))) => {
                    foreign.get_or_insert((path, processor));
                }
                _ => {}
            }
        }
        let Some((path, processor)) = foreign else { return Ok(()) };
        let message = format!(
            "its programs are for another processor: {} is for {processor}",
            path.display()
        );
        Err(wrong_architecture(message, architecture))
    }
}

pub(super) fn wrong_architecture(message: String, architecture: Architecture) -> Error {
    Error::new(ErrorKind::WrongArchitecture, message)
        .help(format!("use one for {architecture}, the processor of the guest"))
}
