//! The proof that a type in Rust is laid out as C lays it out, with a name for each byte; not for use by hand.
//!
//! `#[derive(BpfType)]` asks the [`Prover`] for the value of each field, and the compiler goes through them as a C compiler
//! does: it alone knows the sizes of types that are declared elsewhere.

use crate::plain::Plain;
use crate::prover::Prover;
use crate::types::BpfType;
use bpfmap_core::{IntEncoding, TypeDesc};
use core::ops::Range;

/// `u8`, and arrays of it: what padding is, and what holds a member that Rust has no place for.
#[diagnostic::on_unimplemented(
    message = "expected `u8` or `[u8; N]`, found `{Self}`",
    label = "not bytes",
    note = "padding, and what holds bit-fields or another member, consists of Rust's own `u8`, whatever is called so here"
)]
pub trait Bytes: Plain {}

impl Bytes for u8 {}

impl<const N: usize> Bytes for [u8; N] {}

/// A bit-field.
#[derive(Clone, Copy, Debug)]
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

/// A bit-field of type `T`.
#[must_use]
pub const fn bit_field<T: BpfType>(start: usize, width: usize, named: bool) -> BitField {
    let unit = size_of::<T>() * 8;
    BitField { start, width, unit, widest: widest(T::DESC), named }
}

