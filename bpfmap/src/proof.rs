//! The proof that a type in Rust is laid out as C lays it out, with a name for each byte; not for use by hand.
//!
//! `#[derive(BpfType)]` asks the [`Prover`] for the value of each field, and the compiler goes through them as a C compiler
//! does: it alone knows the sizes of types that are declared elsewhere.

use crate::plain::Plain;
use crate::prover::Prover;
use crate::types::BpfType;
use bpfmap_core::rule::{self, Violation};
use bpfmap_core::{CLayout, IntEncoding, Text, TypeDesc};
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
    start: u64,
    width: u64,
    /// The bytes of its type.
    size: u64,
    /// The most bits that it may have: a `bool` has one, and what is no integer none.
    widest: u64,
    /// Whether it has a name: the alignment of one that has none does not count.
    named: bool,
}

/// A bit-field of type `T`.
#[must_use]
pub const fn bit_field<T: BpfType>(start: usize, width: usize, named: bool) -> BitField {
    let (start, width, size) = (start as u64, width as u64, size_of::<T>() as u64);
    BitField { start, width, size, widest: widest(T::DESC), named }
}

const fn widest(layout: &TypeDesc<'_>) -> u64 {
    match layout {
        TypeDesc::Typedef { target, .. } => widest(target),
        TypeDesc::Int { encoding: IntEncoding::Bool, .. } => 1,
        TypeDesc::Int { size, .. } | TypeDesc::Enum { size, .. } => *size as u64 * 8,
        _ => 0,
    }
}

/// Returns the bits that a bit-field takes, counted from the first bit of the bytes that it shares with others. These
/// bytes are at `offset`. `fields` are the bits of the type and the width of each of them, up to the bit-field itself.
#[must_use]
pub const fn bit_range(offset: usize, fields: &[(usize, usize)], packed: bool) -> Range<u32> {
    let mut layout = CLayout::of_struct(packed);
    let first = layout.member(offset as u64, 1) + layout.end();
    let mut start = first;
    let mut index = 0;
    while index < fields.len() {
        let (unit, width) = fields[index];
        start = layout.bit_field(unit as u64 / 8, width as u64, true);
        index += 1;
    }
    to_u32(start - first)..to_u32(layout.end() - first)
}

const fn to_u32(bits: u64) -> u32 {
    assert!(bits <= u32::MAX as u64, "BTF counts the bits of a type in 32 bits");
    #[allow(clippy::cast_possible_truncation, reason = "compared above")]
    let bits = bits as u32;
    bits
}

/// How far a C compiler has come in a struct or a union.
#[derive(Debug)]
pub(crate) struct InC {
    of_struct: CLayout,
    of_union: CLayout,
    /// The bytes of padding that were named since the last member.
    named: u64,
}

impl InC {
    pub(crate) const fn new(packed: bool) -> Self {
        let (of_struct, of_union) = (CLayout::of_struct(packed), CLayout::of_union(packed));
        Self { of_struct, of_union, named: 0 }
    }

    /// Adds a member that `size` bytes at `offset` hold, and that has the size and the alignment `in_c` in C.
    #[track_caller]
    const fn place(&mut self, name: &str, offset: usize, size: usize, in_c: (usize, usize)) {
        if size != in_c.0 {
            let message = Text::of("`").and(name).and("` has ").number(in_c.0 as u64);
            let message =
                message.and(" bytes, and the bytes that hold it are ").number(size as u64);
            fail("rust-repr", &message, &Text::new());
        }
        let end = self.of_struct.end().div_ceil(8);
        let at = self.of_struct.member(in_c.0 as u64, in_c.1 as u64) / 8;
        self.at(name, offset as u64, at, end);
    }

    /// Compares the `offset` in Rust with that in C, `at`. The member before ends at the byte `end`.
    #[track_caller]
    const fn at(&mut self, name: &str, offset: u64, at: u64, end: u64) {
        padding(at - end, self.named, "before", name);
        if offset != at {
            let message = Text::of("Rust puts `").and(name).and("` at byte ").number(offset);
            let message = message.and(", and C at byte ").number(at);
            let help = Text::of("let bytes hold it, `#[bpf(holds(").and(name).and(": TYPE))] ");
            fail("rust-repr", &message, &help.and(name).and("_bytes: [u8; N]`"));
        }
        self.named = 0;
    }
}

/// The proof of a struct: what is asked for, in the order of the fields, are the values of all of them.
impl Prover {
    /// The type is packed in C.
    pub const fn packed(&mut self) {
        self.in_c = InC::new(true);
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
        self.in_c.named += size_of::<B>() as u64;
        self.field()
    }

