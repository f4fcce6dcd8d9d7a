//! The pattern that both sides write into the members of a key or a value.
//!
//! A leaf is a member that contains no other members, such as an integer, a bit-field or an element
//! of an array. Each leaf has a number, and both sides write the [`pattern`] of this number into
//! the leaf. Only one member of a union can be written at a time. A type is therefore written in
//! several views, until each leaf has been written in at least one view.

use std::fmt::Write as _;

use bpfmap::storage::set_bits;
use bpfmap_core::{IntEncoding, MemberDesc, TypeDesc};

/// Returns the pattern for the leaf with the number `leaf`. Both sides truncate the pattern to the
/// width of the leaf and write it into the leaf. The patterns of consecutive leaves differ in the
/// low byte.
#[must_use]
pub const fn pattern(leaf: u64) -> u64 {
    leaf.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Returns the pattern for a leaf of 16 bytes, like [`pattern`].
#[must_use]
pub const fn wide_pattern(leaf: u64) -> u128 {
    ((pattern(leaf) as u128) << 64) | pattern(!leaf) as u128
}

/// The number of leaves and views of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// The number of leaf numbers that the type needs.
    pub leaves: u64,
    /// The number of views that are needed to write all leaves.
    pub views: u32,
}

impl Extent {
    const LEAF: Self = Self { leaves: 1, views: 1 };
    const NOTHING: Self = Self { leaves: 0, views: 1 };

    /// Returns the number of leaves and views that the type `layout` needs.
    ///
    /// The leaves of a struct's members have consecutive numbers, and each view contains all
    /// members. The leaves of a union's members share their numbers, and each view contains only
    /// one member.
    #[must_use]
    pub fn of(layout: &TypeDesc<'_>) -> Self {
        match Content::of(layout) {
            Content::Nothing => Self::NOTHING,
            Content::Number(_) => Self::LEAF,
            Content::Bytes(size) => Self { leaves: size.into(), views: 1 },
            Content::Array(element, len) => {
                let element = Self::of(element);
                Self { leaves: element.leaves * u64::from(len), views: element.views }
            }
            Content::Struct(members) => {
                written(members).map(|(_, extent)| extent).fold(Self::NOTHING, |all, it| Self {
                    leaves: all.leaves + it.leaves,
                    views: all.views.max(it.views),
                })
            }
            Content::Union(members) => {
                let (leaves, views) = written(members).fold((0, 0), |(leaves, views), (_, it)| {
                    (it.leaves.max(leaves), views + it.views)
                });
                Self { leaves, views: views.max(1) }
            }
        }
    }
}

/// Returns the members that contain leaves. An unnamed bit-field is padding.
fn written<'a>(
    members: &'a [MemberDesc<'a>],
) -> impl Iterator<Item = (&'a MemberDesc<'a>, Extent)> {
    members
        .iter()
        .filter(|member| member.bits == 0 || !member.name.is_empty())
        .map(|member| (member, Extent::of(member.ty)))
        .filter(|(_, extent)| extent.leaves > 0)
}

/// The content of a type, as a fixture writes it.
enum Content<'a> {
    /// The fixture writes nothing, because the type belongs to the kernel or has no bytes.
    Nothing,
    /// The type is a single leaf.
    Number(Number),
    /// The type consists of this many leaves of one byte each.
    Bytes(u32),
    /// The type is an array of this many elements of this type.
    Array(&'a TypeDesc<'a>, u32),
    Struct(&'a [MemberDesc<'a>]),
    Union(&'a [MemberDesc<'a>]),
}

/// The way in which the pattern is written into a leaf.
#[derive(Clone, Copy)]
enum Number {
    /// The pattern is written in the byte order of the host.
    Native,
    /// The pattern is written with the most significant byte first.
    BigEndian,
    /// Only the lowest bit of the pattern is written.
    Bool,
}

/// The structs of the kernel's special fields.
const KERNELS: [&TypeDesc<'static>; 10] = [
    TypeDesc::SPIN_LOCK,
    TypeDesc::RES_SPIN_LOCK,
    TypeDesc::TIMER,
    TypeDesc::WORK_QUEUE,
    TypeDesc::TASK_WORK,
    TypeDesc::REF_COUNT,
    TypeDesc::LIST_HEAD,
    TypeDesc::LIST_NODE,
    TypeDesc::RB_ROOT,
    TypeDesc::RB_NODE,
];

