//! Extracts the uncompressed kernel from a bzImage. QEMU starts an uncompressed kernel immediately,
//! whereas a bzImage decompresses itself in the guest, which takes seconds on an emulated
//! processor.
//!
//! The layout is in the kernel's `Documentation/arch/x86/boot.rst`.

use super::decompress::{xz, zstd};
use crate::error::{Error, ErrorKind, Result};
use std::io::Read;

const LZ4_LEGACY: [u8; 4] = [0x02, 0x21, 0x4c, 0x18];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const XZ: [u8; 6] = [0xfd, b'7', b'z', b'X', b'Z', 0];
const ELF: &[u8] = b"\x7fELF";
/// The size limit of an uncompressed kernel. Without debug information, a kernel has about 60 MiB.
const LARGEST: usize = 512 << 20;
/// LZ4's legacy format cuts its input into blocks of this size.
const LZ4_BLOCK: usize = 8 << 20;

/// Returns the uncompressed kernel in `image`. The image may be uncompressed already.
pub(super) fn vmlinux(image: &[u8], name: &str) -> Result<Vec<u8>> {
    vmlinux_up_to(LARGEST, image, name)
}

/// Like [`vmlinux`], but fails if the result is larger than `largest`.
pub(super) fn vmlinux_up_to(largest: usize, image: &[u8], name: &str) -> Result<Vec<u8>> {
    let corrupt = |what: &str| {
        Error::new(ErrorKind::KernelCorrupt, format!("{name} is not a usable kernel image: {what}"))
            .help("fetch the image again, or use an x86-64 vmlinux or bzImage")
    };
    let kernel = if image.starts_with(ELF) {
        image.to_vec()
    } else {
        decompress(payload(image).map_err(corrupt)?, largest).map_err(|what| corrupt(&what))?
    };
    if kernel.len() > largest && !image.starts_with(ELF) {
        let message = format!("{name} unpacks to more than {} MiB", largest >> 20);
        return Err(Error::new(ErrorKind::TooLarge, message)
            .help("check where the image comes from: no kernel is this large"));
    }
    if kernel.starts_with(ELF) {
        Ok(kernel)
    } else {
        Err(corrupt("its compressed part is not an ELF file"))
    }
}

/// Returns the release of an uncompressed kernel, as in `uname -r`.
pub(super) fn release(vmlinux: &[u8]) -> Option<String> {
    const BANNER: &[u8] = b"Linux version ";
    // Some compilers put the banner's format string in front of the banner.
    vmlinux.windows(BANNER.len()).enumerate().filter(|(_, window)| *window == BANNER).find_map(
        |(at, _)| {
            let rest = &vmlinux[at + BANNER.len()..];
            let end = rest.iter().take(100).position(|byte| *byte == b' ')?;
            let release = std::str::from_utf8(&rest[..end]).ok()?;
            // The release becomes part of paths and messages.
            let is_plain =
                release.chars().all(|c| c.is_ascii_alphanumeric() || "+-._~".contains(c));
            let is_release = release.starts_with(|first: char| first.is_ascii_digit());
            (is_plain && is_release).then(|| release.to_owned())
        },
    )
}

/// Returns the compressed part of a bzImage.
fn payload(image: &[u8]) -> std::result::Result<&[u8], &'static str> {
    let word = |at: usize| {
        let bytes = image.get(at..at + 4).ok_or("it is cut short")?;
        Ok::<_, &str>(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize)
    };
    if image.get(0x202..0x206) != Some(b"HdrS") {
        return Err("it has no setup header");
    }
    let sectors = match image[0x1f1] {
        0 => 4,
        sectors => usize::from(sectors),
    };
    let start = (sectors + 1) * 512 + word(0x248)?;
    // The last four bytes contain the uncompressed size.
    let length = word(0x24c)?.checked_sub(4).ok_or("it has no payload")?;
    image.get(start..start + length).ok_or("it is cut short")
}

