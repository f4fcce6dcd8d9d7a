//! The proof that a type in Rust is laid out as C lays it out, with a name for each byte; not for use by hand.
//!
//! `#[derive(BpfType)]` lists the fields, and the compiler goes through them as a C compiler does: it alone knows the
//! sizes of types that are declared elsewhere.

use crate::layout::{IntEncoding, Layout};
use crate::types::BpfType;
use core::ops::Range;

/// A field of a struct or union in Rust.
#[derive(Clone, Copy)]
pub enum Field<'a> {
    /// A member.
    Member {
        /// Its name.
        name: &'a str,
        /// Where Rust puts it.
        offset: usize,
        /// Bytes, of a member of a union those behind it included.
        size: usize,
        /// Bytes in C.
        c_size: usize,
        /// In C.
        align: usize,
        /// Whether it is a struct with fields that belong to the kernel.
        special: bool,
    },
    /// Bytes that no member of the C has.
    Padding(usize),
    /// Bytes that bit-fields share.
    Bits {
        /// Its name.
        name: &'a str,
        /// Where Rust puts it.
        offset: usize,
        /// Bytes.
        size: usize,
        /// The bit-fields.
        fields: &'a [BitField],
    },
}

/// A bit-field.
#[derive(Clone, Copy)]
pub struct BitField {
    /// Where the accessors look for it, from the first bit of the bytes that it shares.
    start: usize,
    width: usize,
    /// Bits of its type.
    unit: usize,
    /// The most bits that it may have: a `bool` has one, and what is no integer none.
    widest: usize,
    /// Whether it has a name: the alignment of one that has none does not count.
    named: bool,
}

/// A member of type `T`.
#[must_use]
pub const fn member<T: BpfType>(name: &str, offset: usize) -> Field<'_> {
    holds::<T>(name, offset, size_of::<T>())
}

/// Bytes that hold a member of type `T`, which Rust has no place for.
#[must_use]
pub const fn holds<T: BpfType>(name: &str, offset: usize, size: usize) -> Field<'_> {
    let special = T::FIELDS != 0;
    Field::Member { name, offset, size, c_size: T::C_SIZE, align: T::C_ALIGN, special }
}

/// A bit-field of type `T`.
#[must_use]
pub const fn bit_field<T: BpfType>(start: usize, width: usize, named: bool) -> BitField {
    let unit = size_of::<T>() * 8;
    BitField { start, width, unit, widest: widest(T::LAYOUT), named }
}

const fn widest(layout: &Layout) -> usize {
    match layout {
        Layout::Typedef { target, .. } => widest(target),
        Layout::Int { encoding: IntEncoding::Bool, .. } => 1,
        Layout::Int { size, .. } | Layout::Enum { size, .. } => *size as usize * 8,
        _ => 0,
    }
}

/// The bits that a bit-field takes, counted from the first bit of the bytes that it shares with others. These lie at
/// `offset`. `fields` are the bits of the type and the width of each of them, up to the bit-field itself.
#[must_use]
pub const fn bit_range(offset: usize, fields: &[(usize, usize)], packed: bool) -> Range<u32> {
    let mut end = offset * 8;
    let mut start = end;
    let mut index = 0;
    while index < fields.len() {
        let (unit, width) = fields[index];
        start = first_bit(end, unit, width, packed);
        end = start + width;
        index += 1;
    }
    to_u32(start - offset * 8)..to_u32(end - offset * 8)
}

const fn to_u32(bits: usize) -> u32 {
    assert!(bits <= u32::MAX as usize, "BTF counts the bits of a type in 32 bits");
    #[allow(clippy::cast_possible_truncation, reason = "compared above")]
    let bits = bits as u32;
    bits
}

/// Where C puts a bit-field behind the bit `free`: it never lies in two of the integers that its type is, unless the
/// type is packed.
const fn first_bit(free: usize, unit: usize, width: usize, packed: bool) -> usize {
    if !packed && free % unit + width > unit { round_up(free, unit) } else { free }
}

