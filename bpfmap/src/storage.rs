//! Accesses bytes that store members that can't be fields in Rust: members of unions, bit-fields,
//! and misaligned members of packed structs.
//!
//! Generated accessors use these functions to read and write such members in an array of bytes. The
//! accessors pass constant offsets to these functions, so the compiler removes the loops and checks
//! in the functions.
//!
//! ```
//! use bpfmap::storage::{self, BitField};
//!
//! // struct { __u8 version : 4; __s8 shift : 4; __u8 pad; __u32 address; } __attribute__((packed));
//! let mut header = [0_u8; 6];
//! storage::set_bits(&mut header, 0..4, 6_u8);
//! storage::set_bits(&mut header, 4..8, -3_i8);
//! storage::set(&mut header, 2, 0x7f00_0001_u32);
//!
//! assert_eq!(storage::bits::<u8>(&header, 0..4), 6);
//! assert_eq!(storage::bits::<i8>(&header, 4..8), -3, "the sign is extended");
//! assert_eq!(storage::get::<u32>(&header, 2), 0x7f00_0001);
//!
//! // These functions convert between a type and its bits.
//! assert_eq!((-3_i8).into_bits() & 0b1111, 0b1101);
//! assert_eq!(i8::from_bits(0b1101, 4), -3);
//! ```

use crate::plain::{Plain, bytes_of, from_bytes, zeroed};
use crate::scalars::Bool;
use core::ops::Range;

/// Returns the value whose bytes begin at `offset`.
///
/// # Panics
/// Panics if a part of the value is not within `bytes`.
#[inline]
#[must_use]
pub fn get<T: Plain>(bytes: &[u8], offset: usize) -> T {
    from_bytes(&bytes[offset..offset + size_of::<T>()]).unwrap_or_else(zeroed)
}

/// Writes the bytes of `value` at `offset`.
///
/// # Panics
/// Panics if a part of the value would not be within `bytes`.
#[inline]
pub fn set<T: Plain>(bytes: &mut [u8], offset: usize, value: T) {
    bytes[offset..offset + size_of::<T>()].copy_from_slice(bytes_of(&value));
}

/// What the bits of a bit-field are computed in. A program has no shifts of 128 bits, so its bit-fields have at most 64.
#[cfg(not(target_arch = "bpf"))]
type Word = u128;
#[cfg(target_arch = "bpf")]
type Word = u64;
#[cfg(not(target_arch = "bpf"))]
type SignedWord = i128;
#[cfg(target_arch = "bpf")]
type SignedWord = i64;

/// A type that a bit-field can have in C.
pub trait BitField: Copy {
    /// Converts the lowest `width` bits of `bits` to a value. All other bits of `bits` are 0.
    fn from_bits(bits: u128, width: u32) -> Self;
    /// Returns all bits of the value, including bits above the width of the bit-field.
    fn into_bits(self) -> u128;
}

macro_rules! unsigned {
    ($($integer:ty)*) => { $(
        impl BitField for $integer {
            #[inline]
            #[allow(clippy::cast_possible_truncation, clippy::cast_lossless, reason = "the width is at most that of the type")]
            fn from_bits(bits: u128, _: u32) -> Self {
                bits as Self
            }

            #[inline]
            #[allow(clippy::cast_lossless, reason = "the macro also covers u128")]
            fn into_bits(self) -> u128 {
                self as u128
            }
        }
    )* };
}
unsigned!(u8 u16 u32 u64 u128);

macro_rules! signed {
    ($($integer:ty)*) => { $(
        impl BitField for $integer {
            #[inline]
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_possible_wrap,
                clippy::unnecessary_cast,
                reason = "the shift extends the sign"
            )]
            fn from_bits(bits: u128, width: u32) -> Self {
                let unused = Word::BITS - width;
                (((bits as Word) << unused) as SignedWord >> unused) as Self
            }

            #[inline]
            #[allow(clippy::cast_sign_loss, clippy::cast_lossless, reason = "only the bits matter")]
            fn into_bits(self) -> u128 {
                self as u128
            }
        }
    )* };
}
signed!(i8 i16 i32 i64 i128);

impl BitField for bool {
    #[inline]
    fn from_bits(bits: u128, _: u32) -> Self {
        bits != 0
    }

    #[inline]
    fn into_bits(self) -> u128 {
        u128::from(self)
    }
}

/// A bit-field whose type wraps a `bool`.
impl BitField for Bool {
    #[inline]
    fn from_bits(bits: u128, _: u32) -> Self {
        (bits != 0).into()
    }

    #[inline]
    fn into_bits(self) -> u128 {
        u128::from(bool::from(self))
    }
}