/// Decompresses the payload. If the result would be larger than `largest`, the decompression stops
/// shortly after that size.
fn decompress(payload: &[u8], largest: usize) -> std::result::Result<Vec<u8>, String> {
    if let Some(blocks) = payload.strip_prefix(&LZ4_LEGACY) {
        return decompress_lz4(blocks, largest);
    }
    let stream: &mut dyn Read = if payload.starts_with(&ZSTD) {
        &mut zstd(payload)
    } else if payload.starts_with(&XZ) {
        &mut xz(payload)
    } else {
        return Err("its compression is not LZ4, zstd or xz".to_owned());
    };
    let mut kernel = Vec::new();
    stream.take(largest as u64 + 1).read_to_end(&mut kernel).map_err(|error| error.to_string())?;
    Ok(kernel)
}

fn decompress_lz4(mut blocks: &[u8], largest: usize) -> std::result::Result<Vec<u8>, String> {
    let mut kernel = Vec::new();
    let mut buffer = vec![0; LZ4_BLOCK];
    while let Some((size, rest)) = blocks.split_first_chunk::<4>() {
        let size = u32::from_le_bytes(*size) as usize;
        // Each of several concatenated streams starts with the magic number.
        if size.to_le_bytes()[..4] == LZ4_LEGACY {
            blocks = rest;
            continue;
        }
        let (block, rest) = rest.split_at_checked(size).ok_or("it is cut short")?;
        let length = lz4_flex::block::decompress_into(block, &mut buffer)
            .map_err(|error| error.to_string())?;
        kernel.extend_from_slice(&buffer[..length]);
        blocks = rest;
        if kernel.len() > largest {
            break;
        }
    }
    Ok(kernel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_without_a_kernel_is_refused() {
        for (image, what) in [(vec![0; 100], "setup header"), (vec![0; 0x300], "setup header")] {
            let error = vmlinux(&image, "x").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::KernelCorrupt);
            assert!(error.to_string().contains(what), "{error}");
        }
        let mut image = vec![0; 0x300];
        image[0x202..0x206].copy_from_slice(b"HdrS");
        image[0x24c] = 200;
        assert!(vmlinux(&image, "x").unwrap_err().to_string().contains("cut short"));
    }

    /// Returns a bzImage with this compressed part.
    fn bz_image(compressed: &[u8]) -> Vec<u8> {
        let mut image = vec![0; 1024];
        image[0x1f1] = 1;
        image[0x202..0x206].copy_from_slice(b"HdrS");
        let length = u32::try_from(compressed.len() + 4).unwrap();
        image[0x24c..0x250].copy_from_slice(&length.to_le_bytes());
        [&image, compressed, &[0; 4]].concat()
    }

    #[test]
    fn a_decompression_bomb_is_refused() {
        // A zstd frame without a size and with a window of 1 MiB, followed by blocks that repeat
        // one byte 128 Ki times.
        let mut bomb = [&ZSTD[..], &[0, 10 << 3]].concat();
        let block = |is_last: u32| (is_last | 1 << 1 | (128 << 10) << 3).to_le_bytes();
        for _ in 0..LARGEST >> 17 {
            bomb.extend(&block(0)[..3]);
            bomb.push(0);
        }
        bomb.extend(&block(1)[..3]);
        bomb.push(0);
        let error = vmlinux(&bz_image(&bomb), "x").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
    }

    #[test]
    fn the_release_is_read_from_the_banner() {
        let vmlinux = b"...Linux version %s (%s)...Linux version 6.1.0-x (me@here)...";
        assert_eq!(release(vmlinux).as_deref(), Some("6.1.0-x"));
        assert_eq!(release(b"Linux version "), None);
        assert_eq!(release(b"Linux version 6/../../x (me@here)"), None);
    }

    #[test]
    fn the_payload_is_found_and_unpacked() {
        // One block of an LZ4 stream: five literals.
        let compressed =
            [&LZ4_LEGACY[..], &[6, 0, 0, 0, 0x50], b"\x7fELF!", &[5, 0, 0, 0]].concat();
        let image = bz_image(&compressed[..compressed.len() - 4]);
        assert_eq!(vmlinux(&image, "x").unwrap(), b"\x7fELF!");
    }
}
