//! Reads tar archives from untrusted sources as streams, up to a limit.
//!
//! Only the regular files of a kernel's archive are extracted, and only if their names refer to
//! paths below the target directory. Links, devices and modes are ignored. An archive therefore
//! cannot write to a different place.

use super::decompress::decompressed;
use crate::error::{Error, ErrorKind, Result};
use std::borrow::Cow;
use std::cell::Cell;
use std::io::{self, Read};
use tar::EntryType;

/// The limits for all archives of one kernel together.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    /// The maximum number of entries of any kind.
    pub(crate) entries: u64,
    /// The maximum number of bytes after decompression.
    pub(crate) bytes: u64,
    /// The maximum number of extracted files.
    pub(crate) files: u64,
    /// The maximum number of bytes of extracted files.
    pub(crate) kept: u64,
    /// The maximum number of bytes of one extracted file.
    pub(crate) largest: u64,
}

impl Budget {
    /// Returns limits that suffice for a kernel with all its modules and the tests that it came
    /// with.
    pub(crate) fn of_a_kernel() -> Self {
        Self {
            entries: 500_000,
            bytes: 16 << 30,
            files: 50_000,
            kept: 4 << 30,
            largest: crate::regular::FILE,
        }
    }
}

/// An entry of an archive that the caller has to handle.
pub(crate) enum Entry<'a> {
    /// A wanted file: its path, which is relative and consists of plain names only, and its
    /// contents.
    File { path: &'a str, data: &'a mut dyn Read },
    /// Removes everything that earlier layers of a container image have at this path or below it.
    /// An empty path stands for the whole contents of these layers.
    Removed { path: &'a str },
}

/// The maximum number of names in a path. Each directory that an archive only implies takes memory,
/// or space on the disk.
const DEEPEST_PATH: usize = 128;
/// The maximum number of files that the whiteouts of one image can apply to, with repetitions.
/// Without this limit, a small image could keep this machine busy for hours.
const MOST_VISITS: u64 = 20_000_000;

/// Counts the files that the whiteouts of an image apply to.
#[derive(Debug)]
pub(crate) struct Visits(pub(crate) u64);

impl Default for Visits {
    fn default() -> Self {
        Self(MOST_VISITS)
    }
}

impl Visits {
    /// Counts the files to which the next whiteout applies.
    ///
    /// # Errors
    /// Fails if the whiteouts of the image apply to too many files.
    pub(crate) fn take(&mut self, count: usize) -> Result<()> {
        take(&mut self.0, count as u64, "files that whiteouts apply to")
    }
}

/// The maximum length of a path, and of the description of a file in pax format, in bytes.
const LONGEST_PATH: u64 = 4096;
const LONGEST_PAX: u64 = 64 << 10;

/// Reads an archive of a kernel, compressed or not, and passes the wanted entries to `visit`.
///
/// # Errors
/// Fails if the archive is damaged, exceeds the rest of the budget, or contains a name that leads
/// out of the archive. Also fails if `visit` fails.
pub(crate) fn read(
    archive: impl Read,
    budget: &mut Budget,
    visit: &mut dyn FnMut(Entry<'_>) -> Result<()>,
) -> Result<()> {
    walk(archive, budget, &mut |item, budget| {
        // Links, devices and directories are not needed.
        if item.kind != ItemKind::File {
            return Ok(());
        }
        let Some(path) = relative(&item.name)?.filter(|path| is_text(path)) else { return Ok(()) };
        if let Some(path) = whiteout(&path) {
            visit(Entry::Removed { path: &path })
        } else if is_wanted(&path) {
            item.keep(&path, budget)?;
            visit(Entry::File { path: &path, data: item.data })
        } else {
            Ok(())
        }
    })
    .map_err(|error| {
        let is_refused = error.kind() == ErrorKind::ArchiveRefused && error.advice().is_none();
        if is_refused { error.help("this is not the archive of a kernel") } else { error }
    })
}

/// The type of an entry of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ItemKind {
    Directory,
    File,
    /// A symbolic link. The field is its target.
    Symlink(Vec<u8>),
    /// A hard link, which is an additional name of an earlier file. The field is the first name of
    /// that file.
    HardLink(Vec<u8>),
    /// A device, a FIFO, or an entry of an unknown type. The field describes the type.
    Special(&'static str),
}

/// An entry of an archive, as described by its header.
pub(crate) struct Item<'a> {
    /// The name, as uninterpreted bytes.
    pub(crate) name: Vec<u8>,
    pub(crate) kind: ItemKind,
    pub(crate) mode: u32,
    /// The user and the group that own the entry.
    pub(crate) owner: (u32, u32),
    pub(crate) size: u64,
    is_unusual: bool,
    pub(crate) data: &'a mut dyn Read,
}