const fn widest(layout: &TypeDesc<'_>) -> usize {
    match layout {
        TypeDesc::Typedef { target, .. } => widest(target),
        TypeDesc::Int { encoding: IntEncoding::Bool, .. } => 1,
        TypeDesc::Int { size, .. } | TypeDesc::Enum { size, .. } => *size as usize * 8,
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

/// How far a C compiler has come in a struct, or what it knows of a union.
#[derive(Debug)]
pub(crate) struct InC {
    /// Whether the type is packed in C.
    packed: bool,
    /// Of a struct, the first bit that C has free; of a union, the bits of its largest member.
    free: usize,
    /// The alignment that the members ask for.
    natural: usize,
    /// The bytes of padding that were named since the last member.
    named: usize,
}

impl InC {
    pub(crate) const fn new() -> Self {
        Self { packed: false, free: 0, natural: 1, named: 0 }
    }

    /// A member is held by `size` bytes at `offset`, has `c_size` in C and asks for the alignment `align`.
    #[track_caller]
    const fn place(
        &mut self,
        name: &str,
        offset: usize,
        size: usize,
        (c_size, align): (usize, usize),
    ) {
        let align = if self.packed { 1 } else { align };
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
        let at = round_up(self.free.div_ceil(8), align);
        self.at(name, offset, at, align);
        self.free = (at + size) * 8;
    }

    /// Rust has a field at `offset`, and C at `at`, aligned to `align`.
    #[track_caller]
    const fn at(&mut self, name: &str, offset: usize, at: usize, align: usize) {
        self.natural = max(self.natural, align);
        padding(at - self.free.div_ceil(8), self.named, "before", name);
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
        self.named = 0;
    }

    /// A member of a union has so many bits in C, and asks for the alignment `align`.
    const fn beside(&mut self, bits: usize, align: usize) {
        self.free = max(self.free, bits);
        if !self.packed {
            self.natural = max(self.natural, align);
        }
    }
}

/// The proof of a struct: what is asked for, in the order of the fields, are the values of all of them.
impl Prover {
    /// The type is packed in C.
    pub const fn packed(&mut self) {
        self.in_c.packed = true;
    }

    /// Returns the value of a member of type `T`, which Rust has at `offset`.
    ///
    /// # Panics
    /// At compile time, when C has it elsewhere.
    #[must_use]
    #[track_caller]
    pub const fn member<T: BpfType>(&mut self, name: &str, offset: usize) -> T {
        self.in_c.place(name, offset, size_of::<T>(), (T::C_SIZE, T::C_ALIGN));
        self.field()
    }

    /// Returns the value of bytes at `offset` that hold a member of type `T`, which Rust has no place for.
    ///
    /// # Panics
    /// At compile time, when C has it elsewhere, or it does not have as many bytes.
    #[must_use]
    #[track_caller]
    pub const fn holds<T: BpfType, B: Bytes>(&mut self, name: &str, offset: usize) -> B {
        self.in_c.place(name, offset, size_of::<B>(), (T::C_SIZE, T::C_ALIGN));
        self.field()
    }

    /// Returns the value of padding.
    #[must_use]
    pub const fn padding<B: Bytes>(&mut self) -> B {
        self.in_c.named += size_of::<B>();
        self.field()
    }

    /// Returns the value of bytes at `offset` that bit-fields share.
    ///
    /// # Panics
    /// At compile time, when C has them elsewhere, or they have not the room that they need.
    #[must_use]
    #[track_caller]
    pub const fn bits<B: Bytes>(&mut self, name: &str, offset: usize, fields: &[BitField]) -> B {
        let size = size_of::<B>();
        let free = self.in_c.free;
        let (at, end, align) = bits(free, fields, self.in_c.packed);
        let taken = end.div_ceil(8) - at;
        if size < taken {
            too_few_bytes(name, taken);
        }
        if at < free.div_ceil(8) {
            Message::new("C puts the bit-fields of `")
                .text(name)
                .text("` in the byte of those before\n  = help: write them in one `bits(…)`")
                .rule("rust-repr")
                .fail();
        }
        self.in_c.at(name, offset, at, align);
        self.in_c.free = end;
        // What the bit-fields leave of the bytes that they share.
        self.in_c.named = size - taken;
        self.field()
    }

    /// Fails to compile when C would lay the struct `T`, whose fields were all asked for, out otherwise, or a byte of it
    /// is no field's.
    ///
    /// `asked`: the alignment that it asks for in C; 1: none.
    ///
    /// # Panics
    /// As said, at compile time.
    #[track_caller]
    pub const fn struct_as_c<T: BpfType>(&mut self, asked: usize) {
        let InC { free, natural, named, .. } = self.in_c;
        let align = max(natural, asked);
        let size = round_up(free.div_ceil(8), align);
        padding(size - free.div_ceil(8), named, "at the end of", "the struct");
        as_large::<T>(size, align);
        self.no_padding::<T>();
    }

    /// Fails to compile when the new type `T`, whose field of type `U` was asked for, is not what `U` is.
    ///
    /// # Panics
    /// As said, at compile time.
    #[track_caller]
    pub const fn same_as<T: BpfType, U: BpfType>(&mut self) {
        as_large::<T>(size_of::<U>(), align_of::<U>());
        self.no_padding::<T>();
    }
}

/// The proof of a union `T`: what is asked for are the values of its members.
impl Prover {
    /// Returns the value of a member of type `M`.
    ///
    /// # Panics
    /// At compile time, when it leaves a byte of the union without a value, or has special fields.
    #[must_use]
    #[track_caller]
    pub const fn union_member<T: Plain, M: BpfType>(&mut self, name: &str) -> M {
        if M::FIELDS != 0 {
            not_top_level(name);
        }
        self.in_c.beside(M::C_SIZE * 8, M::C_ALIGN);
        self.fills::<T, M>(name)
    }

    /// Returns the value of bytes that hold a member of type `M`.
    ///
    /// # Panics
    /// As [`union_member`](Self::union_member) does.
    #[must_use]
    #[track_caller]
    pub const fn union_holds<T: Plain, M: BpfType, B: Bytes>(&mut self, name: &str) -> B {
        if M::FIELDS != 0 {
            not_top_level(name);
        }
        self.in_c.beside(M::C_SIZE * 8, M::C_ALIGN);
        self.fills::<T, B>(name)
    }

    /// Returns the value of padding.
    ///
    /// # Panics
    /// As [`union_member`](Self::union_member) does.
    #[must_use]
    #[track_caller]
    pub const fn union_padding<T: Plain, B: Bytes>(&mut self) -> B {
        self.fills::<T, B>("the padding")
    }

    /// Returns the value of bytes that bit-fields share.
    ///
    /// # Panics
    /// As [`union_member`](Self::union_member) does, or when the bytes are too few.
    #[must_use]
    #[track_caller]
    pub const fn union_bits<T: Plain, B: Bytes>(&mut self, name: &str, fields: &[BitField]) -> B {
        let (_, end, align) = bits(0, fields, self.in_c.packed);
        self.in_c.beside(end, align);
        self.fills::<T, B>(name)
    }

    #[track_caller]
    const fn fills<T: Plain, M: Plain>(&mut self, name: &str) -> M {
        let size = size_of::<M>();
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
        self.field()
    }

    /// Fails to compile when C would lay the union `T`, whose members were all asked for, out otherwise.
    ///
    /// `asked`: the alignment that it asks for in C; 1: none.
    ///
    /// # Panics
    /// As said, at compile time.
    #[track_caller]
    pub const fn union_as_c<T: BpfType>(&mut self, asked: usize) {
        let align = max(self.in_c.natural, asked);
        as_large::<T>(round_up(self.in_c.free.div_ceil(8), align), align);
    }
}

#[track_caller]
const fn too_few_bytes(name: &str, taken: usize) {
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
