//! Checks that a Rust type has the same layout in C, and that each byte belongs to a field. Don't
//! use these items in handwritten code.
//!
//! Code from `#[derive(BpfType)]` requests the value of each field from the [`Prover`]. While the
//! Rust compiler evaluates this code, it computes the C layout, because only the compiler knows the
//! sizes of types that are declared elsewhere.

use crate::plain::Plain;
use crate::prover::Prover;
use crate::types::BpfType;
use bpfmap_core::rule::{self, Violation};
use bpfmap_core::{CLayout, IntEncoding, Text, TypeDesc};
use core::ops::Range;

/// `u8` and arrays of `u8`. Padding has one of these types, and so does a field that stores a
/// member that can't be a field in Rust.
#[diagnostic::on_unimplemented(
    message = "expected `u8` or `[u8; N]`, found `{Self}`",
    label = "not bytes",
    note = "the bytes of padding, of bit-fields and of stored members must have the built-in type `u8`; a type of your own that is called `u8` hides the built-in type"
)]
pub trait Bytes: Plain {}

impl Bytes for u8 {}

impl<const N: usize> Bytes for [u8; N] {}

/// A bit-field.
#[derive(Clone, Copy, Debug)]
pub struct BitField {
    /// The first bit that the accessors use, relative to the first bit of the shared bytes.
    start: u64,
    width: u64,
    /// The size of the bit-field's type in bytes.
    size: u64,
    /// The maximum number of bits that the type allows: 1 for a `bool`, and 0 for a type that can't
    /// be a bit-field.
    widest: u64,
    /// Whether the bit-field has a name. A bit-field without a name does not affect the alignment.
    named: bool,
}

/// Returns a bit-field of type `T`.
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

/// Returns the range of bits that a bit-field occupies. Several bit-fields share bytes at `offset`,
/// and the range is relative to the first bit of these bytes. `fields` contains the bit-fields that
/// come before this bit-field in the same bytes, and ends with this bit-field. Each element
/// consists of the size of the type in bits and the width in bits.
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

/// The layout of a struct or union in C up to the last requested field.
#[derive(Debug)]
pub(crate) struct InC {
    of_struct: CLayout,
    of_union: CLayout,
    /// The number of named padding bytes since the last member.
    named: u64,
}

impl InC {
    pub(crate) const fn new(packed: bool) -> Self {
        let (of_struct, of_union) = (CLayout::of_struct(packed), CLayout::of_union(packed));
        Self { of_struct, of_union, named: 0 }
    }

    /// Adds a member that Rust stores in `size` bytes at `offset`. `in_c` contains the size and the
    /// alignment of the member in C.
    #[track_caller]
    const fn place(&mut self, name: &str, offset: usize, size: usize, in_c: (usize, usize)) {
        if size != in_c.0 {
            let message = Text::of("`").and(name).and("` has ").number(in_c.0 as u64);
            let message = message
                .and(" bytes in C, but it is stored in ")
                .number(size as u64)
                .and(" bytes in Rust");
            fail("rust-repr", &message, &Text::new());
        }
        let end = self.of_struct.end().div_ceil(8);
        let at = self.of_struct.member(in_c.0 as u64, in_c.1 as u64) / 8;
        self.at(name, offset as u64, at, end);
    }

    /// Compares the `offset` in Rust with `at`, the offset in C. The previous member ends at byte
    /// `end`.
    #[track_caller]
    const fn at(&mut self, name: &str, offset: u64, at: u64, end: u64) {
        padding(at - end, self.named, &Text::of("before `").and(name).and("`"));
        if offset != at {
            let message = Text::of("Rust puts `").and(name).and("` at byte ").number(offset);
            let message = message.and(", but C puts it at byte ").number(at);
            let help = Text::of("store it in bytes: `#[bpf(holds(").and(name).and(": TYPE))] ");
            fail("rust-repr", &message, &help.and(name).and("_bytes: [u8; N]`"));
        }
        self.named = 0;
    }
}

/// Methods that prove the layout of a struct. The caller requests the values of all fields in their
/// order.
impl Prover {
    /// Records that the type is packed in C.
    pub const fn packed(&mut self) {
        self.in_c = InC::new(true);
    }

    /// Returns the value of a member of type `T` at `offset` in Rust.
    ///
    /// # Panics
    /// Panics at compile time if the field has a different offset in C.
    #[must_use]
    #[track_caller]
    pub const fn member<T: BpfType>(&mut self, name: &str, offset: usize) -> T {
        self.in_c.place(name, offset, size_of::<T>(), (T::C_SIZE, T::C_ALIGN));
        self.field()
    }

    /// Returns the value of the bytes at `offset` that store a member of type `T`, which can't be a field in Rust.
    ///
    /// # Panics
    /// Panics at compile time if the member has a different offset or size in C.
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