impl Item<'_> {
    /// Subtracts an extracted file from the budget.
    ///
    /// # Errors
    /// Fails if the budget is exceeded, or if the file does not have the size that its header says.
    pub(crate) fn keep(&self, path: &str, budget: &mut Budget) -> Result<()> {
        if self.is_unusual {
            return Err(refused(format!("{path} is sparse, or has two sizes")));
        }
        if self.size > budget.largest {
            return Err(refused(format!("{path} has {} bytes, which is too many", self.size)));
        }
        take(&mut budget.files, 1, "wanted files")?;
        take(&mut budget.kept, self.size, "bytes in wanted files")
    }
}

/// Reads a tar archive, compressed or not, and passes each entry to `visit`, together with the rest
/// of the budget.
///
/// # Errors
/// Fails if the archive is damaged or exceeds the rest of the budget, or if `visit` fails.
pub(crate) fn walk(
    archive: impl Read,
    budget: &mut Budget,
    visit: &mut dyn FnMut(Item<'_>, &mut Budget) -> Result<()>,
) -> Result<()> {
    let stream = decompressed(archive)?;
    // Bytes of entries are counted when their headers are read. This limit is for the bytes after
    // the last entry.
    let most = budget.bytes.saturating_add(1 << 20);
    let is_at_end = Cell::new(false);
    let mut tar = tar::Archive::new(Watched { stream: stream.take(most), is_at_end: &is_at_end });
    let mut named = Named::default();
    let mut is_first = true;
    for entry in tar.entries().map_err(damaged)?.raw(true) {
        let mut entry = match entry {
            Ok(entry) => entry,
            // The cause would contain the beginning of the file.
            Err(error) if is_first && error.kind() != io::ErrorKind::UnexpectedEof => {
                return Err(damaged("its first header is not the header of a tar archive"));
            }
            Err(error) => return Err(damaged(error)),
        };
        is_first = false;
        let kind = entry.header().entry_type();
        let size = entry.header().entry_size().map_err(damaged)?;
        take(&mut budget.entries, 1, "entries")?;
        take(&mut budget.bytes, size.saturating_add(512), "bytes")?;
        match kind {
            EntryType::GNULongName => named.path = Some(whole(&mut entry, size, LONGEST_PATH)?),
            EntryType::GNULongLink => named.link = Some(whole(&mut entry, size, LONGEST_PATH)?),
            EntryType::XHeader => named.pax(&whole(&mut entry, size, LONGEST_PAX)?)?,
            EntryType::XGlobalHeader => {}
            _ => {
                let named = std::mem::take(&mut named);
                let header = entry.header();
                let name = named.path.unwrap_or_else(|| header.path_bytes().into_owned());
                let link = named.link.or_else(|| header.link_name_bytes().map(Cow::into_owned));
                let link = without_end(link.unwrap_or_default());
                let kind = match kind {
                    EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                        ItemKind::File
                    }
                    EntryType::Directory => ItemKind::Directory,
                    EntryType::Symlink => ItemKind::Symlink(link),
                    EntryType::Link => ItemKind::HardLink(link),
                    EntryType::Char | EntryType::Block => ItemKind::Special("a device"),
                    EntryType::Fifo => ItemKind::Special("a FIFO"),
                    _ => ItemKind::Special("of an unknown kind"),
                };
                // A missing number is not an error, because not every entry has a mode or an owner.
                let number = |number: io::Result<u64>| {
                    number.ok().and_then(|number| u32::try_from(number).ok()).unwrap_or(0)
                };
                let owner = (number(header.uid()), number(header.gid()));
                let mode = number(header.mode().map(Into::into)) & 0o7777;
                let is_sparse = header.entry_type() == EntryType::GNUSparse;
                let is_unusual = named.is_unusual || is_sparse;
                let data = &mut Exactly(&mut entry, size);
                let name = without_end(name);
                visit(Item { name, kind, mode, owner, size, is_unusual, data }, budget)?;
            }
        }
    }
    // The reader stops at the block of zeros that ends an archive. An archive that was cut between
    // two entries lacks this block.
    if is_at_end.get() {
        return Err(damaged("it ends without the block of zeros that ends a tar archive"));
    }
    Ok(())
}

