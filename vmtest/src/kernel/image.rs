//! Extracts the uncompressed kernel from its image. QEMU starts an uncompressed kernel immediately,
//! whereas a compressed image decompresses itself in the guest, which takes seconds on an emulated processor.
//!
//! The layouts are those of the kernel's `Documentation/arch/x86/boot.rst` (`bzImage`),
//! `Documentation/arch/arm64/booting.rst` (`Image`), and
//! `drivers/firmware/efi/libstub/zboot-header.S` (`vmlinuz.efi`).

use super::decompress::{xz, zstd};
use crate::arch::Architecture;
use crate::elf;
use crate::error::{Error, ErrorKind, Result};
use std::io::Read;

const LZ4_LEGACY: [u8; 4] = [0x02, 0x21, 0x4c, 0x18];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const XZ: [u8; 6] = [0xfd, b'7', b'z', b'X', b'Z', 0];
const GZIP: [u8; 2] = [0x1f, 0x8b];
const ELF: &[u8] = b"\x7fELF";
/// The mark of an `Image` for arm64, and its offset.
const ARM64: &[u8] = b"ARM\x64";
const ARM64_AT: usize = 0x38;
/// The mark of a `vmlinuz.efi`, and its offset.
const ZBOOT: &[u8] = b"zimg";
const ZBOOT_AT: usize = 4;
/// The size limit of an uncompressed kernel. Without debug information, a kernel has about 60 MiB.
const LARGEST: usize = 512 << 20;
/// LZ4's legacy format cuts its input into blocks of this size.
const LZ4_BLOCK: usize = 8 << 20;

/// Returns the uncompressed kernel in `image`, and its architecture. The image may be uncompressed
/// already.
pub(super) fn vmlinux(image: &[u8], name: &str) -> Result<(Vec<u8>, Architecture)> {
    vmlinux_up_to(LARGEST, image, name)
}

/// Like [`vmlinux`], but fails if the result is larger than `largest`.
pub(super) fn vmlinux_up_to(
    largest: usize,
    image: &[u8],
    name: &str,
) -> Result<(Vec<u8>, Architecture)> {
    let corrupt = |what: &str| {
        Error::new(ErrorKind::KernelCorrupt, format!("{name} is not a usable kernel image: {what}"))
            .help("fetch the image again, or use a vmlinux or bzImage for x86-64, or an Image for arm64")
    };
    let is_whole = image.starts_with(ELF) || is_arm64(image);
    let kernel = if is_whole {
        image.to_vec()
    } else {
        decompress(payload(image).map_err(corrupt)?, largest).map_err(|what| corrupt(&what))?
    };
    if kernel.len() > largest && !is_whole {
        let message = format!("{name} unpacks to more than {} MiB", largest >> 20);
        return Err(Error::new(ErrorKind::TooLarge, message)
            .help("check where the image comes from: no kernel is this large"));
    }
    let architecture = architecture(&kernel).map_err(|what| corrupt(&what))?;
    Ok((kernel, architecture))
}

/// Returns the architecture of an uncompressed kernel.
pub(super) fn architecture(kernel: &[u8]) -> std::result::Result<Architecture, String> {
    if is_arm64(kernel) {
        return Ok(Architecture::Aarch64);
    }
    match elf::machine(kernel) {
        None => Err("its compressed part is neither an ELF file nor an Image for arm64".to_owned()),
        Some(Ok(Architecture::X86_64)) => Ok(Architecture::X86_64),
        // QEMU can't start its ELF file.
        Some(Ok(Architecture::Aarch64)) => {
            Err("it is an ELF file for arm64, of which only an Image can be started".to_owned())
        }
        Some(Err(processor)) => Err(format!("it is for {processor}")),
    }
}

fn is_arm64(kernel: &[u8]) -> bool {
    kernel.get(ARM64_AT..ARM64_AT + ARM64.len()) == Some(ARM64)
}

