//! Tests that the methods of a derived type read and write exactly the bits that its description
//! contains. bpfmap compares the description with the BTF of a map, so a program finds each
//! bit-field at the same position as Rust.

use bpfmap::{BpfType, Enum, MemberDesc, Plain, TypeDesc, bytes_of, from_bytes};

/// Returns the member `name` of a type, and the offset of the struct or union that contains it. The
/// member can be in an anonymous struct or union.
fn member(desc: &TypeDesc<'static>, name: &str, start: u32) -> Option<(u32, MemberDesc<'static>)> {
    let (TypeDesc::Struct { members, .. } | TypeDesc::Union { members, .. }) = desc else {
        return None;
    };
    members.iter().find_map(|found| {
        let at = start + found.bit_offset;
        if found.name == name {
            return Some((at, *found));
        }
        if found.name.is_empty() { member(found.ty, name, at) } else { None }
    })
}

/// The methods of a bit-field: the getter, the setter, and the method that returns a changed value.
type Methods<T, V> = (fn(&T) -> V, fn(&mut T, V), fn(T, V) -> T);

/// Converts a number to bits, and bits to a number.
type Meaning<V> = (fn(V) -> u128, fn(V, u32) -> V);

/// Asserts that the setter and the getter of `name` use the bits in the description. The test uses
/// different numbers, and bytes that are all zeros, all ones and mixed. `low` returns the number
/// that remains if only some bits of a value are stored.
#[track_caller]
fn agrees<T: Plain + BpfType, V: Copy + PartialEq + core::fmt::Debug>(
    name: &str,
    values: &[V],
    (get, set, with): Methods<T, V>,
    (number, low): Meaning<V>,
) {
    let (start, found) = member(T::DESC, name, 0).expect(name);
    let bits = found.bits;
    assert!(bits > 0, "`{name}` is not a bit-field");
    for background in [0x00, 0xff, 0x5a, 0xa5] {
        for &value in values {
            let before = vec![background; size_of::<T>()];
            let mut expected = before.clone();
            for bit in 0..bits {
                let (byte, shift) = ((start + bit) as usize / 8, (start + bit) % 8);
                let one = u8::from(number(value) >> bit & 1 == 1);
                expected[byte] = expected[byte] & !(1 << shift) | one << shift;
            }
            let what = format!("{name}: bits {start} to {}, {value:?}", start + bits);
            let mut at: T = from_bytes(&before).unwrap();
            set(&mut at, value);
            assert_eq!(bytes_of(&at), expected, "{what}: a neighbour, or another place");
            assert_eq!(get(&at), low(value, bits), "{what}: what comes back");
            let at: T = from_bytes(&before).unwrap();
            assert_eq!(bytes_of(&with(at, value)), expected, "{what}: `with_{name}`");
        }
    }
}

/// Numbers with different low bits: all ones, only the highest bit, mixed bits, and zeros. Most of
/// the numbers are too large for all bit-fields except the widest.
const NUMBERS: [i128; 14] = [
    0,
    1,
    -1,
    2,
    5,
    -5,
    i8::MIN as i128,
    i16::MIN as i128,
    0x55,
    0x1234,
    i32::MAX as i128,
    i64::MIN as i128 + 9,
    i128::MAX,
    i128::MIN + 5,
];

/// Integer types, with the number that remains if only some bits are stored.
macro_rules! integer {
    ($($check:ident: $ty:ident)*) => { $(
        fn $check<T: Plain + BpfType>(name: &str, methods: Methods<T, $ty>) {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "numbers of any bits")]
            let values = NUMBERS.map(|number| number as $ty);
            #[allow(clippy::cast_sign_loss, clippy::cast_lossless, reason = "the bits are wanted")]
            let number = |value: $ty| value as u128;
            // The method is the usual one in C: shift the bits to the left end, and shift them back
            // as a signed number.
            let low = |value: $ty, width: u32| value << ($ty::BITS - width) >> ($ty::BITS - width);
            agrees(name, &values, methods, (number, low));
        }
    )* };
}
integer! {
    of_u8: u8 of_u16: u16 of_u32: u32 of_u64: u64
    of_i8: i8 of_i16: i16 of_i32: i32 of_i64: i64
    of_u128: u128 of_i128: i128
}

