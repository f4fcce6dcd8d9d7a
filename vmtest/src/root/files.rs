//! The files of a root file system while it is assembled. The files are kept in memory, and nothing
//! is written to this machine. A name or a link in an archive therefore cannot refer to a file of
//! the host.

use super::listing::{Entry, Listing, Program};
use crate::arch::Architecture;
use crate::cpio::{Kind, Writer};
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::initramfs::MOUNTED;
use crate::kernel::archive::{
    Budget, Item, ItemKind, Visits, damaged, refused, relative, whiteout,
};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The maximum number of symbolic links in a path. The kernel has the same limit.
const MAX_LINKS: u32 = 40;
/// The maximum number of bytes in the paths of all files, including the directories that an archive
/// only implies. This is enough for millions of files.
const MOST_IN_PATHS: usize = 256 << 20;

/// Returns the size limits of a root file system.
pub(super) fn budget() -> Budget {
    Budget {
        entries: 2_000_000,
        bytes: 32 << 30,
        files: 1_000_000,
        kept: 4 << 30,
        largest: crate::regular::FILE,
    }
}

/// The object at a path.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Directory,
    File(Arc<[u8]>),
    Symlink(String),
}

#[derive(Debug)]
struct Placed {
    node: Node,
    mode: u32,
    owner: (u32, u32),
    /// The layer of the container image that contained the object.
    layer: u32,
}

/// The treatment of a directory in an archive if its path is already a link to a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Directories {
    /// The directory replaces the link, as in the layers of container images.
    Replace,
    /// The path refers to the target of the link, as in Debian's packages.
    Follow,
}

/// The files, ordered by their paths from the root. A path has no leading slash.
#[derive(Debug)]
pub(super) struct Files {
    placed: BTreeMap<PathBuf, Placed>,
    directories: Directories,
    layer: u32,
    /// The rest of [`MOST_IN_PATHS`].
    left_for_paths: usize,
    visits: Visits,
}

impl Files {
    pub(super) fn new(directories: Directories) -> Self {
        Self {
            placed: BTreeMap::new(),
            directories,
            layer: 0,
            left_for_paths: MOST_IN_PATHS,
            visits: Visits::default(),
        }
    }

    /// Continues with the next layer of a container image.
    pub(super) fn next_layer(&mut self) {
        self.layer += 1;
    }

    /// Adds an entry of an archive. If `whiteouts` is set, the entry may be a whiteout of a
    /// container image, which removes files.
    ///
    /// # Errors
    /// Fails if the entry is a device or a FIFO, leads out of the root, is damaged, or is too
    /// large.
    pub(super) fn take(
        &mut self,
        item: &mut Item<'_>,
        budget: &mut Budget,
        whiteouts: bool,
    ) -> Result<()> {
        let Some(path) = relative(&item.name)? else {
            let name = String::from_utf8_lossy(&item.name).into_owned();
            return Err(refused(format!("the name {name:?} is not UTF-8")));
        };
        if whiteouts && let Some(removed) = whiteout(&path) {
            return self.remove(&path, &removed);
        }
        let access = (item.mode, item.owner);
        let node = match &item.kind {
            // The guest creates this path itself.
            _ if is_mounted_over(&path) => return Ok(()),
            ItemKind::Directory => Node::Directory,
            ItemKind::Symlink(target) => Node::Symlink(text(&path, target)?),
            ItemKind::HardLink(first) => {
                let first = relative(first)?.unwrap_or_default();
                let first = self.place(&first)?;
                let node = self.placed.get(&first).map(|placed| placed.node.clone());
                node.filter(|node| !matches!(node, Node::Directory)).ok_or_else(|| {
                    refused(format!(
                        "{path} is a link to {}, which the archive does not contain",
                        first.display()
                    ))
                })?
            }
            ItemKind::Special(what) => return Err(refused(format!("{path} is {what}"))),
            ItemKind::File => {
                item.keep(&path, budget)?;
                let mut data = Vec::new();
                item.data.read_to_end(&mut data).map_err(damaged)?;
                Node::File(data.into())
            }
        };
        self.put(&path, node, access)
    }

