//! The conversion of an old key or value into a new one, byte by byte.

use core::fmt;

/// A plan for the conversion of old keys and values into new ones.
///
/// Bytes of the new key or value that no step writes are zero. Special fields, such as a lock or a timer, are always
/// zero in the new map, because user space can't write to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MigrationPlan<'a> {
    /// The steps that convert a key.
    pub key: &'a [MigrationStep<'a>],
    /// The steps that convert a value. In a per-CPU map, they apply to the value of each CPU.
    pub value: &'a [MigrationStep<'a>],
}

/// A step of a plan. Offsets are relative to the start of the key or value. Within [`MigrationStep::Each`], they are
/// relative to the start of the element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MigrationStep<'a> {
    /// Copies bytes without change.
    Copy {
        /// The offset in the old key or value, in bytes.
        from: u32,
        /// The offset in the new key or value, in bytes.
        to: u32,
        /// The number of bytes.
        len: u32,
    },
    /// Writes bytes that do not depend on the old key or value.
    Fill {
        /// The offset in the new key or value, in bytes.
        to: u32,
        /// The bytes to write.
        bytes: &'a [u8],
    },
    /// Copies an integer that is stored in the host's byte order, or a bit-field. The copy can be
    /// wider than the original.
    Integer {
        /// The offset in the old key or value in bits, counted in the same way as in BTF.
        from_bit: u32,
        /// The width in the old key or value, from 1 to 128 bits.
        from_bits: u32,
        /// The offset in the new key or value, in bits.
        to_bit: u32,
        /// The width in the new key or value, which is at least `from_bits`.
        to_bits: u32,
        /// Whether the integer is signed.
        signed: bool,
    },
    /// Applies the same steps to each element of an array.
    Each {
        /// The offset of the first element in the old key or value, in bytes.
        from: u32,
        /// The size of an element in the old key or value, in bytes.
        from_size: u32,
        /// The offset of the first element in the new key or value, in bytes.
        to: u32,
        /// The size of an element in the new key or value, in bytes.
        to_size: u32,
        /// The number of elements.
        len: u32,
        /// The steps for each element.
        steps: &'a [MigrationStep<'a>],
    },
}

/// The nesting depth at which the check fails. Real plans are not nested so deeply.
const DEEPEST: u32 = 64;

impl MigrationStep<'_> {
    /// Returns a step that copies `size` bytes without change.
    #[must_use]
    pub const fn whole(size: u32) -> Self {
        Self::Copy { from: 0, to: 0, len: size }
    }
}

/// The error of a plan that does not match the sizes of the old and the new key or value, or that makes an integer
/// narrower.
#[derive(Debug, PartialEq, Eq)]
pub struct OutOfBounds;

impl fmt::Display for OutOfBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the plan reads or writes outside the old or new key or value, or makes an integer narrower",
        )
    }
}