/// Fails to compile when C would lay the struct `T` out otherwise, or a byte of it is no field's.
///
/// `packed`: in C. `asked`: the alignment that it asks for in C; 1: none.
///
/// # Panics
/// As said, at compile time.
#[track_caller]
pub const fn struct_as_c<T: BpfType>(fields: &[Field<'_>], packed: bool, asked: usize) {
    // The first bit that C has free, the alignment that the members ask for, and the bytes of padding that were named
    // since the last member.
    let (mut free, mut natural, mut named) = (0_usize, 1, 0);
    let mut index = 0;
    while index < fields.len() {
        let field = fields[index];
        index += 1;
        // Bytes that bit-fields leave of those that they share.
        let mut rest = 0;
        let (name, offset, at, end) = match field {
            Field::Padding(bytes) => {
                named += bytes;
                continue;
            }
            Field::Member { name, offset, size, c_size, align, .. } => {
                let align = if packed { 1 } else { align };
                natural = max(natural, align);
                if size != c_size {
                    Message::new("`")
                        .text(name)
                        .text("` has ")
                        .number(c_size)
                        .text(" bytes, and the bytes that hold it are ")
                        .number(size)
                        .rule("rust-repr")
                        .fail();
                }
                let at = round_up(free.div_ceil(8), align);
                (name, offset, at, (at + size) * 8)
            }
            Field::Bits { name, offset, size, fields } => {
                let (at, end, align) = bits(free, fields, packed);
                natural = max(natural, align);
                let taken = end.div_ceil(8) - at;
                if size < taken {
                    Message::new("the bit-fields of `")
                        .text(name)
                        .text("` take ")
                        .number(taken)
                        .text(" bytes\n  = help: write `[u8; ")
                        .number(taken)
                        .text("]`")
                        .rule("rust-repr")
                        .fail();
                }
                if at < free.div_ceil(8) {
                    Message::new("C puts the bit-fields of `")
                        .text(name)
                        .text(
                            "` in the byte of those before\n  = help: write them in one `bits(…)`",
                        )
                        .rule("rust-repr")
                        .fail();
                }
                rest = size - taken;
                (name, offset, at, end)
            }
        };
        padding(at - free.div_ceil(8), named, "before", name);
        if offset != at {
            Message::new("Rust puts `")
                .text(name)
                .text("` at byte ")
                .number(offset)
                .text(", and C at byte ")
                .number(at)
                .text("\n  = help: let bytes hold it, `#[bpf(holds(")
                .text(name)
                .text(": TYPE))] ")
                .text(name)
                .text("_bytes: [u8; N]`")
                .rule("rust-repr")
                .fail();
        }
        named = rest;
        free = end;
    }
    let align = max(natural, asked);
    let size = round_up(free.div_ceil(8), align);
    padding(size - free.div_ceil(8), named, "at the end of", "the struct");
    as_large::<T>(size, align);
}

/// Fails to compile when C would lay the union `T` out otherwise, or a member leaves a byte of it without a value.
///
/// `packed`: in C. `asked`: the alignment that it asks for in C; 1: none.
///
/// # Panics
/// As said, at compile time.
#[track_caller]
pub const fn union_as_c<T: BpfType>(fields: &[Field<'_>], packed: bool, asked: usize) {
    let (mut largest, mut align) = (0, asked);
    let mut index = 0;
    while index < fields.len() {
        let (name, size, c_size, natural) = match fields[index] {
            Field::Padding(size) => ("the padding", size, 0, 1),
            Field::Member { name, size, c_size, align, special, .. } => {
                if special {
                    not_top_level(name);
                }
                (name, size, c_size, align)
            }
            Field::Bits { name, size, fields, .. } => {
                let (_, end, align) = bits(0, fields, packed);
                (name, size, end.div_ceil(8), align)
            }
        };
        index += 1;
        if size != size_of::<T>() {
            Message::new("`")
                .text(name)
                .text("` has ")
                .number(size)
                .text(" bytes, and the union ")
                .number(size_of::<T>())
                .text("\n  = help: write `bpfmap::Padded<TYPE, ")
                .number(size_of::<T>().saturating_sub(size))
                .text(">`")
                .rule("union-filled")
                .fail();
        }
        largest = max(largest, c_size);
        if !packed {
            align = max(align, natural);
        }
    }
    as_large::<T>(round_up(largest, align), align);
}

/// The byte in which the bit-fields begin, the first bit behind them, and the alignment that they ask for.
#[track_caller]
const fn bits(free: usize, fields: &[BitField], packed: bool) -> (usize, usize, usize) {
    let (mut free, mut align, mut first) = (free, 1, 0);
    let mut index = 0;
    while index < fields.len() {
        let BitField { start, width, unit, widest, named } = fields[index];
        width_fits(width, widest);
        free = first_bit(free, unit, width, packed);
        if index == 0 {
            first = free / 8;
        }
        assert!(
            free - first * 8 == start,
            "C puts these bit-fields elsewhere\n  = help: let a bit-field of an enum cross no byte, and let them begin at a multiple of their alignment\n  = rule: rust-repr (`bpfmap explain rust-repr`)"
        );
        if named && !packed {
            align = max(align, unit / 8);
        }
        free += width;
        index += 1;
    }
    (first, free, align)
}

#[track_caller]
const fn width_fits(width: usize, widest: usize) {
    if widest == 0 {
        Message::new(
            "a bit-field is an integer, a `bool` or an enum\n  = help: take an integer, or leave out `bits`",
        )
        .rule("bit-field-type")
        .fail();
    }
    if width == 0 || width > widest {
        Message::new("a bit-field of this type has 1 to ")
            .number(widest)
            .text(" bits, and this one asks for ")
            .number(width)
            .text("\n  = help: take another width, or a wider type")
            .rule("bit-field-width")
            .fail();
    }
}

#[track_caller]
const fn not_top_level(name: &str) {
    Message::new("the kernel does not find the special fields in `")
        .text(name)
        .text("`\n  = help: make them direct members of the struct that is the map's value")
        .rule("special-field-not-top-level")
        .fail();
}

#[track_caller]
const fn padding(there: usize, named: usize, preposition: &str, what: &str) {
    if there == named {
        return;
    }
    let message = Message::new("C has ")
        .number(there)
        .text(" bytes of padding ")
        .text(preposition)
        .text(" `")
        .text(what)
        .text("`, and the struct names ")
        .number(named);
    let message = if there == 0 {
        message.text("\n  = help: leave it out")
    } else {
        message.text("\n  = help: write `_pad: [u8; ").number(there).text("]` there")
    };
    message.rule("implicit-padding").fail();
}

#[track_caller]
const fn as_large<T>(size: usize, align: usize) {
    if align_of::<T>() != align {
        Message::new("C aligns the type to ")
            .number(align)
            .text(" bytes, and Rust to ")
            .number(align_of::<T>())
            .text("\n  = help: write `#[repr(C, align(")
            .number(align)
            .text("))]`")
            .rule("rust-repr")
            .fail();
    }
    if size_of::<T>() != size {
        Message::new("the type has ")
            .number(size)
            .text(" bytes in C, and ")
            .number(size_of::<T>())
            .text(" in Rust")
            .rule("rust-repr")
            .fail();
    }
}

const fn max(one: usize, other: usize) -> usize {
    if one > other { one } else { other }
}

const fn round_up(number: usize, multiple: usize) -> usize {
    number.div_ceil(multiple) * multiple
}

/// A text with numbers, which a constant can't format.
struct Message {
    text: [u8; 512],
    len: usize,
}

impl Message {
    const fn new(text: &str) -> Self {
        Self { text: [0; 512], len: 0 }.text(text)
    }

    const fn text(mut self, text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut index = 0;
        while index < bytes.len() && self.len < self.text.len() {
            self.text[self.len] = bytes[index];
            self.len += 1;
            index += 1;
        }
        self
    }

    /// The rule that was broken.
    const fn rule(self, id: &str) -> Self {
        self.text("\n  = rule: ").text(id).text(" (`bpfmap explain ").text(id).text("`)")
    }

    const fn number(self, number: usize) -> Self {
        let before = if number > 9 { self.number(number / 10) } else { self };
        #[allow(clippy::cast_possible_truncation, reason = "a digit")]
        let digit = [b'0' + (number % 10) as u8];
        match core::str::from_utf8(&digit) {
            Ok(digit) => before.text(digit),
            Err(_) => before,
        }
    }

    #[track_caller]
    const fn fail(self) -> ! {
        match core::str::from_utf8(self.text.split_at(self.len).0) {
            Ok(text) => panic!("{}", text),
            Err(_) => panic!("the layout is not C's"),
        }
    }
}
