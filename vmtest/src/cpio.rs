//! Writes and reads archives in the cpio format "newc". The kernel unpacks such an archive as its
//! first root file system.

use std::io::{self, BufRead, Write};

const MAGIC: &[u8; 6] = b"070701";
const TRAILER: &str = "TRAILER!!!";

/// The type of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Directory,
    File,
    Symlink,
    CharacterDevice { major: u32, minor: u32 },
}

/// Writes an archive.
#[derive(Debug)]
pub(crate) struct Writer<W> {
    out: W,
    inode: u32,
}

impl<W: Write> Writer<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { out, inode: 0 }
    }

    /// Adds an entry that belongs to root. `name` has no leading slash. For a symbolic link, `data`
    /// is the target.
    pub(crate) fn add(&mut self, name: &str, kind: Kind, mode: u32, data: &[u8]) -> io::Result<()> {
        self.add_of(name, kind, (mode, (0, 0)), data)
    }

    /// Adds an entry with the given mode, user and group.
    pub(crate) fn add_of(
        &mut self,
        name: &str,
        kind: Kind,
        (mode, (user, group)): (u32, (u32, u32)),
        data: &[u8],
    ) -> io::Result<()> {
        let (format, major, minor) = match kind {
            Kind::Directory => (0o040_000, 0, 0),
            Kind::File => (0o100_000, 0, 0),
            Kind::Symlink => (0o120_000, 0, 0),
            Kind::CharacterDevice { major, minor } => (0o020_000, major, minor),
        };
        self.inode += 1;
        let too_long =
            |_| io::Error::new(io::ErrorKind::InvalidInput, format!("{name} is over 4 GiB"));
        let size = u32::try_from(data.len()).map_err(too_long)?;
        let name_size = u32::try_from(name.len() + 1).map_err(too_long)?;
        let links = 1;
        let fields = [
            self.inode,
            format | mode,
            user,
            group,
            links,
            0,
            size,
            0,
            0,
            major,
            minor,
            name_size,
            0,
        ];
        self.out.write_all(MAGIC)?;
        for field in fields {
            write!(self.out, "{field:08x}")?;
        }
        self.out.write_all(name.as_bytes())?;
        self.out.write_all(&[0])?;
        self.pad(MAGIC.len() + fields.len() * 8 + name.len() + 1)?;
        self.out.write_all(data)?;
        self.pad(data.len())
    }

    /// Writes the end of the archive.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.inode = 0;
        self.add(TRAILER, Kind::File, 0, &[])?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn pad(&mut self, length: usize) -> io::Result<()> {
        self.out.write_all(&[0; 3][..padding(length)])
    }
}

/// An entry that was read from an archive.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) mode: u32,
    /// The user and the group that own the file.
    pub(crate) owner: (u32, u32),
    pub(crate) size: usize,
}

/// Reads an archive that [`Writer`] wrote.
#[derive(Debug)]
pub(crate) struct Reader<R> {
    input: R,
}