/// A stream that records whether its end was reached.
struct Watched<'a, R> {
    stream: R,
    is_at_end: &'a Cell<bool>,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(buffer)?;
        self.is_at_end.set(count == 0 && !buffer.is_empty());
        Ok(count)
    }
}

/// A reader that returns an error if its source ends before this many bytes were read.
struct Exactly<R>(R, u64);

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(buffer)?;
        if count == 0 && self.1 > 0 && !buffer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.1 = self.1.saturating_sub(count as u64);
        Ok(count)
    }
}

/// The description of an entry, from the headers that precede the entry.
#[derive(Default)]
struct Named {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    is_unusual: bool,
}

impl Named {
    /// Parses records in pax format: lines of the form `LENGTH KEY=VALUE`.
    fn pax(&mut self, mut records: &[u8]) -> Result<()> {
        while !records.is_empty() {
            let record = || {
                let space = records.iter().take(20).position(|byte| *byte == b' ')?;
                let length: usize = std::str::from_utf8(&records[..space]).ok()?.parse().ok()?;
                let record = records.get(space + 1..length)?.strip_suffix(b"\n")?;
                let equals = record.iter().position(|byte| *byte == b'=')?;
                Some((&record[..equals], &record[equals + 1..], length))
            };
            let (key, value, length) =
                record().ok_or_else(|| refused("a description in pax format is damaged"))?;
            match key {
                b"path" => self.path = Some(value.to_owned()),
                b"linkpath" => self.link = Some(value.to_owned()),
                // The size in the header itself is used.
                b"size" => self.is_unusual = true,
                _ => self.is_unusual |= key.starts_with(b"GNU.sparse."),
            }
            records = &records[length..];
        }
        Ok(())
    }
}

/// Returns a name without the final zero byte that some archives contain.
fn without_end(mut name: Vec<u8>) -> Vec<u8> {
    if name.last() == Some(&0) {
        name.pop();
    }
    name
}

/// Returns whether a path is not empty and consists of printable characters.
fn is_text(path: &str) -> bool {
    !path.is_empty() && !path.chars().any(char::is_control)
}

/// Converts a path to a relative path of plain names. The result is empty for the root itself, and
/// `None` if the path is not UTF-8.
///
/// # Errors
/// Fails if the path leads out of the archive, or consists of too many names.
pub(crate) fn relative(bytes: &[u8]) -> Result<Option<String>> {
    let Ok(path) = std::str::from_utf8(bytes) else { return Ok(None) };
    let names: Vec<&str> =
        path.split('/').filter(|name| !name.is_empty() && *name != ".").collect();
    if names.contains(&"..") {
        return Err(refused(format!("the name {path:?} leads out of the archive")));
    }
    if names.len() > DEEPEST_PATH {
        let start = names[..4].join("/");
        let count = names.len();
        return Err(refused(format!(
            "the path {start}/… has {count} names, and at most {DEEPEST_PATH} are allowed"
        )));
    }
    Ok(Some(names.join("/")))
}

/// Returns the path that a whiteout file removes from the layers below. For a file with the name
/// `.wh..wh..opq`, this is everything below the file's directory.
pub(crate) fn whiteout(path: &str) -> Option<String> {
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    match name.strip_prefix(".wh.")? {
        ".wh..opq" => Some(directory.to_owned()),
        hidden if directory.is_empty() => Some(hidden.to_owned()),
        hidden => Some(format!("{directory}/{hidden}")),
    }
}

/// Returns whether a file is a kernel's image or belongs to its modules.
fn is_wanted(path: &str) -> bool {
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    let in_modules = format!("/{directory}/").contains("/lib/modules/");
    let is_of_modules = name == super::modules::BUILTIN || super::modules::is_module(name);
    is_image(name) || in_modules && is_of_modules
}

/// Returns whether a file with this name is a kernel's image.
pub(crate) fn is_image(name: &str) -> bool {
    name.starts_with("vmlinuz") || name == "bzImage"
}

/// Returns all bytes of an entry that describes the next entry.
fn whole(entry: &mut impl Read, size: u64, limit: u64) -> Result<Vec<u8>> {
    if size > limit {
        return Err(refused(format!(
            "the name or the description of a file is too long ({size} bytes)"
        )));
    }
    let mut data = Vec::new();
    entry.read_to_end(&mut data).map_err(damaged)?;
    Ok(data)
}

fn take(left: &mut u64, count: u64, what: &str) -> Result<()> {
    *left = left.checked_sub(count).ok_or_else(|| refused(format!("it has too many {what}")))?;
    Ok(())
}

