//! Tests of newtypes of integers that are enums in C. Their variants are constants, and every
//! number is a valid value.

use bpfmap::TypeDesc;
use bpfmap::{BpfMap, BpfType, MapSpec as _, bytes_of, from_bytes, zeroed};

/// The enum has two names for the same number, and a name that is a Rust keyword.
#[derive(Clone, Copy, Debug, PartialEq, BpfType)]
#[repr(transparent)]
#[bpf_type(variants(low = 1, #[doc = "At once."] high = 2, highest = 2, r#type = 0xffff_ffff))]
pub struct Level(u32);

/// The enum has negative numbers.
#[derive(Clone, Copy, Debug, PartialEq, BpfType)]
#[repr(transparent)]
#[bpf_type(name = "sign_t", variants(minus = -1, #[bpf(name = "Zero")] zero = 0, least = -0x80))]
pub struct Sign(pub i8);

/// The enum has the largest possible numbers.
#[derive(Clone, Copy, Debug, PartialEq, BpfType)]
#[repr(transparent)]
#[bpf_type(variants(all = 0xffff_ffff_ffff_ffff))]
pub struct Mask(u64);

#[derive(Clone, Copy, BpfType)]
#[repr(C, align(8))]
struct Job {
    mask: Mask,
    levels: [Level; 2],
    sign: Sign,
    #[bpf(bits(next: Level = 3, change: Sign = 2))]
    bits0: [u8; 1],
    _pad: [u8; 6],
}

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 1)]
struct Jobs {
    key: Level,
    value: Job,
}

#[test]
fn variants_are_constants() {
    assert_eq!([Level::LOW, Level::HIGH, Level::HIGHEST].map(|level| level.0), [1, 2, 2]);
    assert_eq!(Level::TYPE.0, u32::MAX);
    assert_eq!([Sign::MINUS, Sign::ZERO, Sign::LEAST].map(|sign| sign.0), [-1, 0, -128]);
    assert_eq!(Mask::ALL.0, u64::MAX);
}

#[test]
fn c_has_an_enum() {
    let variants =
        &[("LEVEL_LOW", 1), ("LEVEL_HIGH", 2), ("LEVEL_HIGHEST", 2), ("LEVEL_TYPE", 0xffff_ffff)];
    let expected = TypeDesc::Enum { name: "level", size: 4, signed: false, variants };
    assert_eq!(Level::DESC, &expected);
    assert_eq!(Jobs::DEF.key, &expected);
    let variants = &[("SIGN_T_MINUS", -1), ("SIGN_T_ZERO", 0), ("SIGN_T_LEAST", -128)];
    let expected = TypeDesc::Enum { name: "sign_t", size: 1, signed: true, variants };
    assert_eq!(Sign::DESC, &expected);
    // BTF stores 64 bits, and stores separately that they are unsigned.
    let expected =
        TypeDesc::Enum { name: "mask", size: 8, signed: false, variants: &[("MASK_ALL", -1)] };
    assert_eq!(Mask::DESC, &expected);
}

#[test]
fn any_number_is_a_value() {
    let job = Job { mask: Mask::ALL, levels: [Level::HIGH, Level(77)], ..zeroed() }
        .with_next(Level(5))
        .with_change(Sign::MINUS);
    let back: Job = from_bytes(bytes_of(&job)).unwrap();
    assert_eq!((back.mask, back.levels, back.sign), (Mask::ALL, job.levels, Sign::ZERO));
    assert_eq!((back.next(), back.change()), (Level(5), Sign::MINUS));
    assert_eq!(bytes_of(&job)[17], 0b11101);
}