/// Checks a plan for an old key or value of `from` bytes and a new one of `to` bytes.
///
/// # Errors
/// Returns [`OutOfBounds`] if a step reads or writes beyond these sizes, or if it makes an integer narrower.
pub fn check(steps: &[MigrationStep<'_>], from: u64, to: u64) -> Result<(), OutOfBounds> {
    check_at_depth(steps, from, to, 0)
}

fn check_at_depth(
    steps: &[MigrationStep<'_>],
    from: u64,
    to: u64,
    depth: u32,
) -> Result<(), OutOfBounds> {
    let within = |start: u32, len: u64, end: u64| u64::from(start) + len <= end;
    for step in steps {
        let fits = match *step {
            MigrationStep::Copy { from: read, to: write, len } => {
                within(read, len.into(), from) && within(write, len.into(), to)
            }
            MigrationStep::Fill { to: write, bytes } => within(write, bytes.len() as u64, to),
            MigrationStep::Integer { from_bit, from_bits, to_bit, to_bits, .. } => {
                (1..=128).contains(&from_bits)
                    && (from_bits..=128).contains(&to_bits)
                    && within(from_bit, from_bits.into(), from.saturating_mul(8))
                    && within(to_bit, to_bits.into(), to.saturating_mul(8))
            }
            MigrationStep::Each { from: read, from_size, to: write, to_size, len, steps } => {
                let bytes = |size: u32| u64::from(size) * u64::from(len);
                check_at_depth(
                    steps,
                    from_size.into(),
                    to_size.into(),
                    if depth < DEEPEST { depth + 1 } else { return Err(OutOfBounds) },
                )?;
                within(read, bytes(from_size), from) && within(write, bytes(to_size), to)
            }
        };
        if !fits {
            return Err(OutOfBounds);
        }
    }
    Ok(())
}

/// Converts the key or value `old` and writes the result to `new`, which must contain only zeros.
///
/// # Panics
/// Panics if `old` or `new` is shorter than the size that was passed to [`check`].
pub fn apply(steps: &[MigrationStep<'_>], old: &[u8], new: &mut [u8]) {
    for step in steps {
        match *step {
            MigrationStep::Copy { from, to, len } => {
                let (from, to, len) = (from as usize, to as usize, len as usize);
                new[to..to + len].copy_from_slice(&old[from..from + len]);
            }
            MigrationStep::Fill { to, bytes } => {
                new[to as usize..to as usize + bytes.len()].copy_from_slice(bytes);
            }
            MigrationStep::Integer { from_bit, from_bits, to_bit, to_bits, signed } => {
                integer(old, (from_bit, from_bits), new, (to_bit, to_bits), signed);
            }
            MigrationStep::Each { from, from_size, to, to_size, len, steps } => {
                // An element of size zero has nothing to copy.
                if from_size == 0 || to_size == 0 {
                    continue;
                }
                let (from_size, to_size) = (from_size as usize, to_size as usize);
                let old = old[from as usize..].chunks_exact(from_size);
                let new = new[to as usize..].chunks_exact_mut(to_size);
                for (old, new) in old.zip(new).take(len as usize) {
                    apply(steps, old, new);
                }
            }
        }
    }
}

/// Copies an integer. The source and the target are pairs that consist of the first bit and the
/// width in bits.
fn integer(
    old: &[u8],
    (from, from_bits): (u32, u32),
    new: &mut [u8],
    (to, to_bits): (u32, u32),
    signed: bool,
) {
    let sign = signed && bit(old, place((from, from_bits), from_bits - 1));
    for index in 0..to_bits {
        let set = if index < from_bits { bit(old, place((from, from_bits), index)) } else { sign };
        let place = place((to, to_bits), index);
        let mask = mask(place);
        let byte = &mut new[(place / 8) as usize];
        *byte = if set { *byte | mask } else { *byte & !mask };
    }
}

/// Returns the position of the bit that has the weight 2^`weight` in the integer. On little-endian hosts, the least
/// significant bit comes first.
fn place((start, bits): (u32, u32), weight: u32) -> u32 {
    if cfg!(target_endian = "little") { start + weight } else { start + bits - 1 - weight }
}

fn mask(place: u32) -> u8 {
    if cfg!(target_endian = "little") { 1 << (place % 8) } else { 0x80 >> (place % 8) }
}

fn bit(bytes: &[u8], place: u32) -> bool {
    bytes[(place / 8) as usize] & mask(place) != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;
    use std::vec::Vec;

    fn applied(steps: &[MigrationStep<'_>], old: &[u8], len: usize) -> Vec<u8> {
        let mut new = vec![0; len];
        check(steps, old.len() as u64, len as u64).unwrap();
        apply(steps, old, &mut new);
        new
    }

    const fn widened(
        from: u32,
        from_bits: u32,
        to: u32,
        to_bits: u32,
        signed: bool,
    ) -> MigrationStep<'static> {
        MigrationStep::Integer { from_bit: from, from_bits, to_bit: to, to_bits, signed }
    }

    #[test]
    fn copied_bytes_move_and_other_bytes_are_filled_or_zero() {
        let steps = [
            MigrationStep::Copy { from: 4, to: 0, len: 4 },
            MigrationStep::Copy { from: 0, to: 8, len: 2 },
            MigrationStep::Fill { to: 4, bytes: &[0xaa, 0xbb] },
        ];
        assert_eq!(
            applied(&steps, &[1, 2, 3, 4, 5, 6, 7, 8], 12),
            [5, 6, 7, 8, 0xaa, 0xbb, 0, 0, 1, 2, 0, 0]
        );
    }

    #[test]
    fn a_wider_integer_keeps_its_sign() {
        for value in [-1_i16, i16::MIN, i16::MAX, 0, 77] {
            let new = applied(&[widened(0, 16, 32, 32, true)], &value.to_ne_bytes(), 8);
            assert_eq!(new[4..], i32::from(value).to_ne_bytes(), "{value}");
            let unsigned = u16::from_ne_bytes(value.to_ne_bytes());
            let new = applied(&[widened(0, 16, 0, 64, false)], &value.to_ne_bytes(), 8);
            assert_eq!(new, u64::from(unsigned).to_ne_bytes(), "{value}");
        }
        let value = i64::MIN + 5;
        let new = applied(&[widened(0, 64, 0, 128, true)], &value.to_ne_bytes(), 16);
        assert_eq!(new, i128::from(value).to_ne_bytes());
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn bit_fields_move_by_bits() {
        // 5 bits from bit 3 of the old value are copied to bit 6 of the new one, across a byte
        // boundary.
        let new = applied(&[widened(3, 5, 6, 5, false)], &[0b1010_1111], 2);
        assert_eq!(new, [0b0100_0000, 0b0000_0101]);
        // A negative number of 4 bits becomes a signed number of 6 bits.
        let new = applied(&[widened(0, 4, 1, 6, true)], &[0b0000_1001], 1);
        assert_eq!(new, [0b0111_0010]);
    }

    #[test]
    fn each_element_is_converted_with_the_same_steps() {
        let steps = [MigrationStep::Each {
            from: 1,
            from_size: 2,
            to: 0,
            to_size: 3,
            len: 2,
            steps: &[MigrationStep::Copy { from: 0, to: 1, len: 2 }],
        }];
        // The plan copies two elements. The third element of the new array stays zero.
        assert_eq!(applied(&steps, &[9, 1, 2, 3, 4, 5, 6], 9), [0, 1, 2, 0, 3, 4, 0, 0, 0]);
    }

    #[test]
    fn steps_beyond_the_end_are_refused() {
        let each = |from, len| MigrationStep::Each {
            from,
            from_size: 2,
            to: 0,
            to_size: 2,
            len,
            steps: &[],
        };
        for step in [
            MigrationStep::Copy { from: 5, to: 0, len: 4 },
            MigrationStep::Copy { from: 0, to: 13, len: 4 },
            MigrationStep::Copy { from: u32::MAX, to: 0, len: u32::MAX },
            MigrationStep::Fill { to: 15, bytes: &[1, 2] },
            widened(33, 32, 0, 32, false),
            widened(0, 32, 97, 32, false),
            widened(0, 32, 0, 16, false),
            widened(0, 0, 0, 16, false),
            widened(0, 16, 0, 129, false),
            each(1, 4),
            each(0, 5),
            each(0, u32::MAX),
        ] {
            assert_eq!(check(&[step], 8, 16), Err(OutOfBounds), "{step:?}");
        }
        let deeper = [MigrationStep::Each {
            from: 0,
            from_size: 4,
            to: 0,
            to_size: 4,
            len: 1,
            steps: &[MigrationStep::Copy { from: 0, to: 1, len: 4 }],
        }];
        assert_eq!(check(&deeper, 8, 16), Err(OutOfBounds));
        assert_eq!(check(&[each(0, 4), MigrationStep::whole(8)], 8, 16), Ok(()));
    }
}