impl<'a> Content<'a> {
    fn of(layout: &'a TypeDesc<'a>) -> Self {
        match layout {
            TypeDesc::Evolved { ty, .. } => Self::of(ty),
            layout if [TypeDesc::BE16, TypeDesc::BE32, TypeDesc::BE64].contains(&layout) => {
                Self::Number(Number::BigEndian)
            }
            TypeDesc::Typedef { target, .. } => Self::of(target),
            TypeDesc::Int { encoding: IntEncoding::Bool, .. } => Self::Number(Number::Bool),
            TypeDesc::Int { .. } | TypeDesc::Enum { .. } => Self::Number(Number::Native),
            TypeDesc::Opaque { size } => Self::Bytes(*size),
            TypeDesc::Array { element, len } => Self::Array(element, *len),
            layout if KERNELS.contains(&layout) => Self::Nothing,
            TypeDesc::Struct { members, .. } => Self::Struct(members),
            TypeDesc::Union { members, .. } => Self::Union(members),
            // The fixture does not write pointers to kernel objects or to user memory, because the
            // kernel checks their values.
            TypeDesc::Pointer { target: TypeDesc::Tagged { .. } }
            | TypeDesc::Void
            | TypeDesc::Tagged { .. }
            | TypeDesc::Root { .. }
            | TypeDesc::SetByLoader => Self::Nothing,
            TypeDesc::Pointer { .. } => Self::Number(Number::Native),
        }
    }
}

impl Number {
    /// Returns the pattern of a leaf whose type has `size` bytes. A bit-field uses only some bits
    /// of the pattern.
    fn value(self, leaf: u64, size: u64) -> u128 {
        match self {
            Self::Bool => u128::from(pattern(leaf) & 1),
            Self::Native | Self::BigEndian if size > 8 => wide_pattern(leaf),
            Self::Native | Self::BigEndian => pattern(leaf).into(),
        }
    }

    /// Writes the pattern of a leaf into all of `bytes`.
    fn write(self, bytes: &mut [u8], leaf: u64) {
        let bits = u32::try_from(bytes.len() * 8).expect("a number has at most 16 bytes");
        set_bits(bytes, 0..bits, self.value(leaf, bytes.len() as u64));
        if matches!(self, Self::BigEndian) && cfg!(target_endian = "little") {
            bytes.reverse();
        }
    }
}

/// Returns the bytes of a value of the type `layout`. The leaves are numbered from 0, and each leaf
/// that belongs to `view` contains the pattern of its number. All other bytes are 0.
#[must_use]
pub fn filled(layout: &TypeDesc<'_>, view: u32) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(layout.size()).expect("a value fits into memory")];
    fill(&mut bytes, layout, 0, view);
    bytes
}

/// Writes the leaves of a value into its bytes. The first leaf has the number `leaf`.
fn fill(bytes: &mut [u8], layout: &TypeDesc<'_>, leaf: u64, view: u32) {
    match Content::of(layout) {
        Content::Nothing => {}
        Content::Number(number) => number.write(bytes, leaf),
        Content::Bytes(_) => {
            for (leaf, byte) in (leaf..).zip(bytes) {
                *byte = pattern(leaf).to_le_bytes()[0];
            }
        }
        Content::Array(element, _) => {
            let leaves = Extent::of(element).leaves;
            if leaves > 0 {
                let size = usize::try_from(element.size()).expect("an element fits into memory");
                for (element_bytes, index) in bytes.chunks_mut(size).zip(0..) {
                    fill(element_bytes, element, leaf + leaves * index, view);
                }
            }
        }
        Content::Struct(members) => {
            let mut leaf = leaf;
            for (member, extent) in written(members) {
                fill_member(bytes, member, leaf, view);
                leaf += extent.leaves;
            }
        }
        Content::Union(members) => {
            let mut view = view % Extent::of(layout).views;
            for (member, extent) in written(members) {
                if view < extent.views {
                    return fill_member(bytes, member, leaf, view);
                }
                view -= extent.views;
            }
        }
    }
}

/// Writes the leaves of a member into the bytes of the enclosing struct or union.
fn fill_member(bytes: &mut [u8], member: &MemberDesc<'_>, leaf: u64, view: u32) {
    if member.bits > 0 {
        if let Content::Number(number) = Content::of(member.ty) {
            let range = member.bit_offset..member.bit_offset + member.bits;
            set_bits(bytes, range, number.value(leaf, member.ty.size()));
        }
        return;
    }
    let start = member.bit_offset as usize / 8;
    let size = usize::try_from(member.ty.size()).expect("a member fits into memory");
    fill(&mut bytes[start..start + size], member.ty, leaf, view);
}

