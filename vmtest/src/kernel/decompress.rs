//! Decompresses untrusted data as a stream. The reader controls the amount of data, and the memory
//! that a stream may request is limited.

use super::archive::damaged;
use crate::error::Result;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::io::{self, BufRead, BufReader, Read};

/// The maximum memory that an xz stream may request, in KiB; `xz -9` needs 65 MiB.
const XZ_MEMORY: u32 = 128 << 10;

const GZIP: &[u8] = &[0x1f, 0x8b];
const XZ: &[u8] = &[0xfd, b'7', b'z', b'X', b'Z', 0];
/// The magic numbers of a zstd frame and of a skippable frame, without their lowest four bits.
const ZSTD: u32 = 0xfd2f_b528;
const ZSTD_SKIPPED: u32 = 0x184d_2a50;

/// Returns the decompressed contents of a stream. The stream is compressed with gzip, xz or zstd,
/// or is not compressed.
///
/// # Errors
/// Fails if the stream can't be read.
pub(super) fn decompressed<'a>(stream: impl Read + 'a) -> Result<Box<dyn Read + 'a>> {
    let mut stream = BufReader::with_capacity(64 << 10, stream);
    // A reader may return fewer bytes than requested. Data that is too short for a magic number is
    // not an archive.
    let mut head = [0; 6];
    let mut length = 0;
    while length < head.len() {
        match stream.read(&mut head[length..]).map_err(damaged)? {
            0 => break,
            count => length += count,
        }
    }
    let word = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
    let whole = io::Cursor::new(head[..length].to_vec()).chain(stream);
    Ok(if head.starts_with(GZIP) {
        Box::new(flate2::bufread::MultiGzDecoder::new(whole))
    } else if head.starts_with(XZ) {
        Box::new(xz(whole))
    } else if word == ZSTD || word & !15 == ZSTD_SKIPPED {
        Box::new(zstd(whole))
    } else {
        Box::new(whole)
    })
}

/// Returns the decompressed contents of an xz stream.
pub(super) fn xz<'a>(stream: impl Read + 'a) -> impl Read + 'a {
    lzma_rust2::XzReader::new_mem_limit(stream, true, XZ_MEMORY)
}

/// Returns the decompressed contents of a zstd stream, which may consist of several frames.
pub(super) fn zstd<'a>(stream: impl BufRead + 'a) -> impl Read + 'a {
    Zstd::new(stream)
}

/// A sequence of zstd frames.
struct Zstd<R> {
    source: R,
    decoder: FrameDecoder,
    is_in_frame: bool,
}

impl<R: BufRead> Zstd<R> {
    fn new(source: R) -> Self {
        Self { source, decoder: FrameDecoder::new(), is_in_frame: false }
    }

    /// Advances to the next frame. Returns whether there is one.
    fn next_frame(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.decoder.init(&mut self.source) {
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let mut skipped = (&mut self.source).take(length.into());
                    io::copy(&mut skipped, &mut io::sink())?;
                }
                Err(error) => return Err(io::Error::other(error)),
                Ok(()) => return Ok(true),
            }
        }
        Ok(false)
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.is_in_frame && !self.next_frame()? {
                return Ok(0);
            }
            self.is_in_frame = true;
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                self.decoder.decode_blocks(&mut self.source, one).map_err(io::Error::other)?;
            }
            match self.decoder.read(buffer)? {
                0 => self.is_in_frame = false,
                count => return Ok(count),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    /// Returns the output of a program for the given input.
    fn piped(program: &str, bytes: &[u8]) -> Vec<u8> {
        let mut child = Command::new(program)
            .args(["--stdout", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(bytes).unwrap();
        child.wait_with_output().unwrap().stdout
    }

    fn unpacked(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut data = Vec::new();
        decompressed(bytes).unwrap().read_to_end(&mut data)?;
        Ok(data)
    }

    #[test]
    fn each_format_is_unpacked_also_in_parts() {
        let text = "some text that is long enough ".repeat(10_000);
        for program in ["gzip", "xz"] {
            let packed = piped(program, text.as_bytes());
            assert!(packed.len() < text.len() / 10, "{program}");
            assert_eq!(unpacked(&packed).unwrap(), text.as_bytes(), "{program}");
            let twice = [packed.as_slice(), &packed].concat();
            assert_eq!(unpacked(&twice).unwrap().len(), 2 * text.len(), "{program}");
            assert!(unpacked(&packed[..packed.len() / 2]).is_err(), "{program}");
        }
        assert_eq!(unpacked(text.as_bytes()).unwrap(), text.as_bytes());
        assert_eq!(unpacked(b"abc").unwrap(), b"abc");
    }

    #[test]
    fn frames_of_zstd_follow_each_other() {
        use ruzstd::encoding::{CompressionLevel, compress_to_vec};
        let text = vec![b'x'; 1 << 20];
        let frame = compress_to_vec(&text[..], CompressionLevel::Fastest);
        let skipped = [&0x184d_2a55_u32.to_le_bytes()[..], &3_u32.to_le_bytes(), b"abc"].concat();
        let all = [&skipped[..], &frame, &skipped, &frame].concat();
        assert_eq!(unpacked(&all).unwrap(), [text.as_slice(), &text].concat());
        assert!(unpacked(&all[..all.len() - 5]).is_err());
    }

    #[test]
    fn a_stream_that_asks_for_gigabytes_of_memory_is_refused() {
        // A frame header: a window of two gigabytes; then a last block of one byte.
        let window = [0x28, 0xb5, 0x2f, 0xfd, 0, 21 << 3, 9, 0, 0, b'x'];
        assert!(unpacked(&window).unwrap_err().to_string().contains("indow"));
        // The header of an xz stream without checksums, and that of a block whose dictionary takes
        // one gigabyte.
        let with_checksum = |bytes: &[u8]| [bytes, &crc32fast::hash(bytes).to_le_bytes()].concat();
        let stream = [b"\xfd7zXZ\0".to_vec(), with_checksum(&[0, 0])].concat();
        let block = with_checksum(&[2, 0, 0x21, 1, 36, 0, 0, 0]);
        let error = unpacked(&[stream, block, vec![0; 4]].concat()).unwrap_err().to_string();
        assert!(error.contains("emory"), "{error}");
    }
}