    /// Inserts a node at a path. An existing node is replaced.
    pub(super) fn put(&mut self, path: &str, node: Node, access: (u32, (u32, u32))) -> Result<()> {
        let place = self.place(path)?;
        if place.as_os_str().is_empty() {
            return Ok(());
        }
        self.charge(&place)?;
        for parent in place.ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty()) {
            match self.placed.get(parent).map(|placed| &placed.node) {
                // The directories above it were inserted together with it.
                Some(Node::Directory) => break,
                Some(_) => {
                    let parent = parent.display();
                    return Err(refused(format!("{parent} is both a file and a directory")));
                }
                None => {}
            }
            self.charge(parent)?;
            let (node, layer) = (Node::Directory, self.layer);
            let implied = Placed { node, mode: 0o755, owner: (0, 0), layer };
            self.placed.insert(parent.to_owned(), implied);
        }
        match self.placed.get(&place).map(|placed| &placed.node) {
            Some(Node::Directory) if node == Node::Directory => {}
            Some(Node::Symlink(_))
                if node == Node::Directory && self.directories == Directories::Follow =>
            {
                return Ok(());
            }
            Some(Node::Directory) => self.remove_below(&place, u32::MAX)?,
            _ => {}
        }
        let (mode, owner) = access;
        self.placed.insert(place, Placed { node, mode, owner, layer: self.layer });
        Ok(())
    }

    /// Inserts a node at a path if the path has no node yet.
    pub(super) fn put_if_absent(&mut self, path: &str, node: Node, mode: u32) -> Result<()> {
        if self.placed.contains_key(&self.place(path)?) {
            return Ok(());
        }
        self.put(path, node, (mode, (0, 0)))
    }

    /// Removes the files of earlier layers at a path. If `whiteout` applies to a whole directory,
    /// removes the files below the path instead.
    fn remove(&mut self, whiteout: &str, removed: &str) -> Result<()> {
        if removed.split('/').any(|name| matches!(name, "." | "..")) {
            return Err(refused(format!("the whiteout {whiteout:?} leads out of the root")));
        }
        let (directory, _) = whiteout.rsplit_once('/').unwrap_or(("", whiteout));
        // Links in the parent directories are followed. A link at the path itself is not followed.
        let place = self.place(removed)?;
        let layer = self.layer;
        self.remove_below(&place, layer)?;
        let is_whole = removed != directory;
        // A directory is kept if this layer has added something to it.
        let is_empty =
            !self.placed.range(place.clone()..).nth(1).is_some_and(|it| it.0.starts_with(&place));
        let is_older = self.placed.get(&place).is_some_and(|placed| placed.layer < layer);
        if is_whole && is_empty && is_older {
            self.placed.remove(&place);
        }
        Ok(())
    }

    /// Subtracts the length of a new path from the limit for all paths.
    fn charge(&mut self, path: &Path) -> Result<()> {
        self.left_for_paths =
            self.left_for_paths.checked_sub(path.as_os_str().len()).ok_or_else(|| {
                refused(format!("the paths of its files have more than {MOST_IN_PATHS} bytes"))
            })?;
        Ok(())
    }

    /// Removes files below a path that come from layers before `layer`.
    fn remove_below(&mut self, path: &Path, layer: u32) -> Result<()> {
        let below = self
            .placed
            .range(path.to_owned()..)
            .map_while(|(below, placed)| below.starts_with(path).then_some((below, placed.layer)));
        let mut visited = 0;
        let gone: Vec<PathBuf> = below
            .inspect(|_| visited += 1)
            .filter(|(below, of)| *below != path && *of < layer)
            .map(|(below, _)| below.clone())
            .collect();
        self.visits.take(visited)?;
        for path in gone.iter().rev() {
            // A directory is kept if this layer has added something to it.
            let next = self.placed.range(path.clone()..).nth(1);
            if !next.is_some_and(|(next, _)| next.starts_with(path)) {
                self.placed.remove(path);
            }
        }
        Ok(())
    }

    /// Returns the path of a file after following the links in its parent directories.
    ///
    /// # Errors
    /// Fails if a link leads out of the root, or if links form a cycle.
    fn place(&self, path: &str) -> Result<PathBuf> {
        let parts = |path: &str| -> Vec<String> { path.rsplit('/').map(str::to_owned).collect() };
        let (mut here, mut ahead, mut links_left) = (PathBuf::new(), parts(path), MAX_LINKS);
        while let Some(name) = ahead.pop() {
            match name.as_str() {
                ".." if !here.pop() => {
                    return Err(refused(format!(
                        "{path} leads out of the root through a symbolic link"
                    )));
                }
                "" | "." | ".." => continue,
                _ => here.push(&name),
            }
            if ahead.is_empty() {
                break;
            }
            let Some(Placed { node: Node::Symlink(target), .. }) = self.placed.get(&here) else {
                continue;
            };
            links_left -= 1;
            if links_left == 0 {
                return Err(refused(format!("{path} leads into a loop of symbolic links")));
            }
            here.pop();
            if target.starts_with('/') {
                here = PathBuf::new();
            }
            ahead.extend(parts(target));
        }
        Ok(here)
    }

    /// Writes the files as an archive for the guest.
    pub(super) fn pack(&self, out: impl Write) -> Result<()> {
        let mut writer = Writer::new(out);
        for (path, Placed { node, mode, owner, .. }) in &self.placed {
            let name = path.to_str().expect("its parts are text");
            let (kind, data) = match node {
                Node::Directory => (Kind::Directory, &[][..]),
                Node::File(data) => (Kind::File, &**data),
                Node::Symlink(target) => (Kind::Symlink, target.as_bytes()),
            };
            writer.add_of(name, kind, (*mode, *owner), data).at("pack", path)?;
        }
        writer.finish().doing("pack the root file system").map(drop)
    }

    /// Lists the files.
    pub(super) fn list(&self, architecture: Architecture) -> Listing {
        let entries = self.placed.iter().map(|(path, placed)| {
            let entry = match &placed.node {
                Node::Directory => Entry::Directory,
                Node::Symlink(target) => Entry::Symlink(target.into()),
                Node::File(data) if placed.mode & 0o111 != 0 => {
                    Entry::File(Program::of(data, architecture))
                }
                Node::File(_) => Entry::File(None),
            };
            let size = match &placed.node {
                Node::File(data) => data.len() as u64,
                Node::Directory | Node::Symlink(_) => 0,
            };
            (path.clone(), entry, size)
        });
        let c_library = |path: &Path| match self.placed.get(path).map(|placed| &placed.node) {
            Some(Node::File(data)) => crate::elf::c_library_version(data),
            _ => None,
        };
        Listing::new(entries, c_library, architecture)
    }
}