    /// Returns the value of bytes at `offset` that bit-fields share.
    ///
    /// # Panics
    /// At compile time, when C has them elsewhere, or they have not the room that they need.
    #[must_use]
    #[track_caller]
    pub const fn bits<B: Bytes>(&mut self, name: &str, offset: usize, fields: &[BitField]) -> B {
        let size = size_of::<B>() as u64;
        let before = self.in_c.of_struct.end().div_ceil(8);
        let at = bits(&mut self.in_c.of_struct, fields);
        let taken = self.in_c.of_struct.end().div_ceil(8) - at;
        if size < taken {
            too_few_bytes(name, taken);
        }
        if at < before {
            let message = Text::of("C puts the bit-fields of `").and(name);
            let message = message.and("` in the byte of those before");
            fail("rust-repr", &message, &Text::of("write them in one `bits(…)`"));
        }
        self.in_c.at(name, offset as u64, at, before);
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
        let InC { of_struct: layout, named, .. } = self.in_c;
        let size = layout.size(asked as u64);
        padding(size - layout.end().div_ceil(8), named, "at the end of", "the struct");
        as_large::<T>(size, layout.align(asked as u64));
        self.no_padding::<T>();
    }

    /// Fails to compile when the new type `T`, whose field of type `U` was asked for, is not what `U` is.
    ///
    /// # Panics
    /// As said, at compile time.
    #[track_caller]
    pub const fn same_as<T: BpfType, U: BpfType>(&mut self) {
        as_large::<T>(size_of::<U>() as u64, align_of::<U>() as u64);
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
        self.in_c.of_union.member(M::C_SIZE as u64, M::C_ALIGN as u64);
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
        self.in_c.of_union.member(M::C_SIZE as u64, M::C_ALIGN as u64);
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
        bits(&mut self.in_c.of_union, fields);
        self.fills::<T, B>(name)
    }

    #[track_caller]
    const fn fills<T: Plain, M: Plain>(&mut self, name: &str) -> M {
        let (size, whole) = (size_of::<M>() as u64, size_of::<T>() as u64);
        if size != whole {
            let message = Text::of("`").and(name).and("` has ").number(size);
            let message = message.and(" bytes, and the union ").number(whole);
            let help = Text::of("write `bpfmap::Padded<TYPE, ").number(whole.saturating_sub(size));
            fail("union-filled", &message, &help.and(">`"));
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
        let layout = self.in_c.of_union;
        as_large::<T>(layout.size(asked as u64), layout.align(asked as u64));
    }
}

#[track_caller]
const fn too_few_bytes(name: &str, taken: u64) {
    let message = Text::of("the bit-fields of `").and(name).and("` take ").number(taken);
    fail("rust-repr", &message.and(" bytes"), &Text::of("write `[u8; ").number(taken).and("]`"));
}

/// Adds bit-fields, and returns the byte in which the first of them begins.
#[track_caller]
const fn bits(layout: &mut CLayout, fields: &[BitField]) -> u64 {
    let mut first = 0;
    let mut index = 0;
    while index < fields.len() {
        let BitField { start, width, size, widest, named } = fields[index];
        width_fits(width, widest);
        let offset = layout.bit_field(size, width, named);
        if index == 0 {
            first = offset / 8;
        }
        if offset - first * 8 != start {
            let help = "let a bit-field of an enum cross no byte, and let them begin at a multiple of their alignment";
            fail("rust-repr", &Text::of("C puts these bit-fields elsewhere"), &Text::of(help));
        }
        index += 1;
    }
    first
}

#[track_caller]
const fn width_fits(width: u64, widest: u64) {
    if widest == 0 {
        let message = Text::of("a bit-field is an integer, a `bool` or an enum");
        fail("bit-field-type", &message, &Text::of("take an integer, or leave out `bits`"));
    }
    if width == 0 || width > widest {
        let message = Text::of("a bit-field of this type has 1 to ").number(widest);
        let message = message.and(" bits, and this one asks for ").number(width);
        fail("bit-field-width", &message, &Text::of("take another width, or a wider type"));
    }
}

#[track_caller]
const fn not_top_level(name: &str) {
    let message = Text::of("the kernel does not find the special fields in `").and(name).and("`");
    let help = Text::of("make them direct members of the struct that is the map's value");
    fail("special-field-not-top-level", &message, &help);
}

#[track_caller]
const fn padding(there: u64, named: u64, preposition: &str, what: &str) {
    if there == named {
        return;
    }
    let message = Text::of("C has ").number(there).and(" bytes of padding ").and(preposition);
    let message = message.and(" `").and(what).and("`, and the struct names ").number(named);
    let help = if there == 0 {
        Text::of("leave it out")
    } else {
        Text::of("write `_pad: [u8; ").number(there).and("]` there")
    };
    fail("implicit-padding", &message, &help);
}

#[track_caller]
const fn as_large<T>(size: u64, align: u64) {
    let (in_rust, aligned) = (size_of::<T>() as u64, align_of::<T>() as u64);
    if aligned != align {
        let message = Text::of("C aligns the type to ").number(align);
        let message = message.and(" bytes, and Rust to ").number(aligned);
        fail("rust-repr", &message, &Text::of("write `#[repr(C, align(").number(align).and("))]`"));
    }
    if in_rust != size {
        let message = Text::of("the type has ").number(size).and(" bytes in C, and ");
        fail("rust-repr", &message.number(in_rust).and(" in Rust"), &Text::new());
    }
}

/// Fails to compile. An empty `help` is left out.
#[track_caller]
const fn fail(rule: &'static str, message: &Text, help: &Text) {
    rule::holds(Some(Violation { rule, message: *message, help: *help }));
}
