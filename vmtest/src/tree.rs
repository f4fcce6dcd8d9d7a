//! The files that a guest gets. The files are collected from the host, keep their paths, and are
//! packed into an archive.

use crate::arch::Architecture;
use crate::c_library;
use crate::cpio::{Kind, Writer};
use crate::elf;
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::regular;
use crate::root::Listing;
use crate::run::find_program;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// A tree of files, ordered by absolute path.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    nodes: BTreeMap<PathBuf, Node>,
    /// The root file system that the guest already has, if any.
    root: Option<Arc<Listing>>,
    /// The architecture of the guest.
    architecture: Architecture,
}

#[derive(Debug, Clone, PartialEq)]
struct Node {
    kind: Kind,
    mode: u32,
    data: Arc<[u8]>,
}

impl Tree {
    /// Returns a tree that is added to a root file system, if there is one.
    pub(crate) fn above(root: Option<Arc<Listing>>, architecture: Architecture) -> Self {
        Self { nodes: BTreeMap::new(), root, architecture }
    }

    /// Returns a tree for a guest without a root file system.
    pub(crate) fn new(architecture: Architecture) -> Self {
        Self::above(None, architecture)
    }

    /// Adds a program with its interpreter and libraries. Each file keeps its path, so that a
    /// program in the guest also finds files relative to its own path. The directories in
    /// `libraries` are searched for libraries first.
    pub(crate) fn add_program(&mut self, program: &Path, libraries: &[PathBuf]) -> Result<()> {
        self.mirror(&absolute(program)?)?;
        self.add_needed_files(program, libraries)
    }

    /// Adds programs of this machine, by name or path.
    pub(crate) fn add_host_programs(&mut self, programs: &[String]) -> Result<()> {
        programs
            .iter()
            .try_for_each(|name| self.add_program(&absolute(&find_program(Path::new(name))?)?, &[]))
    }

    /// Adds a program like [`Tree::add_program`], but only the part of the program that is loaded.
    /// The rest is symbols and debug information. They make up most of a test binary, but only make
    /// backtraces readable.
    pub(crate) fn add_loadable_program(
        &mut self,
        program: &Path,
        libraries: &[PathBuf],
    ) -> Result<()> {
        let program = absolute(program)?;
        self.mirror_as(&program, elf::loadable_part)?;
        self.add_needed_files(&program, libraries)
    }

    fn add_needed_files(&mut self, program: &Path, libraries: &[PathBuf]) -> Result<()> {
        let root = self.root.clone();
        let program = absolute(program)?;
        let needed = elf::needed_files(&program, libraries, root.as_deref(), self.architecture)?;
        let of_root = root.as_deref().and_then(Listing::c_library);
        let replaced = c_library::replaced(of_root, &needed)?;
        for file in needed.iter().filter(|file| !replaced.is_kept(file)) {
            self.mirror(file)?;
        }
        for (source, target) in replaced.by(root.as_deref()) {
            self.add_file(&target, 0o755, regular::read(&source, regular::FILE)?);
        }
        // The dynamic linker uses the cache to find libraries outside its standard directories.
        let cache = Path::new("/etc/ld.so.cache");
        let has_cache = root.is_some_and(|root| root.has_file(cache));
        // The cache lists the libraries of this machine.
        let is_ours = self.architecture == Architecture::HOST;
        if is_ours && cache.exists() && !has_cache { self.mirror(cache) } else { Ok(()) }
    }

    /// Adds a file or a whole directory of the host at a different path in the guest, together with
    /// the libraries that the programs in it need.
    pub(crate) fn add_at(&mut self, source: &Path, target: &Path) -> Result<()> {
        self.add_below(source, target, &mut Vec::new())
    }

