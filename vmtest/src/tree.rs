//! The files that a guest is given, gathered from the host under the same paths, and packed.

use crate::cpio::{Kind, Writer};
use crate::elf;
use crate::error::{Context as _, Error, ErrorKind, Result};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A tree of files, by absolute path.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tree {
    nodes: BTreeMap<PathBuf, Node>,
}

#[derive(Debug, Clone, PartialEq)]
struct Node {
    kind: Kind,
    mode: u32,
    data: Arc<[u8]>,
}

impl Tree {
    /// Adds a program with its interpreter and libraries, each at its path on the host, so that
    /// what a program finds by its own place is found in the guest too.
    pub(crate) fn add_program(&mut self, program: &Path) -> Result<()> {
        self.mirror(&absolute(program)?)?;
        self.add_needed_files(program)
    }

    /// Adds a program as [`Tree::add_program`] does, but only the part of it that is loaded: symbols
    /// and debug information, which are most of a test binary, only make backtraces readable.
    pub(crate) fn add_loadable_program(&mut self, program: &Path) -> Result<()> {
        let program = absolute(program)?;
        self.mirror(&program)?;
        let real = program.canonicalize().at("find", &program)?;
        if let Some(node) = self.nodes.get_mut(&real) {
            node.data = elf::loadable_part(&node.data).into();
        }
        self.add_needed_files(&program)
    }

    fn add_needed_files(&mut self, program: &Path) -> Result<()> {
        for file in elf::needed_files(&absolute(program)?)? {
            self.mirror(&file)?;
        }
        // The dynamic linker finds by it what lies outside its standard directories.
        let cache = Path::new("/etc/ld.so.cache");
        if cache.exists() { self.mirror(cache) } else { Ok(()) }
    }

    /// Adds a file or a whole directory of the host at another path in the guest.
    pub(crate) fn add_at(&mut self, source: &Path, target: &Path) -> Result<()> {
        if !target.is_absolute() {
            let message = format!("{} is not an absolute path in the guest", target.display());
            return Err(Error::new(ErrorKind::Usage, message));
        }
        let metadata = source.metadata().at("find", source)?;
        if metadata.is_dir() {
            self.add_directory(target);
            for entry in source.read_dir().at("list", source)? {
                let entry = entry.at("list", source)?;
                self.add_at(&entry.path(), &target.join(entry.file_name()))?;
            }
            return Ok(());
        }
        let data = std::fs::read(source).at("read", source)?;
        self.add_file(target, metadata.permissions().mode() & 0o7777, data);
        Ok(())
    }

    /// Adds a file with these contents.
    pub(crate) fn add_file(&mut self, path: &Path, mode: u32, data: impl Into<Arc<[u8]>>) {
        self.add(path, Kind::File, mode, data.into());
    }

    /// Adds a symbolic link.
    pub(crate) fn add_link(&mut self, path: &Path, target: &Path) {
        self.add(path, Kind::Symlink, 0o777, target.as_os_str().as_encoded_bytes().into());
    }

    /// Adds a directory.
    pub(crate) fn add_directory(&mut self, path: &Path) {
        self.add(path, Kind::Directory, 0o755, Arc::default());
    }

    /// Adds the console, which the kernel opens for the first process.
    pub(crate) fn add_console(&mut self) {
        self.add(
            Path::new("/dev/console"),
            Kind::CharacterDevice { major: 5, minor: 1 },
            0o600,
            Arc::default(),
        );
    }

    /// Packs the tree.
    pub(crate) fn pack(&self) -> Result<Vec<u8>> {
        self.pack_beside(&Self::default())
    }

    /// Packs what is not in another tree already, for a guest that has that.
    pub(crate) fn pack_beside(&self, other: &Self) -> Result<Vec<u8>> {
        let mut writer = Writer::new(Vec::new());
        for (path, node) in self.nodes.iter().filter(|(path, node)| !other.has(path, node)) {
            let name = path.strip_prefix("/").unwrap_or(path).to_str().ok_or_else(|| {
                Error::new(ErrorKind::Usage, format!("the path {} is not UTF-8", path.display()))
            })?;
            writer.add(name, node.kind, node.mode, &node.data).at("pack", path)?;
        }
        writer.finish().doing("pack an archive")
    }

    /// Adds a file of the host at its own path, with the symbolic links on the way.
    pub(crate) fn mirror(&mut self, path: &Path) -> Result<()> {
        // As many links as the kernel itself follows.
        let mut links_left = 40;
        let parts = |path: &Path| -> Vec<OsString> {
            path.components().rev().map(|part| part.as_os_str().to_owned()).collect()
        };
        let mut here = PathBuf::from("/");
        let mut ahead = parts(path);
        while let Some(name) = ahead.pop() {
            let next = here.join(&name);
            if name == ".." {
                here.pop();
                continue;
            }
            let metadata = next.symlink_metadata().at("find", path)?;
            if metadata.is_symlink() {
                links_left -= 1;
                if links_left == 0 {
                    let message = format!("{} goes round in symbolic links", path.display());
                    return Err(Error::new(ErrorKind::Usage, message));
                }
                let target = next.read_link().at("read", &next)?;
                self.add(&next, Kind::Symlink, 0o777, target.as_os_str().as_encoded_bytes().into());
                ahead.extend(parts(&target));
                continue;
            }
            if metadata.is_file() {
                let data = std::fs::read(&next).at("read", &next)?;
                self.add_file(&next, metadata.permissions().mode() & 0o7777, data);
            }
            here = next;
        }
        Ok(())
    }

    fn has(&self, path: &Path, node: &Node) -> bool {
        self.nodes.get(path).is_some_and(|ours| ours == node)
    }

    fn add(&mut self, path: &Path, kind: Kind, mode: u32, data: Arc<[u8]>) {
        for parent in path.ancestors().skip(1).filter(|parent| *parent != Path::new("/")) {
            self.nodes.entry(parent.to_owned()).or_insert_with(|| Node {
                kind: Kind::Directory,
                mode: 0o755,
                data: Arc::default(),
            });
        }
        self.nodes.insert(path.to_owned(), Node { kind, mode, data });
    }
}

/// A path from the root, without following links.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).at("find", path)
}
