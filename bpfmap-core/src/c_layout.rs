//! Computes the offsets that C gives to the members of structs and unions.

/// Lays out a struct or a union of C, member by member, as clang does for the BPF target.
///
/// Offsets and widths are in bits, sizes and alignments in bytes. Arithmetic on sizes saturates
/// instead of overflowing. A size that saturates is too large for any kernel.
///
/// The data layout of the target is `e-m:e-p:64:64-i64:64-i128:128`: pointers are 8 bytes long, and
/// each integer is aligned to its size, up to 16. Bit-fields follow the System V rules: a bit-field
/// begins at the next free bit, unless the bit-field would then cross a boundary of its declared
/// type. In that case, the bit-field begins at the boundary. In a packed struct, a bit-field always
/// begins at the next free bit.
///
/// Source: `ItaniumRecordLayoutBuilder` in clang's `lib/AST/RecordLayoutBuilder.cpp`.
///
/// ```
/// use bpfmap_core::CLayout;
///
/// // struct { char tag; int count; unsigned flags : 3; }
/// let mut layout = CLayout::of_struct(false);
/// assert_eq!(layout.member(1, 1), 0);
/// assert_eq!(layout.member(4, 4), 32);
/// assert_eq!(layout.bit_field(4, 3, true), 64);
/// assert_eq!((layout.size(1), layout.align(1)), (12, 4));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct CLayout {
    is_union: bool,
    packed: bool,
    /// For a struct, the offset of the first free bit. For a union, the size of the largest member in bits.
    end: u64,
    /// The largest alignment of a member, in bytes.
    align: u64,
}

impl CLayout {
    /// Returns the layout of a struct without members. In a `packed` struct, members have no padding between them.
    #[must_use]
    pub const fn of_struct(packed: bool) -> Self {
        Self { is_union: false, packed, end: 0, align: 1 }
    }

    /// Returns the layout of a union without members. A `packed` union has an alignment of 1.
    #[must_use]
    pub const fn of_union(packed: bool) -> Self {
        Self { is_union: true, packed, end: 0, align: 1 }
    }

    /// Adds a member that is not a bit-field, and returns its offset in bits.
    pub const fn member(&mut self, size: u64, align: u64) -> u64 {
        let align = if self.packed { 1 } else { align };
        self.align = max(self.align, align);
        let offset = if self.is_union { 0 } else { round_up(self.end, align.saturating_mul(8)) };
        self.take(offset, size.saturating_mul(8))
    }

    /// Adds a bit-field of `width` bits whose type has `size` bytes, and returns its offset in bits. A bit-field
    /// without a name does not raise the alignment of the struct or union.
    pub const fn bit_field(&mut self, size: u64, width: u64, is_named: bool) -> u64 {
        let unit = size.saturating_mul(8);
        if is_named && !self.packed {
            self.align = max(self.align, size);
        }
        let offset = if self.is_union {
            0
        } else if !self.packed && unit != 0 && (self.end % unit).saturating_add(width) > unit {
            round_up(self.end, unit)
        } else {
            self.end
        };
        self.take(offset, width)
    }

    /// Returns the offset in bits of the end of the last member. For a union, this is the end of
    /// the largest member.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.end
    }

    /// Returns the alignment of the type in bytes. `asked` is the minimum alignment from the declaration of the type,
    /// or 1.
    #[must_use]
    pub const fn align(&self, asked: u64) -> u64 {
        max(self.align, asked)
    }

    /// Returns the size of the type in bytes. `asked` is the minimum alignment from the declaration of the type, or 1.
    #[must_use]
    pub const fn size(&self, asked: u64) -> u64 {
        round_up(self.end.div_ceil(8), self.align(asked))
    }

    const fn take(&mut self, offset: u64, bits: u64) -> u64 {
        self.end = max(self.end, offset.saturating_add(bits));
        offset
    }
}

const fn max(one: u64, other: u64) -> u64 {
    if one > other { one } else { other }
}

const fn round_up(number: u64, multiple: u64) -> u64 {
    match number % max(multiple, 1) {
        0 => number,
        rest => number.saturating_add(multiple - rest),
    }
}

#[cfg(test)]
mod tests {
    use super::CLayout;

    #[test]
    fn a_bit_field_never_crosses_a_boundary_of_its_type() {
        let mut layout = CLayout::of_struct(false);
        assert_eq!(layout.bit_field(4, 30, true), 0);
        assert_eq!(layout.bit_field(4, 3, true), 32);
        assert_eq!(layout.bit_field(8, 29, true), 35);
        assert_eq!(layout.bit_field(8, 1, true), 64);
        assert_eq!((layout.size(1), layout.align(1)), (16, 8));

        let mut packed = CLayout::of_struct(true);
        assert_eq!(packed.bit_field(4, 30, true), 0);
        assert_eq!(packed.bit_field(4, 3, true), 30);
        assert_eq!((packed.size(1), packed.align(1)), (5, 1));
    }

    #[test]
    fn a_bit_field_without_a_name_does_not_raise_the_alignment() {
        let mut layout = CLayout::of_struct(false);
        layout.member(1, 1);
        assert_eq!(layout.bit_field(4, 7, false), 8);
        assert_eq!((layout.size(1), layout.align(1)), (2, 1));
    }

    #[test]
    fn a_union_is_as_large_as_its_largest_member() {
        let mut layout = CLayout::of_union(false);
        assert_eq!(layout.member(6, 2), 0);
        assert_eq!(layout.bit_field(4, 9, true), 0);
        assert_eq!((layout.end(), layout.size(1), layout.align(1)), (48, 8, 4));
        assert_eq!((layout.size(16), layout.align(16)), (16, 16));
    }

    #[test]
    fn sizes_that_no_kernel_takes_saturate() {
        let mut layout = CLayout::of_struct(false);
        layout.member(u64::MAX, 1);
        layout.member(u64::MAX, 8);
        assert_eq!(layout.size(4096), u64::MAX / 8 + 1);
    }
}