/// Returns whether the guest mounts a file system at a path, which hides the previous contents.
pub(super) fn is_mounted_over(path: &str) -> bool {
    MOUNTED.iter().any(|mounted| {
        let below = path.strip_prefix(mounted.trim_start_matches('/'));
        below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
    })
}

fn text(path: &str, target: &[u8]) -> Result<String> {
    String::from_utf8(target.to_owned())
        .map_err(|_| refused(format!("{path} is a link to a path that is not UTF-8")))
}

/// Adds the name of what was refused to an error, together with advice.
pub(super) fn of(error: Error, what: impl std::fmt::Display) -> Error {
    let help = match error.kind() {
        ErrorKind::ArchiveRefused => {
            "a root file system is made of directories, files and links that do not lead out of it"
        }
        _ => return error.of(what),
    };
    error.of(what).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCESS: (u32, (u32, u32)) = (0o755, (0, 0));

    fn file(text: &str) -> Node {
        Node::File(text.as_bytes().into())
    }

    fn paths(files: &Files) -> Vec<&str> {
        files.placed.keys().map(|path| path.to_str().unwrap()).collect()
    }

    #[test]
    fn a_path_through_a_link_leads_to_the_links_target() {
        let mut files = Files::new(Directories::Replace);
        files.put("bin", Node::Symlink("usr/bin".into()), ACCESS).unwrap();
        files.put("usr/bin/here", Node::Symlink("/opt".into()), ACCESS).unwrap();
        files.put("bin/here/tool", file("x"), ACCESS).unwrap();
        files.put("etc/mtab", Node::Symlink("../proc/self/mounts".into()), ACCESS).unwrap();
        let expected =
            ["bin", "etc", "etc/mtab", "opt", "opt/tool", "usr", "usr/bin", "usr/bin/here"];
        assert_eq!(paths(&files), expected);
    }

    #[test]
    fn a_link_that_leads_out_is_refused_when_a_path_goes_through_it() {
        let mut files = Files::new(Directories::Replace);
        for (link, target) in [("a", "../../etc"), ("b", "/../etc"), ("c/d", "../../etc")] {
            files.put(link, Node::Symlink(target.into()), ACCESS).unwrap();
            let error = files.put(&format!("{link}/passwd"), file("x"), ACCESS).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ArchiveRefused);
            assert!(error.to_string().contains("through a symbolic link"), "{error}");
        }
        files.put("round", Node::Symlink("round/x".into()), ACCESS).unwrap();
        let error = files.put("round/y", file("x"), ACCESS).unwrap_err();
        assert!(error.to_string().contains("loop of symbolic links"), "{error}");
    }

    #[test]
    fn layers_replace_and_remove_files_of_earlier_layers() {
        let mut files = Files::new(Directories::Replace);
        for path in ["a/x", "a/y", "b/x", "b/y/z", "c"] {
            files.put(path, file("1"), ACCESS).unwrap();
        }
        files.next_layer();
        files.put("b/y/new", file("2"), ACCESS).unwrap();
        files.remove("a/.wh.x", "a/x").unwrap();
        files.remove("b/.wh..wh..opq", "b").unwrap();
        files.remove(".wh.c", "c").unwrap();
        files.remove(".wh.absent", "absent").unwrap();
        assert_eq!(paths(&files), ["a", "a/y", "b", "b/y", "b/y/new"]);
        // The whiteout of a directory does not apply to the files that the same layer adds to it.
        files.put("a/new", file("2"), ACCESS).unwrap();
        files.remove(".wh.a", "a").unwrap();
        assert_eq!(paths(&files), ["a", "a/new", "b", "b/y", "b/y/new"]);
        // A file replaces a directory, and a directory replaces a link.
        files.next_layer();
        files.put("b", file("3"), ACCESS).unwrap();
        files.put("d", Node::Symlink("a".into()), ACCESS).unwrap();
        files.put("d", Node::Directory, ACCESS).unwrap();
        assert_eq!(paths(&files), ["a", "a/new", "b", "d"]);
        let error = files.put("b/x", file("3"), ACCESS).unwrap_err();
        assert!(error.to_string().contains("b is both a file and a directory"), "{error}");
        for (whiteout, removed) in [("a/.wh...", "a/.."), (".wh..", ".")] {
            let error = files.remove(whiteout, removed).unwrap_err();
            assert!(error.to_string().contains("leads out of the root"), "{error}");
        }
    }

    #[test]
    fn whiteouts_that_visit_too_many_files_are_refused() {
        let mut files = Files::new(Directories::Replace);
        for name in ["d/a", "d/b"] {
            files.put(name, file(""), ACCESS).unwrap();
        }
        // The files are of the same layer, so each whiteout visits the directory and all its files
        // again.
        files.visits = Visits(8);
        let mut remove = || files.remove("d/.wh..wh..opq", "d");
        remove().unwrap();
        remove().unwrap();
        let error = remove().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ArchiveRefused);
        assert!(error.to_string().contains("too many files that whiteouts apply to"), "{error}");
    }

    #[test]
    fn implied_directories_count_for_the_limit_of_paths() {
        let mut files = Files::new(Directories::Replace);
        files.left_for_paths = "a/b/c".len() + "a/b".len() + "a".len() + "a/b/d".len();
        files.put("a/b/c", file(""), ACCESS).unwrap();
        files.put("a/b/d", file(""), ACCESS).unwrap();
        let error = files.put("e", file(""), ACCESS).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ArchiveRefused);
        assert!(error.to_string().contains("the paths of its files"), "{error}");
        // A parent directory that is a file is found even if it is not the nearest one.
        let mut files = Files::new(Directories::Replace);
        files.put("a", file(""), ACCESS).unwrap();
        let error = files.put("a/b/c", file(""), ACCESS).unwrap_err();
        assert!(error.to_string().contains("a is both a file and a directory"), "{error}");
    }

    #[test]
    fn a_directory_of_a_package_does_not_replace_a_link_to_a_directory() {
        let mut files = Files::new(Directories::Follow);
        files.put("lib", Node::Symlink("usr/lib".into()), ACCESS).unwrap();
        files.put("lib", Node::Directory, ACCESS).unwrap();
        files.put("lib/x", file(""), ACCESS).unwrap();
        assert_eq!(paths(&files), ["lib", "usr", "usr/lib", "usr/lib/x"]);
    }

    #[test]
    fn paths_that_the_guest_mounts_over_are_left_out() {
        for path in ["dev", "dev/sda", "proc/1", "tmp"] {
            assert!(is_mounted_over(path), "{path}");
        }
        for path in ["devices", "var/tmp", "usr/dev"] {
            assert!(!is_mounted_over(path), "{path}");
        }
    }
}
