//! Text in an array of C `char`.

use core::fmt::{self, Write as _};
use core::str::{FromStr, Utf8Error};
#[cfg(not(target_arch = "bpf"))]
use std::borrow::Cow;

use crate::plain::Plain;
use crate::types::BpfType;
use bpfmap_core::TypeDesc;

/// An array of `char` in C, `char name[N]`: text that ends before the first zero byte (NUL), or
/// fills the whole array.
///
/// In a schema, this type is `[char; N]`. All bytes are kept and compared, including the bytes
/// after the first NUL, because the kernel compares all bytes of a key. The kernel does not
/// guarantee an encoding, so the text is not always UTF-8.
///
/// ```
/// use bpfmap::CharArray;
///
/// let name: CharArray<16> = "cargo".parse()?;
/// assert_eq!(name.to_str(), Ok("cargo"));
/// assert_eq!(name, "cargo");
/// assert_eq!(format!("{name:>8} {name:?}"), r#"   cargo "cargo""#);
/// # Ok::<(), bpfmap::CharArrayError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "zerocopy",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
#[repr(transparent)]
pub struct CharArray<const N: usize>([u8; N]);

impl<const N: usize> CharArray<N> {
    /// Returns the array with these bytes.
    ///
    /// You can use this function to create a constant from a byte string of the same length:
    ///
    /// ```
    /// use bpfmap::CharArray;
    ///
    /// const LOOPBACK: CharArray<4> = CharArray::from_bytes(*b"lo\0\0");
    /// assert_eq!(LOOPBACK, "lo");
    /// ```
    #[inline]
    #[must_use]
    pub const fn from_bytes(bytes: [u8; N]) -> Self {
        Self(bytes)
    }

    /// Returns all bytes, including the bytes after the first NUL.
    #[inline]
    #[must_use]
    pub const fn to_bytes(self) -> [u8; N] {
        self.0
    }

    /// Returns the bytes of the text. These are the bytes before the first NUL, or all bytes if
    /// there is no NUL.
    #[must_use]
    pub fn bytes_until_nul(&self) -> &[u8] {
        self.0.split(|byte| *byte == 0).next().unwrap_or_default()
    }

    /// Returns the text.
    ///
    /// # Errors
    ///
    /// Fails if the bytes before the first NUL are not UTF-8. [`to_string_lossy`](Self::to_string_lossy) accepts any
    /// bytes.
    pub fn to_str(&self) -> Result<&str, Utf8Error> {
        core::str::from_utf8(self.bytes_until_nul())
    }

    /// Returns the text, with U+FFFD (�) in place of bytes that are not UTF-8. Allocates memory
    /// only if the text contains such bytes.
    ///
    /// ```
    /// use bpfmap::CharArray;
    ///
    /// // A process name that the kernel has cut within a character.
    /// let name = CharArray::from_bytes(*b"caf\xc3\0\0\0\0");
    /// assert!(name.to_str().is_err());
    /// assert_eq!(name.to_string_lossy(), "caf\u{fffd}");
    /// assert_eq!(name.bytes_until_nul(), b"caf\xc3");
    /// assert_eq!(name.to_bytes(), *b"caf\xc3\0\0\0\0");
    /// ```
    #[must_use]
    #[cfg(not(target_arch = "bpf"))]
    pub fn to_string_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.bytes_until_nul())
    }
}

// SAFETY: transparent over an array of bytes.
unsafe impl<const N: usize> Plain for CharArray<N> {}

impl<const N: usize> BpfType for CharArray<N> {
    const DESC: &'static TypeDesc<'static> =
        &TypeDesc::Array { element: TypeDesc::CHAR, len: crate::types::len(N) };
}

/// Copies the text and fills the rest of the array with zero bytes. The text must leave space for
/// at least one zero byte.
///
/// # Errors
///
/// Fails if the text has `N` bytes or more, which leaves no space for the final NUL, or if it
/// contains a NUL. Use [`from_bytes`](CharArray::from_bytes) for a text that fills the array.
///
/// ```
/// use bpfmap::CharArray;
///
/// assert_eq!(CharArray::<4>::try_from("eth0").unwrap_err().to_string(), "expected at most 3 bytes, found 4");
/// ```
impl<const N: usize> TryFrom<&str> for CharArray<N> {
    type Error = CharArrayError;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        let bytes = text.as_bytes();
        if let Some(position) = bytes.iter().position(|byte| *byte == 0) {
            return Err(CharArrayError(Why::Nul { position }));
        }
        let mut array = [0; N];
        match array.get_mut(..bytes.len()) {
            Some(start) if bytes.len() < N => start.copy_from_slice(bytes),
            _ => return Err(CharArrayError(Why::TooLong { found: bytes.len(), size: N })),
        }
        Ok(Self(array))
    }
}