/// Returns the types in an uncompressed kernel, which are found by their header
/// (`Documentation/bpf/btf.rst`). If there are several, the largest ones are those of the kernel
/// itself.
pub(super) fn btf(kernel: &[u8]) -> Option<Vec<u8>> {
    // `magic`, `version`, `flags`, and `hdr_len`.
    const START: [u8; 8] = [0x9f, 0xeb, 1, 0, 24, 0, 0, 0];
    const HEADER: usize = 24;
    // The kernel aligns them to 4 bytes at least.
    let starts = (0..kernel.len()).step_by(4).filter(|at| kernel[*at..].starts_with(&START));
    let whole = |at: usize| {
        let word = |index: usize| {
            let bytes = kernel.get(at + index..at + index + 4)?;
            Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
        };
        let [types, types_length, strings, strings_length] =
            [word(8)?, word(12)?, word(16)?, word(20)?];
        let is_usual = types == 0 && strings == types_length;
        kernel.get(at..at + HEADER + strings + strings_length).filter(|_| is_usual)
    };
    starts.filter_map(whole).max_by_key(|btf| btf.len()).map(<[u8]>::to_vec)
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

/// Returns the compressed part of an image.
fn payload(image: &[u8]) -> std::result::Result<&[u8], &'static str> {
    if image.starts_with(&GZIP) {
        return Ok(image);
    }
    let word = |at: usize| {
        let bytes = image.get(at..at + 4).ok_or("it is cut short")?;
        Ok::<_, &str>(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize)
    };
    if image.get(ZBOOT_AT..ZBOOT_AT + ZBOOT.len()) == Some(ZBOOT) {
        let (start, length) = (word(0x8)?, word(0xc)?);
        return image.get(start..start + length).ok_or("it is cut short");
    }
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
    let stream: &mut dyn Read = if payload.starts_with(&GZIP) {
        &mut flate2::bufread::GzDecoder::new(payload)
    } else if payload.starts_with(&ZSTD) {
        &mut zstd(payload)
    } else if payload.starts_with(&XZ) {
        &mut xz(payload)
    } else {
        return Err("its compression is not gzip, LZ4, zstd or xz".to_owned());
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
        // One block of an LZ4 stream: 15 + 5 literals.
        let kernel = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0";
        let compressed = [&LZ4_LEGACY[..], &[22, 0, 0, 0, 0xf0, 5], kernel].concat();
        let image = bz_image(&compressed);
        let found = (kernel.to_vec(), Architecture::X86_64);
        assert_eq!(vmlinux(&image, "x").unwrap(), found);
    }

    /// Returns an uncompressed kernel for arm64.
    fn arm64_image() -> Vec<u8> {
        let mut image = vec![0; 0x100];
        image[ARM64_AT..ARM64_AT + 4].copy_from_slice(ARM64);
        image
    }

    #[test]
    fn each_image_for_arm64_is_unpacked() {
        let found = (arm64_image(), Architecture::Aarch64);
        assert_eq!(vmlinux(&arm64_image(), "x").unwrap(), found);
        let mut packed = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
        std::io::Write::write_all(&mut packed, &arm64_image()).unwrap();
        let packed = packed.finish().unwrap();
        assert_eq!(vmlinux(&packed, "x").unwrap(), found);
        let mut zboot = vec![0; 0x40];
        zboot[..2].copy_from_slice(b"MZ");
        zboot[ZBOOT_AT..ZBOOT_AT + 4].copy_from_slice(ZBOOT);
        zboot[0x8..0xc].copy_from_slice(&0x40_u32.to_le_bytes());
        zboot[0xc..0x10].copy_from_slice(&u32::try_from(packed.len()).unwrap().to_le_bytes());
        zboot.extend(&packed);
        assert_eq!(vmlinux(&zboot, "x").unwrap(), found);
        zboot.truncate(0x50);
        assert!(vmlinux(&zboot, "x").unwrap_err().to_string().contains("cut short"));
    }

    #[test]
    fn a_kernel_that_no_guest_can_boot_is_told() {
        let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
        elf.resize(20, 0);
        for (machine, said) in [(183, "only an Image"), (243, "it is for riscv")] {
            elf[18] = machine;
            let error = vmlinux(&elf, "x").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::KernelCorrupt);
            assert!(error.to_string().contains(said), "{error}");
        }
    }

    #[test]
    fn the_types_are_found_by_their_header() {
        let header = |types: u32, strings: u32| {
            let mut header = vec![0x9f, 0xeb, 1, 0, 24, 0, 0, 0];
            header.extend([0, types, types, strings].iter().flat_map(|it| it.to_le_bytes()));
            header
        };
        let of_kernel = [header(8, 4), vec![7; 12]].concat();
        let kernel = [vec![0; 8], header(4, 4), vec![1; 8], of_kernel.clone(), vec![0; 4]].concat();
        assert_eq!(btf(&kernel), Some(of_kernel));
        // What would be longer than the kernel is not one.
        assert_eq!(btf(&[header(800, 4), vec![7; 12]].concat()), None);
        assert_eq!(btf(&[]), None);
    }
}
