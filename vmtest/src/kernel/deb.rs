//! Reads Debian packages. A package is an `ar` archive whose member `data.tar` contains the files
//! (deb(5)).

use super::archive::{self, Budget, Entry, damaged};
use crate::error::{Error, ErrorKind, Result};
use std::io::{self, Read};

pub(crate) const MAGIC: &[u8] = b"!<arch>\n";
/// The size of a member's header: name, time, owner, group, mode, size, end mark.
const HEADER: usize = 60;
/// The maximum number of members. A package has three members, and a few more if it contains a
/// signature or additions of a vendor.
const MEMBERS: usize = 16;

/// Reads the files of a kernel from a package, like [`archive::read`].
///
/// # Errors
/// Fails if the input is not a package, or for the reasons that [`archive::read`] lists.
pub(crate) fn read(
    package: impl Read,
    budget: &mut Budget,
    visit: &mut dyn FnMut(Entry<'_>) -> Result<()>,
) -> Result<()> {
    data(package, |archive| archive::read(archive, budget, visit))
}

/// Finds the archive with the files of a package, and passes this archive to `read`.
///
/// # Errors
/// Fails if the input is not a package, or if `read` fails.
pub(crate) fn data<T>(
    mut package: impl Read,
    read: impl FnOnce(&mut dyn Read) -> Result<T>,
) -> Result<T> {
    let mut magic = [0; MAGIC.len()];
    package.read_exact(&mut magic).map_err(damaged)?;
    if magic != MAGIC {
        return Err(not_a_package("it does not begin with the magic number"));
    }
    for _ in 0..MEMBERS {
        let mut header = [0; HEADER];
        package.read_exact(&mut header).map_err(damaged)?;
        let text = |range: std::ops::Range<usize>| std::str::from_utf8(&header[range]).ok();
        let size = text(48..58).and_then(|size| size.trim_end().parse::<u64>().ok());
        let (Some(name), Some(size), b"`\n") = (text(0..16), size, &header[58..]) else {
            return Err(not_a_package("the header of a member is damaged"));
        };
        if name.starts_with("data.tar") {
            return read(&mut package.take(size));
        }
        let padded = size + size % 2;
        let skipped =
            io::copy(&mut (&mut package).take(padded), &mut io::sink()).map_err(damaged)?;
        if skipped < padded {
            return Err(not_a_package("it is cut short"));
        }
    }
    Err(not_a_package("it has no files"))
}

fn not_a_package(what: &str) -> Error {
    Error::new(ErrorKind::ArchiveRefused, format!("it is not a Debian package: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, data: &[u8]) -> Vec<u8> {
        let header =
            format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 100_644, data.len());
        let mut member = [header.as_bytes(), data].concat();
        member.resize(member.len().next_multiple_of(2), b'\n');
        member
    }

    fn paths(package: &[u8]) -> Result<Vec<String>> {
        let mut found = Vec::new();
        read(package, &mut Budget::of_a_kernel(), &mut |entry| {
            if let Entry::File { path, .. } = entry {
                found.push(path.to_owned());
            }
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn the_files_are_those_of_the_data() {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(1);
        tar.append_data(&mut header, "boot/vmlinuz-1", &b"k"[..]).unwrap();
        let members = [
            member("debian-binary", b"2.0"),
            member("control.tar.xz", b"x"),
            member("data.tar", &tar.into_inner().unwrap()),
        ]
        .concat();
        let package = [MAGIC, &members].concat();
        assert_eq!(paths(&package).unwrap(), ["boot/vmlinuz-1"]);
        for cut in [3, 30, 70, package.len() - 1600] {
            assert!(paths(&package[..cut]).is_err(), "{cut}");
        }
    }

    #[test]
    fn a_file_that_is_not_a_package_is_refused() {
        let large = format!("{MAGIC}{:<48}{:<10}`\n", "a", u64::MAX, MAGIC = "!<arch>\n");
        let many = [MAGIC, &member("a", b"").repeat(MEMBERS + 1)].concat();
        for package in [b"text that is no package".to_vec(), large.into_bytes(), many] {
            assert_eq!(paths(&package).unwrap_err().kind(), ErrorKind::ArchiveRefused);
        }
    }
}