/// Asserts that the bytes of two values are equal. If they differ, the message contains the path of
/// the first member that differs.
#[track_caller]
pub(crate) fn assert_same(
    found: &[u8],
    expected: &[u8],
    layout: &TypeDesc<'_>,
    what: impl FnOnce() -> String,
) {
    let differs = found.iter().zip(expected).position(|(found, expected)| found != expected);
    if let Some(byte) = differs {
        let member = member_at(layout, byte as u64);
        panic!(
            "{}: byte {byte}{member} differs\n    found: {}\n expected: {}",
            what(),
            around(found, byte),
            around(expected, byte)
        );
    }
}

/// Returns a text with the bytes of a value. If the value is large, the text contains only the
/// bytes around the byte `byte`, and their offset.
fn around(bytes: &[u8], byte: usize) -> String {
    const ALL: usize = 128;
    const EACH_WAY: usize = 16;
    if bytes.len() <= ALL {
        return format!("{bytes:02x?}");
    }
    let start = byte.saturating_sub(EACH_WAY);
    let end = (byte + EACH_WAY).min(bytes.len());
    format!("{:02x?} from byte {start} on", &bytes[start..end])
}

/// Returns the path of the member that contains this byte, such as ` (.stats[1].packets)`. In a
/// union, this is the path of the first member. Returns an empty string if the value is not a
/// struct or union.
fn member_at(layout: &TypeDesc<'_>, byte: u64) -> String {
    let mut path = String::new();
    let (mut layout, mut byte) = (layout, byte);
    loop {
        match layout {
            TypeDesc::Typedef { target, .. } => layout = target,
            TypeDesc::Array { element, .. } if element.size() > 0 => {
                let size = element.size();
                let _ = write!(path, "[{}]", byte / size);
                (layout, byte) = (element, byte % size);
            }
            TypeDesc::Struct { members, .. } | TypeDesc::Union { members, .. } => {
                let bits = |member: &MemberDesc<'_>| match member.bits {
                    0 => member.ty.size() * 8,
                    bits => bits.into(),
                };
                let has_byte = |member: &&MemberDesc<'_>| {
                    let (start, end) =
                        (u64::from(member.bit_offset), u64::from(member.bit_offset) + bits(member));
                    start / 8 <= byte && byte < end.div_ceil(8)
                };
                let Some(member) = members.iter().find(has_byte) else { break };
                let _ = write!(path, ".{}", member.name);
                if member.bits > 0 {
                    break;
                }
                byte -= u64::from(member.bit_offset) / 8;
                layout = member.ty;
            }
            _ => break,
        }
    }
    if path.is_empty() { path } else { format!(" ({path})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn member(
        name: &'static str,
        bit_offset: u32,
        layout: &'static TypeDesc<'static>,
    ) -> MemberDesc<'static> {
        MemberDesc { name, bit_offset, bits: 0, ty: layout }
    }

    const fn array(element: &'static TypeDesc<'static>, len: u32) -> TypeDesc<'static> {
        TypeDesc::Array { element, len }
    }

    #[test]
    fn neighbouring_leaves_differ_in_their_low_byte() {
        let mut bytes = filled(&array(TypeDesc::U8, 256), 0);
        bytes.sort_unstable();
        assert!(bytes.iter().enumerate().all(|(index, byte)| usize::from(*byte) == index));
    }

    #[test]
    fn a_bit_field_has_the_low_bits_of_its_types_pattern() {
        const MEMBERS: &[MemberDesc<'static>] = &[
            MemberDesc { name: "wide", bit_offset: 0, bits: 37, ty: TypeDesc::U128 },
            MemberDesc { name: "narrow", bit_offset: 37, bits: 27, ty: TypeDesc::U64 },
        ];
        let value = TypeDesc::Struct { name: "", size: 16, members: MEMBERS };
        let bytes = filled(&value, 0);
        let found = u128::from_le_bytes(bytes.try_into().expect("it has 16 bytes"));
        let low = |number: u128, bits: u32| number & ((1 << bits) - 1);
        let expected = low(wide_pattern(0), 37) | low(pattern(1).into(), 27) << 37;
        assert_eq!(found, expected, "{found:#x}, {expected:#x}");
    }

    #[test]
    fn only_the_bytes_around_the_difference_are_shown_for_a_large_value() {
        let mut bytes = [0; 4096];
        bytes[4090..4093].fill(0xab);
        assert_eq!(around(&bytes[4090..4094], 3), "[ab, ab, ab, 00]");
        let shown = around(&bytes, 4091);
        assert!(shown.ends_with("00, ab, ab, ab, 00, 00, 00] from byte 4075 on"), "{shown}");
        assert!(around(&bytes, 0).ends_with("] from byte 0 on"));
    }

    #[test]
    fn each_element_of_an_array_has_its_own_leaves() {
        const NESTED: TypeDesc<'static> = array(&array(TypeDesc::U16, 2), 3);
        assert_eq!(Extent::of(&NESTED), Extent { leaves: 6, views: 1 });
        assert_eq!(filled(&NESTED, 0)[10..], pattern(5).to_ne_bytes()[..2]);
    }

    /// A union of three members: one with 4 leaves, one without leaves, and one with 2 leaves in 2
    /// views.
    const EITHER: TypeDesc<'static> = TypeDesc::Union {
        name: "either",
        size: 4,
        members: &[
            member("first", 0, &array(TypeDesc::U8, 4)),
            member("lock", 0, TypeDesc::SPIN_LOCK),
            member(
                "",
                0,
                &TypeDesc::Union {
                    name: "",
                    size: 2,
                    members: &[
                        member("second", 0, TypeDesc::U16),
                        member("third", 0, TypeDesc::BOOL),
                    ],
                },
            ),
        ],
    };

    #[test]
    fn the_leaves_of_a_struct_have_consecutive_numbers() {
        const FIELDS: TypeDesc<'static> = TypeDesc::Struct {
            name: "fields",
            size: 12,
            members: &[
                member("a", 0, TypeDesc::BE16),
                member("empty", 16, &array(&EITHER, 0)),
                MemberDesc { name: "low", bit_offset: 16, bits: 3, ty: TypeDesc::U8 },
                MemberDesc { name: "", bit_offset: 19, bits: 2, ty: TypeDesc::U8 },
                MemberDesc { name: "high", bit_offset: 21, bits: 3, ty: TypeDesc::U8 },
                member("lock", 32, TypeDesc::SPIN_LOCK),
                member("b", 64, TypeDesc::U32),
            ],
        };
        assert_eq!(Extent::of(&FIELDS), Extent { leaves: 4, views: 1 });
        let bytes = filled(&FIELDS, 0);
        let low = |leaf| pattern(leaf).to_le_bytes()[0];
        assert_eq!(bytes[..2], [pattern(0).to_le_bytes()[1], low(0)], "big-endian");
        #[cfg(target_endian = "little")]
        assert_eq!(bytes[2], low(1) & 7 | (low(2) & 7) << 5, "bit-fields around padding");
        assert_eq!(bytes[3..8], [0; 5], "padding and what belongs to the kernel");
        assert_eq!(bytes[8..], pattern(3).to_ne_bytes()[..4]);
    }

    #[test]
    fn a_union_is_written_in_as_many_views_as_its_members_need() {
        let low = |leaf| pattern(leaf).to_le_bytes()[0];
        assert_eq!(Extent::of(&EITHER), Extent { leaves: 4, views: 3 });
        assert_eq!(filled(&EITHER, 0), [low(0), low(1), low(2), low(3)]);
        assert_eq!(filled(&EITHER, 1)[..2], pattern(0).to_ne_bytes()[..2]);
        assert_eq!(filled(&EITHER, 2), [low(0) & 1, 0, 0, 0]);
        assert_eq!(filled(&EITHER, 3), filled(&EITHER, 0));
    }

    #[test]
    fn the_path_of_the_member_that_contains_a_byte_is_found() {
        let at = |name, bit_offset, bits, layout| MemberDesc { name, bit_offset, bits, ty: layout };
        let stats = TypeDesc::Struct {
            name: "stats",
            size: 8,
            members: &[
                MemberDesc { name: "packets", bit_offset: 0, bits: 0, ty: TypeDesc::U32 },
                MemberDesc { name: "state", bit_offset: 34, bits: 9, ty: TypeDesc::U16 },
            ],
        };
        let of_both = TypeDesc::Array { element: Box::leak(Box::new(stats)), len: 2 };
        let members = Box::leak(Box::new([
            at("key", 0, 0, TypeDesc::U64),
            at("each", 64, 0, Box::leak(Box::new(of_both))),
        ]));
        let value = TypeDesc::Struct { name: "value", size: 24, members };
        assert_eq!(member_at(&value, 7), " (.key)");
        assert_eq!(member_at(&value, 11), " (.each[0].packets)");
        assert_eq!(member_at(&value, 21), " (.each[1].state)");
        assert_eq!(member_at(&value, 22), " (.each[1])");
        assert_eq!(member_at(TypeDesc::U64, 3), "");
    }
}