    /// Adds the contents of a directory. `above` identifies the directories above it by their
    /// devices and inodes.
    fn add_below(
        &mut self,
        source: &Path,
        target: &Path,
        above: &mut Vec<(u64, u64)>,
    ) -> Result<()> {
        if !target.is_absolute() {
            let message = format!("{} is not an absolute path in the guest", target.display());
            return Err(Error::new(ErrorKind::Usage, message));
        }
        let metadata = source.metadata().at("find", source)?;
        if metadata.is_dir() {
            let directory = (metadata.dev(), metadata.ino());
            if above.contains(&directory) {
                let message = format!("{} points to a directory above it", source.display());
                return Err(Error::new(ErrorKind::Usage, message).help("remove this symbolic link"));
            }
            above.push(directory);
            self.add_directory(target);
            for entry in source.read_dir().at("list", source)? {
                let entry = entry.at("list", source)?;
                self.add_below(&entry.path(), &target.join(entry.file_name()), above)?;
            }
            above.pop();
            return Ok(());
        }
        let data = regular::read(source, regular::FILE)?;
        let mode = metadata.permissions().mode() & 0o7777;
        let may_be_program = mode & 0o111 != 0 && data.starts_with(b"\x7fELF");
        self.add_file(target, mode, data);
        // A program for a different machine is treated like any other file.
        let root = self.root.as_deref();
        if may_be_program && elf::needed_files(source, &[], root, self.architecture).is_ok() {
            self.add_needed_files(source, &[])?;
        }
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

    /// Adds a directory in which all users can create files.
    pub(crate) fn add_open_directory(&mut self, path: &Path) {
        self.add(path, Kind::Directory, 0o1777, Arc::default());
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

    /// Packs the files that a guest needs, without the files that it already has from init or from
    /// its root file system.
    pub(crate) fn pack_for(&self, init: &Self) -> Result<Vec<u8>> {
        // A root file system hides the files of init.
        if self.root.is_some() { self.pack() } else { self.pack_beside(init) }
    }

    /// Packs the tree.
    pub(crate) fn pack(&self) -> Result<Vec<u8>> {
        self.pack_beside(&Self::new(self.architecture))
    }

    /// Packs the files of this tree that are not in `other`, a tree that the guest already has.
    fn pack_beside(&self, other: &Self) -> Result<Vec<u8>> {
        let mut writer = Writer::new(Vec::new());
        for (path, node) in self.nodes.iter().filter(|(path, node)| !other.has(path, node)) {
            let name = path.strip_prefix("/").unwrap_or(path).to_str().ok_or_else(|| {
                Error::new(ErrorKind::Usage, format!("the path {} is not UTF-8", path.display()))
            })?;
            writer.add(name, node.kind, node.mode, &node.data).at("pack", path)?;
        }
        writer.finish().doing("pack an archive")
    }

    /// Adds a file of the host at the same path, with the symbolic links that lead to the file.
    pub(crate) fn mirror(&mut self, path: &Path) -> Result<()> {
        self.mirror_as(path, |file| regular::read(file, regular::FILE))
    }

    /// Adds a file like [`Tree::mirror`]. `read` returns the contents of the file.
    fn mirror_as(&mut self, path: &Path, read: impl Fn(&Path) -> Result<Vec<u8>>) -> Result<()> {
        let mut links_left = MAX_LINKS;
        let mut here = PathBuf::from("/");
        let mut ahead = parts_ahead(path);
        while let Some(name) = ahead.pop() {
            let next = here.join(&name);
            if name == ".." {
                here.pop();
                continue;
            }
            let metadata = next.symlink_metadata().at("find", path)?;
            if metadata.is_symlink() && self.root_has_directory(&next) {
                // The file that the root file system contains at this path is kept.
                here = next;
                continue;
            }
            if metadata.is_symlink() {
                links_left -= 1;
                if links_left == 0 {
                    let message = format!("{} leads into a loop of symbolic links", path.display());
                    return Err(Error::new(ErrorKind::Usage, message));
                }
                let target = next.read_link().at("read", &next)?;
                self.add(&next, Kind::Symlink, 0o777, target.as_os_str().as_encoded_bytes().into());
                ahead.extend(parts_ahead(&target));
                continue;
            }
            // A library that several programs need is read only once.
            if metadata.is_file() && !self.nodes.contains_key(&next) {
                let data = read(&next)?;
                self.add_file(&next, metadata.permissions().mode() & 0o7777, data);
            }
            here = next;
        }
        Ok(())
    }

    fn root_has_directory(&self, path: &Path) -> bool {
        self.root.as_ref().is_some_and(|root| root.has_directory(path))
    }

    /// Returns the target of the symbolic link at a path. The link is in this tree, or else in the
    /// root file system.
    fn link(&self, path: &Path) -> Option<PathBuf> {
        match self.nodes.get(path) {
            Some(node) if node.kind == Kind::Symlink => {
                Some(PathBuf::from(OsStr::from_bytes(&node.data)))
            }
            Some(_) => None,
            None => self.root.as_ref()?.link(path).map(Path::to_owned),
        }
    }

    fn has(&self, path: &Path, node: &Node) -> bool {
        self.nodes.get(path).is_some_and(|ours| ours == node)
    }

    fn add(&mut self, path: &Path, kind: Kind, mode: u32, data: Arc<[u8]>) {
        let path = &self.follow_parents(path);
        for parent in path.ancestors().skip(1).filter(|parent| *parent != Path::new("/")) {
            if self.root_has_directory(parent) {
                // An existing directory keeps its mode.
                continue;
            }
            self.nodes.entry(parent.to_owned()).or_insert_with(|| Node {
                kind: Kind::Directory,
                mode: 0o755,
                data: Arc::default(),
            });
        }
        self.nodes.insert(path.to_owned(), Node { kind, mode, data });
    }

    /// Returns the path at which a guest finds `path` after following the links in the parent
    /// directories of `path`.
    fn follow_parents(&self, path: &Path) -> PathBuf {
        let mut links_left = MAX_LINKS;
        let mut here = PathBuf::from("/");
        let mut ahead = parts_ahead(path);
        while let Some(name) = ahead.pop() {
            if name == ".." {
                here.pop();
                continue;
            }
            here.push(&name);
            let is_parent = !ahead.is_empty() && links_left > 0;
            if let Some(target) = self.link(&here).filter(|_| is_parent) {
                links_left -= 1;
                ahead.extend(parts_ahead(&target));
                here.pop();
            }
        }
        here
    }
}

/// The maximum number of symbolic links in a path. The kernel has the same limit.
const MAX_LINKS: u32 = 40;

/// Returns the parts of a path in reverse order.
fn parts_ahead(path: &Path) -> Vec<OsString> {
    path.components().rev().map(|part| part.as_os_str().to_owned()).collect()
}

/// Returns an absolute path. Links are followed only where this is necessary to remove `..`,
/// because a guest lacks the directories that come before `..` in the path.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(path).at("find", path)?;
    if !absolute.components().any(|part| part == Component::ParentDir) {
        return Ok(absolute);
    }
    match (absolute.parent(), absolute.file_name()) {
        (Some(parent), Some(name)) => Ok(parent.canonicalize().at("find", path)?.join(name)),
        _ => absolute.canonicalize().at("find", path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_behind_a_link_of_the_tree_is_put_into_the_links_target() {
        let mut tree = Tree::new(Architecture::HOST);
        tree.add_link(Path::new("/bin"), Path::new("usr/bin"));
        tree.add_link(Path::new("/usr/bin/here"), Path::new("../../opt"));
        tree.add_file(Path::new("/bin/here/tool"), 0o755, *b"tool");
        let paths: Vec<_> = tree.nodes.keys().map(|path| path.to_str().unwrap()).collect();
        assert_eq!(paths, ["/bin", "/opt", "/opt/tool", "/usr", "/usr/bin", "/usr/bin/here"]);
    }

    #[test]
    fn parent_components_are_removed_from_a_path() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        std::fs::create_dir(root.join("c")).unwrap();
        std::os::unix::fs::symlink(root.join("a/b"), root.join("c/link")).unwrap();
        std::os::unix::fs::symlink("elsewhere", root.join("a/program")).unwrap();
        // `..` means the parent of the link's target. A link to the program itself is not followed.
        let path = root.join("c/link/../program");
        assert_eq!(absolute(&path).unwrap(), root.join("a/program"));
        assert_eq!(absolute(&root.join("a/b/..")).unwrap(), root.join("a"));
        assert_eq!(absolute(&root.join("c/link/x")).unwrap(), root.join("c/link/x"));
    }

    #[test]
    fn a_directory_with_cyclic_links_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let sub = directory.path().join("sub");
        std::fs::create_dir(&sub).unwrap();
        // Each level doubles the number of paths.
        for name in ["a", "b"] {
            std::os::unix::fs::symlink("..", sub.join(name)).unwrap();
        }
        let error =
            Tree::new(Architecture::HOST).add_at(directory.path(), Path::new("/here")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.to_string().contains("points to a directory above it"), "{error}");
    }

    #[test]
    fn following_cyclic_links_ends() {
        let mut tree = Tree::new(Architecture::HOST);
        tree.add_link(Path::new("/a"), Path::new("b"));
        tree.add_link(Path::new("/b"), Path::new("a/b"));
        tree.add_file(Path::new("/a/file"), 0o644, *b"");
        assert!(tree.nodes.keys().any(|path| path.ends_with("file")));
    }
}
