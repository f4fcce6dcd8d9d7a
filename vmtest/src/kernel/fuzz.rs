//! Functions that fuzzing calls with random bytes. They read files from untrusted sources.

use super::archive::{self, Budget, Entry, damaged};
use super::{deb, image, lock};
use std::path::{Component, Path};

/// The maximum number of bytes that may be unpacked from an input.
const LIMIT: u64 = 4 << 20;

/// Reads a layer of a container image, or a Debian package. The extracted files must stay within
/// the budget, and their paths must be below the target directory.
pub fn archive(data: &[u8]) {
    let mut budget =
        Budget { entries: 1000, bytes: LIMIT, files: 100, kept: LIMIT, largest: LIMIT };
    let mut taken = (0, 0);
    let mut visit = |entry: Entry<'_>| {
        match entry {
            Entry::File { path, data } => {
                assert!(is_below(path), "{path:?}");
                taken.0 += 1;
                taken.1 += std::io::copy(data, &mut std::io::sink()).map_err(damaged)?;
            }
            Entry::Removed { path } => assert!(path.is_empty() || is_below(path), "{path:?}"),
        }
        Ok(())
    };
    // An error is a valid result.
    let _ = if data.starts_with(deb::MAGIC) {
        deb::read(data, &mut budget, &mut visit)
    } else {
        archive::read(data, &mut budget, &mut visit)
    };
    assert!(taken.0 <= 100 && taken.1 <= LIMIT, "{taken:?}");
}

fn is_below(path: &str) -> bool {
    let path = Path::new(path);
    let is_plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    is_plain
        && !path.as_os_str().is_empty()
        && !path.to_string_lossy().chars().any(char::is_control)
}

/// Reads a lock file. The pinned names, versions and paths must be safe as parts of a path.
pub fn lock(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for package in lock::parse(text, Path::new("fuzz.lock")).unwrap_or_default() {
        assert!(is_below(&package.file), "{:?}", package.file);
        for part in [&package.name, &package.version, &package.sha256] {
            assert!(is_below(part) && !part.contains('/'), "{part:?}");
        }
    }
}

/// Reads a kernel image. The result must be an uncompressed kernel.
pub fn image(data: &[u8]) {
    const LARGEST: usize = 4 << 20;
    if let Ok((vmlinux, _)) = image::vmlinux_up_to(LARGEST, data, "fuzz") {
        assert!(image::architecture(&vmlinux).is_ok() && vmlinux.len() <= LARGEST.max(data.len()));
        if let Some(btf) = image::btf(&vmlinux) {
            assert!(btf.len() <= vmlinux.len());
        }
        if let Some(release) = image::release(&vmlinux) {
            assert!(is_below(&release) && !release.contains('/'), "{release:?}");
        }
    }
}
