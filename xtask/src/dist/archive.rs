//! A release archive. The same files result in the same bytes, no matter when, where and by which
//! user the archive is created.

use std::collections::BTreeMap;
use std::io::Write as _;

use flate2::{Compression, GzBuilder};
use tar::{EntryType, Header};

use crate::Error;

/// A file of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) data: Vec<u8>,
    /// Whether it is executable.
    pub(crate) runs: bool,
}

impl File {
    /// Returns a file that is not executable.
    pub(crate) fn plain(data: impl Into<Vec<u8>>) -> Self {
        Self { data: data.into(), runs: false }
    }
}

/// Packs files, given by their paths below the directory `folder`, into a compressed tar archive.
/// `time` is the modification time of all of them, in seconds since 1970.
pub(crate) fn pack(
    folder: &str,
    files: &BTreeMap<String, File>,
    time: u64,
) -> Result<Vec<u8>, Error> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, file) in files {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(if file.runs { 0o755 } else { 0o644 });
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(time);
        header.set_size(file.data.len().try_into()?);
        archive.append_data(&mut header, format!("{folder}/{path}"), file.data.as_slice())?;
    }
    // Omits the time and the operating system, which gzip writes by default.
    let mut packed = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    packed.write_all(&archive.into_inner()?)?;
    Ok(packed.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::GzDecoder;

    fn files() -> BTreeMap<String, File> {
        let program = File { data: b"program".to_vec(), runs: true };
        BTreeMap::from([
            ("tool".to_owned(), program),
            ("man/tool.1".to_owned(), File::plain("page")),
        ])
    }

    #[test]
    fn the_same_files_make_the_same_bytes() {
        let packed = pack("tool-1.0", &files(), 1_700_000_000).unwrap();
        assert_eq!(packed, pack("tool-1.0", &files(), 1_700_000_000).unwrap());
    }

    #[test]
    fn entries_are_sorted_and_belong_to_root() {
        let packed = pack("tool-1.0", &files(), 1_700_000_000).unwrap();
        let mut archive = tar::Archive::new(GzDecoder::new(packed.as_slice()));
        let entries: Vec<_> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let header = entry.header();
                let owner = (header.uid().unwrap(), header.gid().unwrap());
                assert_eq!((owner, header.mtime().unwrap()), ((0, 0), 1_700_000_000));
                (entry.path().unwrap().display().to_string(), header.mode().unwrap())
            })
            .collect();
        let expected = [("tool-1.0/man/tool.1", 0o644), ("tool-1.0/tool", 0o755)];
        assert_eq!(entries, expected.map(|(path, mode)| (path.to_owned(), mode)));
    }
}