fn of_bool<T: Plain + BpfType>(name: &str, methods: Methods<T, bool>) {
    agrees(name, &[false, true], methods, (u128::from, |value, _| value));
}

/// Structs with three adjacent bit-fields. The methods of each bit-field must not change the other
/// bit-fields.
macro_rules! rows {
    ($($name:ident[$($repr:tt)*]: $bytes:literal bytes,
        $a:ty = $a_bits:literal by $of_a:ident, $b:ty = $b_bits:literal by $of_b:ident,
        $c:ty = $c_bits:literal by $of_c:ident;)*) => { $(
        #[test]
        #[allow(non_snake_case, reason = "the test is called as the type")]
        fn $name() {
            #[derive(Clone, Copy, BpfType)]
            #[repr(C, $($repr)*)]
            struct Row {
                #[bpf(bits(a: $a = $a_bits, b: $b = $b_bits, c: $c = $c_bits))]
                row: [u8; $bytes],
            }
            $of_a("a", (Row::a, Row::set_a, Row::with_a));
            $of_b("b", (Row::b, Row::set_b, Row::with_b));
            $of_c("c", (Row::c, Row::set_c, Row::with_c));
            let places = ["a", "b", "c"].map(|name| {
                let (start, found) = member(Row::DESC, name, 0).unwrap();
                (start, found.bits)
            });
            // Without padding, each bit-field begins at the end of the previous one.
            assert_eq!(places, [(0, $a_bits), ($a_bits, $b_bits), ($a_bits + $b_bits, $c_bits)]);
        }
    )* };
}
rows! {
    bytes_in_one[align(1)]: 1 bytes, u8 = 3 by of_u8, u8 = 4 by of_u8, u8 = 1 by of_u8;
    signed_bytes[align(1)]: 1 bytes, i8 = 1 by of_i8, i8 = 5 by of_i8, i8 = 2 by of_i8;
    words_of_16_bits[align(2)]: 2 bytes, u16 = 3 by of_u16, i16 = 9 by of_i16, u16 = 4 by of_u16;
    words_of_32_bits[align(4)]: 4 bytes, u32 = 7 by of_u32, i32 = 18 by of_i32, u32 = 7 by of_u32;
    nearly_a_word[align(4)]: 4 bytes, u32 = 1 by of_u32, u32 = 30 by of_u32, i32 = 1 by of_i32;
    words_of_64_bits[align(8)]: 8 bytes, u64 = 5 by of_u64, i64 = 43 by of_i64, u64 = 16 by of_u64;
    nearly_a_long_word[align(8)]: 8 bytes, i64 = 1 by of_i64, u64 = 62 by of_u64, u64 = 1 by of_u64;
    sizes_mixed[align(8)]: 8 bytes, u8 = 7 by of_u8, u32 = 20 by of_u32, i64 = 37 by of_i64;
    booleans[align(4)]: 4 bytes, bool = 1 by of_bool, u32 = 30 by of_u32, bool = 1 by of_bool;
    packed_over_bytes[packed]: 2 bytes, u8 = 6 by of_u8, u8 = 7 by of_u8, i8 = 3 by of_i8;
    packed_over_words[packed]: 9 bytes, u32 = 31 by of_u32, i32 = 32 by of_i32, i16 = 9 by of_i16;
    packed_whole_word[packed]: 9 bytes, bool = 1 by of_bool, u64 = 64 by of_u64, i8 = 7 by of_i8;
    packed_signed_word[packed]: 9 bytes, i8 = 3 by of_i8, i64 = 64 by of_i64, u8 = 5 by of_u8;
    words_of_128_bits[align(16)]: 16 bytes, u128 = 3 by of_u128, i128 = 100 by of_i128, u128 = 25 by of_u128;
    packed_widest[packed]: 17 bytes, u8 = 7 by of_u8, i128 = 128 by of_i128, bool = 1 by of_bool;
}

#[derive(Clone, Copy, Debug, PartialEq, BpfType)]
#[repr(u32)]
enum Colour {
    Red,
    Green = 2,
    Blue = 5,
}