    /// Returns the value of the bytes at `offset` that bit-fields share.
    ///
    /// # Panics
    /// Panics at compile time if the bit-fields have a different offset in C, or if there are too
    /// few bytes for the bit-fields.
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
            let message = message.and("` in the same byte as the previous bit-fields");
            fail("rust-repr", &message, &Text::of("write all of them in one `bits(…)`"));
        }
        self.in_c.at(name, offset as u64, at, before);
        // The unused bytes after the bit-fields count as named padding.
        self.in_c.named = size - taken;
        self.field()
    }

    /// Checks at compile time that the struct `T` has the same layout in Rust and C, and that each
    /// byte belongs to a field. All fields must have been requested before.
    ///
    /// `asked` is the alignment that an attribute requests in C, or 1 if there is no such
    /// attribute.
    ///
    /// # Panics
    /// Panics at compile time if the check fails.
    #[track_caller]
    pub const fn struct_as_c<T: BpfType>(&mut self, asked: usize) {
        let InC { of_struct: layout, named, .. } = self.in_c;
        let size = layout.size(asked as u64);
        padding(size - layout.end().div_ceil(8), named, &Text::of("at the end of the struct"));
        as_large::<T>(size, layout.align(asked as u64));
        self.no_padding::<T>();
    }

    /// Checks at compile time that the newtype `T` has the layout of its field of type `U`. The
    /// field must have been requested before.
    ///
    /// # Panics
    /// Panics at compile time if the check fails.
    #[track_caller]
    pub const fn same_as<T: BpfType, U: BpfType>(&mut self) {
        as_large::<T>(size_of::<U>() as u64, align_of::<U>() as u64);
        self.no_padding::<T>();
    }
}

/// Methods that prove the layout of a union `T`. The caller requests the values of all members.
impl Prover {
    /// Returns the value of a member of type `M`.
    ///
    /// # Panics
    /// Panics at compile time if the member leaves a byte of the union uninitialised, or has
    /// special fields.
    #[must_use]
    #[track_caller]
    pub const fn union_member<T: Plain, M: BpfType>(&mut self, name: &str) -> M {
        if M::FIELDS != 0 {
            not_top_level(name);
        }
        self.in_c.of_union.member(M::C_SIZE as u64, M::C_ALIGN as u64);
        self.fills::<T, M>(name)
    }

    /// Returns the value of the bytes that store a member of type `M`.
    ///
    /// # Panics
    /// Panics in the same cases as [`union_member`](Self::union_member).
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
    /// Panics in the same cases as [`union_member`](Self::union_member).
    #[must_use]
    #[track_caller]
    pub const fn union_padding<T: Plain, B: Bytes>(&mut self) -> B {
        self.fills::<T, B>("the padding")
    }

    /// Returns the value of the bytes that bit-fields share.
    ///
    /// # Panics
    /// Panics in the same cases as [`union_member`](Self::union_member), and if there are too few
    /// bytes.
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
            let message = message.and(" bytes, but the union has ").number(whole);
            let help = Text::of("write `bpfmap::Padded<TYPE, ").number(whole.saturating_sub(size));
            fail("union-filled", &message, &help.and(">`"));
        }
        self.field()
    }

    /// Checks at compile time that the union `T` has the same layout in Rust and C. All members
    /// must have been requested before.
    ///
    /// `asked` is the alignment that an attribute requests in C, or 1 if there is no such
    /// attribute.
    ///
    /// # Panics
    /// Panics at compile time if the check fails.
    #[track_caller]
    pub const fn union_as_c<T: BpfType>(&mut self, asked: usize) {
        let layout = self.in_c.of_union;
        as_large::<T>(layout.size(asked as u64), layout.align(asked as u64));
    }
}

#[track_caller]
const fn too_few_bytes(name: &str, taken: u64) {
    let message = Text::of("the bit-fields of `").and(name).and("` need ").number(taken);
    fail("rust-repr", &message.and(" bytes"), &Text::of("write `[u8; ").number(taken).and("]`"));
}

/// Adds bit-fields, and returns the offset of the byte in which the first bit-field begins.
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
            let help = "move the bit-fields of enums so that no bit-field crosses a byte boundary, and so that the bytes that store them begin at a multiple of the alignment";
            fail(
                "rust-repr",
                &Text::of("C puts these bit-fields at a different offset"),
                &Text::of(help),
            );
        }
        index += 1;
    }
    first
}

#[track_caller]
const fn width_fits(width: u64, widest: u64) {
    if widest == 0 {
        let message = Text::of("the type of a bit-field must be an integer, a `bool` or an enum");
        fail("bit-field-type", &message, &Text::of("use an integer, or remove `bits`"));
    }
    if width == 0 || width > widest {
        let message = Text::of("a bit-field of this type must have 1 to ").number(widest);
        let message = message.and(" bits, found ").number(width);
        fail("bit-field-width", &message, &Text::of("use another width or a wider type"));
    }
}

#[track_caller]
const fn not_top_level(name: &str) {
    let message = Text::of("the kernel does not find the special fields in `").and(name).and("`");
    let help = Text::of("make them direct members of the struct that is the map's value");
    fail("special-field-not-top-level", &message, &help);
}

#[track_caller]
const fn padding(there: u64, named: u64, place: &Text) {
    if there == named {
        return;
    }
    let message = Text::of("C has ").number(there).and(" bytes of padding ").and(place.as_str());
    let message = message.and(", but the Rust struct declares ").number(named);
    let help = if there == 0 {
        Text::of("remove this padding")
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
        let message = message.and(" bytes, but Rust aligns it to ").number(aligned);
        fail("rust-repr", &message, &Text::of("write `#[repr(C, align(").number(align).and("))]`"));
    }
    if in_rust != size {
        let message = Text::of("the type has ").number(size).and(" bytes in C, but ");
        fail("rust-repr", &message.number(in_rust).and(" in Rust"), &Text::new());
    }
}

/// Fails to compile with this message. If `help` is empty, the message contains no help.
#[track_caller]
const fn fail(rule: &'static str, message: &Text, help: &Text) {
    rule::holds(Some(Violation { rule, message: *message, help: *help }));
}