/// Returns the bit-field that occupies the bits `range` of `bytes`. On a little-endian host, bit 0
/// is the lowest bit of the first byte. On a big-endian host, bit 0 is the highest bit of the first
/// byte, as in C.
///
/// # Panics
/// Panics if the range is empty, wider than 128 bits or not within `bytes`.
#[inline]
#[must_use]
#[allow(clippy::useless_conversion, reason = "a word has 64 bits in a program")]
pub fn bits<T: BitField>(bytes: &[u8], range: Range<u32>) -> T {
    let width = range.end.saturating_sub(range.start);
    let mut value = 0;
    assert_within(bytes, &range);
    for_each_part(range, |part| {
        let byte = bytes.get(part.byte).copied().unwrap_or_default();
        value |= (Word::from(byte >> part.shift) & mask(part.width)) << part.place;
    });
    T::from_bits(value.into(), width)
}

/// Writes the bit-field that occupies the bits `range` of `bytes`. As in C, bits of `value` that do
/// not fit are dropped.
///
/// # Panics
/// Panics if the range is empty, wider than 128 bits or not within `bytes`.
#[inline]
pub fn set_bits<T: BitField>(bytes: &mut [u8], range: Range<u32>, value: T) {
    #[allow(clippy::cast_possible_truncation, clippy::unnecessary_cast, reason = "at most a word")]
    let value = value.into_bits() as Word;
    assert_within(bytes, &range);
    for_each_part(range, |part| {
        let mask = mask(part.width);
        let [bits, ..] = ((value >> part.place) & mask).to_le_bytes();
        let [mask, ..] = mask.to_le_bytes();
        if let Some(byte) = bytes.get_mut(part.byte) {
            *byte = *byte & !(mask << part.shift) | bits << part.shift;
        }
    });
}

/// Checks once that all bits are in `bytes`. A program can't panic, and the compiler removes this comparison of constants.
#[inline]
fn assert_within(bytes: &[u8], range: &Range<u32>) {
    assert!(range.end.div_ceil(8) as usize <= bytes.len(), "the bit-field is not within the bytes");
}

/// The part of a bit-field that is in one byte.
struct BitFieldByte {
    byte: usize,
    /// The position of the part's lowest bit in the byte.
    shift: u32,
    /// The position of the part's lowest bit in the value.
    place: u32,
    width: u32,
}

#[inline]
fn for_each_part(range: Range<u32>, mut visit: impl FnMut(BitFieldByte)) {
    let whole = range.end.saturating_sub(range.start);
    assert!((1..=Word::BITS).contains(&whole), "a bit-field is 1 to 128 bits wide");
    let (mut bit, mut done) = (range.start, 0);
    while done < whole {
        let skipped = bit % 8;
        let width = (8 - skipped).min(whole - done);
        let (shift, place) = if cfg!(target_endian = "little") {
            (skipped, done)
        } else {
            (8 - skipped - width, whole - done - width)
        };
        visit(BitFieldByte { byte: (bit / 8) as usize, shift, place, width });
        bit += width;
        done += width;
    }
}

/// Returns a mask for the lowest `width` bits. `width` is at most 8.
#[inline]
fn mask(width: u32) -> Word {
    (1 << width) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_a_bit_field_keeps_its_neighbours() {
        let mut bytes = [0xff; 4];
        set_bits(&mut bytes, 5..14, 0u16);
        assert_eq!(bits::<u16>(&bytes, 5..14), 0);
        assert_eq!((bits::<u8>(&bytes, 0..5), bits::<u32>(&bytes, 14..32)), (0x1f, 0x3_ffff));
        set_bits(&mut bytes, 5..14, 0xfd55u16);
        assert_eq!(bits::<u16>(&bytes, 5..14), 0x155);
        assert_eq!((bits::<u8>(&bytes, 0..5), bits::<u32>(&bytes, 14..32)), (0x1f, 0x3_ffff));
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn bits_are_numbered_from_the_lowest_bit() {
        let mut bytes = [0; 2];
        set_bits(&mut bytes, 6..10, 0b1011u8);
        assert_eq!(bytes, [0b1100_0000, 0b10]);
    }

    #[test]
    fn the_sign_is_extended() {
        let mut bytes = [0; 17];
        set_bits(&mut bytes, 3..8, -9i8);
        assert_eq!(bits::<i8>(&bytes, 3..8), -9);
        assert_eq!(bits::<u8>(&bytes, 3..8), 0x17);
        set_bits(&mut bytes, 5..133, i128::MIN + 5);
        assert_eq!(bits::<i128>(&bytes, 5..133), i128::MIN + 5);
        assert_eq!(bits::<u8>(&bytes, 3..5), 0b11 & 0x17);
    }

    #[test]
    fn unaligned_values_are_read_back() {
        let mut bytes = [0; 7];
        set(&mut bytes, 3, 0x0102_0304u32);
        assert_eq!(get::<u32>(&bytes, 3), 0x0102_0304);
        assert_eq!(bytes[..3], [0; 3]);
    }
}