impl<R: BufRead> Reader<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input }
    }

    /// Returns the next entry. Its data must be read with [`Reader::data`] before the next call.
    pub(crate) fn next(&mut self) -> io::Result<Option<Entry>> {
        let mut header = [0; 110];
        self.input.read_exact(&mut header)?;
        let (magic, fields) = header.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(invalid("an entry does not begin with the magic number"));
        }
        let field = |index: usize| {
            std::str::from_utf8(&fields[index * 8..][..8])
                .ok()
                .and_then(|digits| u32::from_str_radix(digits, 16).ok())
                .ok_or_else(|| invalid("a field is not a number"))
        };
        let (mode, size, name_size) = (field(1)?, field(6)? as usize, field(11)? as usize);
        if name_size > 4096 {
            return Err(invalid("a name is too long"));
        }
        let mut name = vec![0; name_size + padding(header.len() + name_size)];
        self.input.read_exact(&mut name)?;
        name.truncate(name_size.saturating_sub(1));
        let name = String::from_utf8(name).map_err(|_| invalid("a name is not UTF-8"))?;
        if name == TRAILER {
            return Ok(None);
        }
        let kind = match mode & 0o170_000 {
            0o040_000 => Kind::Directory,
            0o100_000 => Kind::File,
            0o120_000 => Kind::Symlink,
            0o020_000 => Kind::CharacterDevice { major: field(9)?, minor: field(10)? },
            _ => return Err(invalid("an entry has an unknown type")),
        };
        let owner = (field(2)?, field(3)?);
        Ok(Some(Entry { name, kind, mode: mode & 0o7777, owner, size }))
    }

    /// Copies the data of the entry that was just read.
    pub(crate) fn data(&mut self, entry: &Entry, out: &mut impl Write) -> io::Result<()> {
        let mut left = entry.size;
        while left > 0 {
            let buffer = self.input.fill_buf()?;
            let length = buffer.len().min(left);
            if length == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            out.write_all(&buffer[..length])?;
            self.input.consume(length);
            left -= length;
        }
        self.input.read_exact(&mut [0; 3][..padding(entry.size)])
    }
}

fn padding(length: usize) -> usize {
    length.wrapping_neg() % 4
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the archive is damaged: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_laid_out_as_the_kernel_documents_it() {
        let mut writer = Writer::new(Vec::new());
        writer
            .add("dev/console", Kind::CharacterDevice { major: 5, minor: 1 }, 0o600, &[])
            .unwrap();
        let bytes = writer.finish().unwrap();
        assert_eq!(&bytes[..6], b"070701");
        assert_eq!(&bytes[14..22], b"00002180", "mode");
        assert_eq!(&bytes[78..94], b"0000000500000001", "rdev");
        assert_eq!(&bytes[94..102], b"0000000c", "size of the name with its zero");
        assert_eq!(&bytes[110..124], b"dev/console\0\0\0");
        assert_eq!(&bytes[124..130], b"070701", "the next entry begins at a multiple of four");
        assert_eq!(bytes.len() % 4, 0);
    }

    #[test]
    fn entries_are_read_as_they_were_written() {
        let entries = [
            ("d", Kind::Directory, 0o755, (0, 0), &b""[..]),
            ("d/odd", Kind::File, 0o644, (1000, 42), b"12345"),
            ("d/link", Kind::Symlink, 0o777, (0, 0), b"odd"),
            ("empty", Kind::File, 0o4600, (0, 1), b""),
        ];
        let mut writer = Writer::new(Vec::new());
        for (name, kind, mode, owner, data) in entries {
            writer.add_of(name, kind, (mode, owner), data).unwrap();
        }
        let bytes = writer.finish().unwrap();
        let mut reader = Reader::new(&bytes[..]);
        for (name, kind, mode, owner, data) in entries {
            let entry = reader.next().unwrap().unwrap();
            let found = (entry.name.as_str(), entry.kind, entry.mode, entry.owner);
            assert_eq!(found, (name, kind, mode, owner));
            let mut read = Vec::new();
            reader.data(&entry, &mut read).unwrap();
            assert_eq!(read, data);
        }
        assert_eq!(reader.next().unwrap(), None);
    }

    #[test]
    fn a_cut_archive_is_an_error_wherever_it_is_cut() {
        let mut writer = Writer::new(Vec::new());
        writer.add("file", Kind::File, 0o644, b"12345").unwrap();
        let bytes = writer.finish().unwrap();
        for cut in 0..bytes.len() - 3 {
            let mut reader = Reader::new(&bytes[..cut]);
            let mut read = || -> io::Result<()> {
                while let Some(entry) = reader.next()? {
                    reader.data(&entry, &mut io::sink())?;
                }
                Ok(())
            };
            assert!(read().is_err(), "cut at {cut}");
        }
    }
}