#[derive(Clone, Copy, Debug, PartialEq, BpfType)]
#[repr(i32)]
enum Heat {
    Cold = -2,
    Mild = 0,
    Hot = 1,
}

#[derive(Clone, Copy, BpfType)]
#[repr(C, align(8))]
struct Wide {
    head: u16,
    #[bpf(bits(
        _: u16 = 4, low: u16 = 5, colour: Enum<Colour> = 3, heat: Enum<Heat> = 2,
        rest: u32 = 27, far: u64 = 50,
    ))]
    bits0: [u8; 13],
    tail: u8,
    within: Within,
}

#[derive(Clone, Copy, BpfType)]
#[repr(C, align(8))]
union Within {
    number: u64,
    #[bpf(bits(narrow: i16 = 11))]
    narrow_bytes: [u8; 8],
    #[bpf(bits(other: i64 = 37))]
    other_bytes: [u8; 8],
    #[bpf(holds(_: Inner))]
    anon0_bytes: [u8; 8],
}

/// The union contains an anonymous struct, whose bit-fields are written through the whole struct.
#[derive(Clone, Copy, BpfType)]
#[repr(C, align(8))]
struct Inner {
    #[bpf(bits(_: u8 = 3, x: u64 = 41, y: i64 = 20))]
    bits0: [u8; 8],
}

#[test]
fn bit_fields_of_unions() {
    fn with<V>(set: fn(&mut Within, V), mut of: Within, value: V) -> Within {
        set(&mut of, value);
        of
    }
    // A union has no `with_` methods.
    let narrow: Methods<_, _> =
        (Within::narrow, Within::set_narrow, |it, value| with(Within::set_narrow, it, value));
    of_i16("narrow", narrow);
    let other: Methods<_, _> =
        (Within::other, Within::set_other, |it, value| with(Within::set_other, it, value));
    of_i64("other", other);
    of_u64("x", (Inner::x, Inner::set_x, Inner::with_x));
    of_i64("y", (Inner::y, Inner::set_y, Inner::with_y));
    let place = |name| member(Within::DESC, name, 0).map(|(start, found)| (start, found.bits));
    assert_eq!(
        ["narrow", "other", "x", "y"].map(place),
        [(0, 11), (0, 37), (3, 41), (44, 20)].map(Some)
    );
    let mut whole: Within = from_bytes(&[0xff; 8]).unwrap();
    let within: Within = from_bytes(bytes_of(&whole.anon0().with_x(0))).unwrap();
    assert_eq!(within.number(), u64::MAX << 44 | 0b111);
    whole.set_narrow(-3);
    assert_eq!(whole.narrow(), -3);
}

#[test]
fn bit_fields_behind_members_and_padding() {
    of_u16("low", (Wide::low, Wide::set_low, Wide::with_low));
    of_u32("rest", (Wide::rest, Wide::set_rest, Wide::with_rest));
    of_u64("far", (Wide::far, Wide::set_far, Wide::with_far));
    let place = |name| member(Wide::DESC, name, 0).map(|(start, found)| (start, found.bits));
    // GCC and clang use the same rule: a bit-field that would cross the boundary of its type begins
    // at the next boundary.
    let places = ["low", "colour", "heat", "rest", "far", "tail"].map(place).map(Option::unwrap);
    assert_eq!(places, [(20, 5), (25, 3), (28, 2), (32, 27), (64, 50), (120, 0)]);
}

#[test]
fn bit_fields_of_enums_keep_numbers_without_a_variant() {
    let unsigned = |value: Enum<Colour>| u128::from(value.number());
    let colours = [0, 2, 5, 7, 3].map(Enum::<Colour>::from_number);
    let methods: Methods<Wide, _> = (Wide::colour, Wide::set_colour, Wide::with_colour);
    agrees("colour", &colours, methods, (unsigned, |value, _| value));
    // A number of more than three bits loses its upper bits.
    let blue: Wide = from_bytes(&[0; size_of::<Wide>()]).unwrap();
    assert_eq!(blue.with_colour(Enum::from_number(0xfd)).colour(), Colour::Blue);
}