pub(crate) fn refused(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::ArchiveRefused, what)
}

pub(crate) fn damaged(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::ArchiveDamaged, "it is damaged, or it is not an archive")
        .because(cause)
        .help(ErrorKind::ArchiveDamaged.advice())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns an archive with these entries. Each entry has a type, a name and contents.
    fn archive(entries: &[(EntryType, &str, &[u8])]) -> Vec<u8> {
        let mut data = Vec::new();
        for (kind, name, contents) in entries {
            let mut header = tar::Header::new_gnu();
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(*kind);
            header.set_size(contents.len() as u64);
            header.set_mode(0o6755);
            header.set_cksum();
            data.extend(header.as_bytes());
            data.extend(*contents);
            data.resize(data.len().next_multiple_of(512), 0);
        }
        data.extend([0; 1024]);
        data
    }

    /// Returns the paths that are read from an archive. Each path has its contents, or `None` if
    /// the archive removes the path.
    fn contents(archive: &[u8], budget: &mut Budget) -> Result<Vec<(String, Option<Vec<u8>>)>> {
        let mut found = Vec::new();
        read(archive, budget, &mut |entry| {
            found.push(match entry {
                Entry::File { path, data } => {
                    let mut contents = Vec::new();
                    data.read_to_end(&mut contents).map_err(damaged)?;
                    (path.to_owned(), Some(contents))
                }
                Entry::Removed { path } => (path.to_owned(), None),
            });
            Ok(())
        })?;
        Ok(found)
    }

    fn names(entries: &[(EntryType, &str, &[u8])]) -> Result<Vec<String>> {
        let found = contents(&archive(entries), &mut Budget::of_a_kernel())?;
        Ok(found.into_iter().map(|(path, _)| path).collect())
    }

    #[test]
    fn only_regular_files_of_a_kernel_are_taken() {
        use EntryType::{Block, Char, Directory, Fifo, Link, Regular, Symlink};
        let found = names(&[
            (Directory, "./lib/modules/6.6/", b""),
            (Regular, "./boot/vmlinuz-6.6", b"kernel"),
            (Regular, "lib/modules/6.6/kernel/a.ko.xz", b"module"),
            (Regular, "/usr/lib/modules/6.6/modules.builtin", b""),
            (Regular, "usr/lib/modules/6.6/modules.dep", b""),
            (Regular, "a.ko", b""),
            (Regular, "etc/passwd", b""),
            (Regular, "boot/vmlinuz-\u{1b}[2J", b""),
            (Symlink, "vmlinuz", b""),
            (Link, "boot/vmlinuz", b""),
            (Char, "boot/vmlinuz-char", b""),
            (Block, "boot/vmlinuz-block", b""),
            (Fifo, "lib/modules/6.6/b.ko", b""),
        ]);
        let expected = [
            "boot/vmlinuz-6.6",
            "lib/modules/6.6/kernel/a.ko.xz",
            "usr/lib/modules/6.6/modules.builtin",
        ];
        assert_eq!(found.unwrap(), expected);
    }

    #[test]
    fn a_name_that_leads_out_is_refused() {
        for name in ["../vmlinuz", "boot/../../vmlinuz", "a/.."] {
            let error = names(&[(EntryType::Regular, name, b"")]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ArchiveRefused, "{name}");
            assert!(error.to_string().contains("leads out of the archive"), "{error}");
        }
    }

    #[test]
    fn a_path_of_too_many_names_is_refused() {
        let deepest = vec!["a"; DEEPEST_PATH].join("/");
        assert_eq!(relative(deepest.as_bytes()).unwrap().as_deref(), Some(deepest.as_str()));
        let error = relative(format!("{deepest}/a").as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ArchiveRefused);
        assert!(error.to_string().contains("a/a/a/a/… has 129 names"), "{error}");
    }

    #[test]
    fn an_archive_that_is_cut_or_is_none_is_damaged() {
        let whole = archive(&[(EntryType::Regular, "vmlinuz", &[1; 600])]);
        let read = |data: &[u8]| contents(data, &mut Budget::of_a_kernel());
        assert_eq!(read(&whole).unwrap().len(), 1);
        // A second block of zeros is not necessary.
        let end = 512 + 1024;
        assert_eq!(read(&whole[..end + 512]).unwrap().len(), 1);
        for (length, cause) in [
            (0, "without the block of zeros"),
            (100, ""),
            (1000, ""),
            (end, "without the block of zeros"),
        ] {
            let error = read(&whole[..length]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ArchiveDamaged, "{length}");
            assert!(error.to_string().contains(cause), "{length}: {error}");
        }
        let error = read(&[b'x'; 2048]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ArchiveDamaged);
        let said = error.to_string();
        assert!(said.contains("its first header") && !said.contains("xxxx"), "{said}");
    }

    #[test]
    fn long_names_of_both_kinds_are_read() {
        let long = format!("lib/modules/{}/a.ko", "x".repeat(200));
        let record = format!(" path={long}\n");
        let record = format!("{}{record}", record.len() + 3);
        let found = names(&[
            (EntryType::GNULongName, "././@LongLink", format!("{long}\0").as_bytes()),
            (EntryType::Regular, "short", b""),
            (EntryType::XHeader, "pax", record.as_bytes()),
            (EntryType::Regular, "short", b""),
            (EntryType::Regular, "vmlinuz", b""),
        ]);
        assert_eq!(found.unwrap(), [long.as_str(), &long, "vmlinuz"]);
        // A name applies to the next entry, regardless of the type of that entry.
        let found = names(&[
            (EntryType::GNULongName, "././@LongLink", format!("{long}\0").as_bytes()),
            (EntryType::Symlink, "short", b""),
            (EntryType::Regular, "etc/passwd", b""),
        ]);
        assert_eq!(found.unwrap(), [""; 0]);
    }

    #[test]
    fn a_description_that_hides_something_is_refused() {
        for record in ["13 size=99999\n", "99 path=x\n", "x", "22 GNU.sparse.major=1\n"] {
            let entries = [
                (EntryType::XHeader, "pax", record.as_bytes()),
                (EntryType::Regular, "vmlinuz", b""),
            ];
            let error = names(&entries).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ArchiveRefused, "{record}");
        }
    }

    #[test]
    fn removed_paths_of_a_layer_are_reported() {
        let found = names(&[
            (EntryType::Regular, "boot/.wh.vmlinuz", b""),
            (EntryType::Regular, "lib/modules/.wh..wh..opq", b""),
            (EntryType::Regular, ".wh.lib", b""),
        ]);
        assert_eq!(found.unwrap(), ["boot/vmlinuz", "lib/modules", "lib"]);
    }

    #[test]
    fn each_limit_holds_before_anything_is_unpacked() {
        let archive = archive(&[
            (EntryType::Regular, "other", &[0; 1000]),
            (EntryType::Regular, "vmlinuz-1", &[0; 1000]),
            (EntryType::Regular, "vmlinuz-2", &[0; 1000]),
        ]);
        let enough = Budget { entries: 3, bytes: 3 * 1512, files: 2, kept: 2000, largest: 1000 };
        assert_eq!(contents(&archive, &mut enough.clone()).unwrap().len(), 2);
        for budget in [
            Budget { entries: 2, ..enough.clone() },
            Budget { bytes: enough.bytes - 1, ..enough.clone() },
            Budget { files: 1, ..enough.clone() },
            Budget { kept: 1999, ..enough.clone() },
            Budget { largest: 999, ..enough.clone() },
        ] {
            let error = contents(&archive, &mut budget.clone()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ArchiveRefused, "{budget:?}");
        }
    }

    #[test]
    fn a_name_of_gigabytes_is_not_read() {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(EntryType::GNULongName);
        header.set_size(8 << 30);
        header.set_cksum();
        let endless = header.as_bytes().chain(io::repeat(b'x'));
        let error = read(endless, &mut Budget::of_a_kernel(), &mut |_| Ok(())).unwrap_err();
        assert!(error.to_string().contains("is too long (8589934592 bytes)"), "{error}");
    }

    #[test]
    fn damage_is_an_error() {
        let whole = archive(&[(EntryType::Regular, "vmlinuz", &[1; 600])]);
        for cut in [100, 512, 700, 1100] {
            assert!(contents(&whole[..cut], &mut Budget::of_a_kernel()).is_err(), "{cut}");
        }
        // A truncated file is not mistaken for the whole file.
        let of_a_part = read(&whole[..1100], &mut Budget::of_a_kernel(), &mut |entry| {
            if let Entry::File { data, .. } = entry {
                assert!(data.read_to_end(&mut Vec::new()).is_err());
            }
            Ok(())
        });
        assert!(of_a_part.is_err());
        let mut flipped = whole;
        flipped[0] ^= 1;
        assert!(contents(&flipped, &mut Budget::of_a_kernel()).is_err());
    }
}