/// Converts the text in the same way as `TryFrom<&str>`.
impl<const N: usize> FromStr for CharArray<N> {
    type Err = CharArrayError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::try_from(text)
    }
}

impl<const N: usize> From<[u8; N]> for CharArray<N> {
    #[inline]
    fn from(bytes: [u8; N]) -> Self {
        Self(bytes)
    }
}

impl<const N: usize> From<CharArray<N>> for [u8; N] {
    #[inline]
    fn from(array: CharArray<N>) -> Self {
        array.0
    }
}

/// Returns all zero bytes, which is the empty text.
impl<const N: usize> Default for CharArray<N> {
    #[inline]
    fn default() -> Self {
        Self([0; N])
    }
}

/// Compares the text.
impl<const N: usize> PartialEq<str> for CharArray<N> {
    fn eq(&self, text: &str) -> bool {
        self.bytes_until_nul() == text.as_bytes()
    }
}

/// Compares the text.
impl<const N: usize> PartialEq<&str> for CharArray<N> {
    fn eq(&self, text: &&str) -> bool {
        *self == **text
    }
}

/// Shows the text as [`to_string_lossy`](CharArray::to_string_lossy) returns it.
#[cfg(not(target_arch = "bpf"))]
impl<const N: usize> fmt::Display for CharArray<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_string_lossy())
    }
}

/// Shows all bytes as text in quotes, without the zero bytes at the end. Bytes that are not UTF-8 are shown as `\xff`,
/// and a NUL before other bytes as `\0`. Different arrays are always shown differently.
impl<const N: usize> fmt::Debug for CharArray<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.0.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        f.write_char('"')?;
        for chunk in self.0[..end].utf8_chunks() {
            write!(f, "{}", chunk.valid().escape_debug())?;
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        f.write_char('"')
    }
}

#[cfg(feature = "bytemuck")]
// SAFETY: an array of bytes.
unsafe impl<const N: usize> bytemuck::Zeroable for CharArray<N> {}
#[cfg(feature = "bytemuck")]
// SAFETY: an array of bytes.
unsafe impl<const N: usize> bytemuck::Pod for CharArray<N> {}

/// The reason why a text can't be converted to a [`CharArray`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CharArrayError(Why);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    TooLong { found: usize, size: usize },
    Nul { position: usize },
}

impl fmt::Display for CharArrayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Why::TooLong { size: 0, .. } => {
                f.write_str("the text needs a byte for its NUL, but the array has size zero")
            }
            Why::TooLong { found, size } => {
                write!(f, "expected at most {} bytes, found {found}", size - 1)
            }
            Why::Nul { position } => {
                write!(f, "expected no NUL in the text, found one at byte {position}")
            }
        }
    }
}

impl core::error::Error for CharArrayError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_ends_at_the_first_nul() {
        let name = CharArray::from_bytes(*b"cargo\0old\0");
        assert_eq!(name.bytes_until_nul(), b"cargo");
        assert_eq!(name.to_str(), Ok("cargo"));
        assert_eq!(name, "cargo");
        assert_eq!(name.to_bytes(), *b"cargo\0old\0");
        assert_ne!(name, CharArray::try_from("cargo").unwrap());
        assert_eq!(CharArray::from_bytes(*b"full").to_str(), Ok("full"));
        assert_eq!(CharArray::<0>::default().to_str(), Ok(""));
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_shown() {
        let name = CharArray::from_bytes(*b"a\xff\"\0\xc3\xa9\0");
        assert!(name.to_str().is_err());
        assert_eq!(name.to_string_lossy(), "a\u{fffd}\"");
        assert_eq!(format!("[{name:<5}]"), "[a\u{fffd}\"  ]");
        assert_eq!(format!("{name:?}"), r#""a\xff\"\0é""#);
        assert_eq!(format!("{:?}", CharArray::<4>::default()), "\"\"");
    }

    #[test]
    fn a_text_needs_room_for_its_nul() {
        assert_eq!("lo".parse(), Ok(CharArray::from_bytes(*b"lo\0\0")));
        assert_eq!("".parse(), Ok(CharArray::<1>::default()));
        let error = |text: &str| CharArray::<4>::try_from(text).unwrap_err().to_string();
        assert_eq!(error("eth0"), "expected at most 3 bytes, found 4");
        assert_eq!(error("a\0b"), "expected no NUL in the text, found one at byte 1");
        let error = "".parse::<CharArray<0>>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "the text needs a byte for its NUL, but the array has size zero"
        );
    }
}
