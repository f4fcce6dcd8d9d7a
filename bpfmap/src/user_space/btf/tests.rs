use super::{Accept, Encoder, Tags, compare};
use bpfmap_btf::Btf;
use bpfmap_core::{MemberDesc, TypeDesc};

const fn member(
    name: &'static str,
    byte: u32,
    layout: &'static TypeDesc<'static>,
) -> MemberDesc<'static> {
    MemberDesc { name, bit_offset: byte * 8, bits: 0, ty: layout }
}

const fn bit_field(name: &'static str, bit_offset: u32, bits: u32) -> MemberDesc<'static> {
    MemberDesc { name, bit_offset, bits, ty: TypeDesc::U8 }
}

const VERDICT: &TypeDesc<'static> = &TypeDesc::Enum {
    name: "verdict",
    size: 4,
    signed: true,
    variants: &[("VERDICT_PASS", 0), ("VERDICT_ERROR", -1)],
};

const STATS: &TypeDesc<'static> = &TypeDesc::Struct {
    name: "stats",
    size: 16,
    members: &[member("rx_packets", 0, TypeDesc::U64), member("rx_bytes", 8, TypeDesc::U64)],
};

const PORT: &TypeDesc<'static> = &TypeDesc::Union {
    name: "",
    size: 2,
    members: &[member("port", 0, TypeDesc::BE16), member("icmp", 0, TypeDesc::U16)],
};

const VALUE: &TypeDesc<'static> = &TypeDesc::Struct {
    name: "value",
    size: 88,
    members: &[
        member("lock", 0, TypeDesc::SPIN_LOCK),
        bit_field("proto", 32, 4),
        bit_field("vlan", 36, 4),
        member("flag", 5, TypeDesc::BOOL),
        member("", 6, PORT),
        member("stats", 8, &TypeDesc::Array { element: STATS, len: 2 }),
        member("verdict", 40, VERDICT),
        member("__pad0", 44, &TypeDesc::Array { element: TypeDesc::U8, len: 4 }),
        member("timer", 48, TypeDesc::TIMER),
        member("task", 64, TypeDesc::VOID_POINTER),
        member("comm", 72, &TypeDesc::Array { element: TypeDesc::CHAR, len: 16 }),
    ],
};

/// Compares `ours` with the encoded BTF of `theirs`.
fn differences(ours: &TypeDesc<'static>, theirs: &'static TypeDesc<'static>) -> Vec<String> {
    let mut encoder = Encoder::new(Tags::Written);
    let id = encoder.add(theirs);
    let blob = encoder.finish();
    let btf = Btf::parse(&blob).expect("our own blob");
    compare("value", ours, &btf, id, Accept::Older).iter().map(ToString::to_string).collect()
}

/// Returns the only difference, if there is one.
#[track_caller]
fn difference(ours: &TypeDesc<'static>, theirs: &'static TypeDesc<'static>) -> Option<String> {
    let mut all = differences(ours, theirs);
    assert!(all.len() <= 1, "{all:?}");
    all.pop()
}

#[test]
fn an_encoded_layout_matches_itself() {
    assert_eq!(difference(VALUE, VALUE), None);
    assert_eq!(difference(TypeDesc::U128, TypeDesc::U128), None);
    assert_eq!(difference(TypeDesc::VOID, TypeDesc::VOID), None);
    assert_eq!(difference(&TypeDesc::Opaque { size: 16 }, STATS), None);
}

#[test]
fn swapped_members_of_one_type_differ() {
    const SWAPPED: &TypeDesc<'static> = &TypeDesc::Struct {
        name: "stats",
        size: 16,
        members: &[member("rx_bytes", 0, TypeDesc::U64), member("rx_packets", 8, TypeDesc::U64)],
    };
    const TWO: &TypeDesc<'static> = &TypeDesc::Struct {
        name: "two",
        size: 32,
        members: &[member("stats", 0, &TypeDesc::Array { element: STATS, len: 2 })],
    };
    const TWO_SWAPPED: &TypeDesc<'static> = &TypeDesc::Struct {
        name: "two",
        size: 32,
        members: &[member("stats", 0, &TypeDesc::Array { element: SWAPPED, len: 2 })],
    };
    assert_eq!(
        differences(TWO, TWO_SWAPPED),
        [
            "value.stats[].rx_packets: offset 8, schema says 0",
            "value.stats[].rx_bytes: offset 0, schema says 8"
        ]
    );
}

#[test]
fn members_that_one_side_lacks_differ() {
    const ONE: &TypeDesc<'static> = &TypeDesc::Struct {
        name: "stats",
        size: 16,
        members: &[member("rx_packets", 0, TypeDesc::U64)],
    };
    const OTHER: &TypeDesc<'static> = &TypeDesc::Struct {
        name: "stats",
        size: 16,
        members: &[member("rx_packets", 0, TypeDesc::U64), member("tx_bytes", 8, TypeDesc::U64)],
    };
    assert_eq!(difference(STATS, ONE).unwrap(), "value.rx_bytes: missing, schema has it");
    assert_eq!(difference(ONE, STATS).unwrap(), "value.rx_bytes: schema has no such member");
    assert_eq!(
        difference(STATS, OTHER).unwrap(),
        "value.rx_bytes: `tx_bytes`, schema says `rx_bytes`"
    );
}

#[test]
fn each_difference_is_reported() {
    const GROWN: &TypeDesc<'static> = &TypeDesc::Struct {
        name: "grown",
        size: 32,
        members: &[
            member("flags", 0, TypeDesc::U32),
            member("rx_packets", 8, TypeDesc::U64),
            member("rx_bytes", 16, TypeDesc::I64),
            member("tx_bytes", 24, TypeDesc::U64),
        ],
    };
    assert_eq!(
        differences(STATS, GROWN),
        [
            "value: 32 bytes, schema says 16",
            "value.rx_packets: offset 8, schema says 0",
            "value.rx_bytes: offset 16, schema says 8",
            "value.rx_bytes: a signed integer (8 bytes), schema says unsigned long long (8 bytes)",
            "value.flags: schema has no such member",
            "value.tx_bytes: schema has no such member",
        ]
    );
}

#[test]
fn padding_can_be_named_or_unnamed() {
    const BARE: &TypeDesc<'static> = &TypeDesc::Struct {
        name: "padded",
        size: 8,
        members: &[member("tag", 0, TypeDesc::U8), member("count", 4, TypeDesc::U32)],
    };
    const NAMED: &TypeDesc<'static> = &TypeDesc::Struct {
        name: "padded",
        size: 8,
        members: &[
            member("tag", 0, TypeDesc::U8),
            member("_pad", 1, &TypeDesc::Array { element: TypeDesc::U8, len: 3 }),
            member("count", 4, TypeDesc::U32),
        ],
    };
    const BITS: &TypeDesc<'static> = &TypeDesc::Struct {
        name: "padded",
        size: 8,
        members: &[
            member("tag", 0, TypeDesc::U8),
            bit_field("", 8, 4),
            member("count", 4, TypeDesc::U32),
        ],
    };
    for (ours, theirs) in [(BARE, NAMED), (NAMED, BARE), (BARE, BITS), (BITS, NAMED), (NAMED, BITS)]
    {
        assert_eq!(difference(ours, theirs), None);
    }
}

#[test]
fn integers_must_match_in_size_and_sign() {
    assert_eq!(
        difference(TypeDesc::U32, &TypeDesc::Typedef { name: "mark", target: TypeDesc::U32 }),
        None
    );
    assert_eq!(difference(TypeDesc::U8, TypeDesc::CHAR), None);
    assert_eq!(difference(TypeDesc::BOOL, TypeDesc::U8), None);
    assert_eq!(
        difference(TypeDesc::U32, TypeDesc::I32).unwrap(),
        "value: a signed integer (4 bytes), schema says unsigned int (4 bytes)"
    );
    assert_eq!(
        difference(TypeDesc::U32, TypeDesc::U64).unwrap(),
        "value: an unsigned integer (8 bytes), schema says unsigned int (4 bytes)"
    );
    assert!(difference(TypeDesc::U64, TypeDesc::VOID_POINTER).is_some());
}

#[test]
fn variants_that_both_enums_have_must_match() {
    const MORE: &TypeDesc<'static> = &TypeDesc::Enum {
        name: "verdict",
        size: 4,
        signed: true,
        variants: &[("VERDICT_PASS", 0), ("VERDICT_ERROR", -1), ("VERDICT_DROP", 2)],
    };
    const OTHER: &TypeDesc<'static> = &TypeDesc::Enum {
        name: "verdict",
        size: 4,
        signed: false,
        variants: &[("VERDICT_PASS", 1)],
    };
    assert_eq!(difference(VERDICT, MORE), None);
    assert_eq!(difference(MORE, VERDICT), None);
    assert_eq!(difference(VERDICT, TypeDesc::I32), None);
    assert_eq!(difference(VERDICT, OTHER).unwrap(), "value: VERDICT_PASS is 1, schema says 0");
}

#[test]
fn bit_fields_must_match_in_offset_and_width() {
    const OURS: &TypeDesc<'static> = &TypeDesc::Struct {
        name: "b",
        size: 1,
        members: &[bit_field("a", 0, 4), bit_field("b", 4, 4)],
    };
    const WIDTH: &TypeDesc<'static> = &TypeDesc::Struct {
        name: "b",
        size: 1,
        members: &[bit_field("a", 0, 3), bit_field("b", 4, 4)],
    };
    const PLACE: &TypeDesc<'static> = &TypeDesc::Struct {
        name: "b",
        size: 1,
        members: &[bit_field("a", 0, 4), bit_field("b", 5, 3)],
    };
    assert_eq!(difference(OURS, WIDTH).unwrap(), "value.a: 3 bits, schema says 4 bits");
    assert_eq!(
        differences(OURS, PLACE),
        ["value.b: bit 5, schema says 4", "value.b: 3 bits, schema says 4 bits"]
    );
}

#[test]
fn special_fields_are_compared_by_name() {
    const FAKE: &TypeDesc<'static> =
        &TypeDesc::Struct { name: "lock", size: 4, members: &[member("val", 0, TypeDesc::U32)] };
    const OTHER_INSIDE: &TypeDesc<'static> = &TypeDesc::Struct {
        name: "bpf_timer",
        size: 16,
        members: &[member("__opaque", 0, &TypeDesc::Array { element: TypeDesc::U8, len: 16 })],
    };
    assert_eq!(difference(TypeDesc::TIMER, OTHER_INSIDE), None);
    assert_eq!(
        difference(TypeDesc::SPIN_LOCK, FAKE).unwrap(),
        "value: struct lock (4 bytes), schema says struct bpf_spin_lock (4 bytes)"
    );
}

/// Damaging any byte of a blob results in an error, a difference or no change, but never in a
/// panic.
#[test]
fn a_damaged_blob_never_causes_a_panic() {
    let mut encoder = Encoder::new(Tags::Written);
    let id = encoder.add(VALUE);
    let blob = encoder.finish();
    for len in 0..blob.len() {
        if let Ok(btf) = Btf::parse(&blob[..len]) {
            let _ = compare("value", VALUE, &btf, id, Accept::Older);
        }
    }
    for at in 0..blob.len() {
        for byte in [0, 1, 0x7f, 0xff] {
            let mut damaged = blob.clone();
            damaged[at] = byte;
            if let Ok(btf) = Btf::parse(&damaged) {
                let _ = compare("value", VALUE, &btf, id, Accept::Older);
            }
        }
    }
}

/// Compares with a typedef that refers to itself, and with an array whose elements are that array.
#[test]
fn the_comparison_of_recursive_types_ends() {
    for kind in [super::kind::TYPEDEF, super::kind::ARRAY] {
        let mut words = vec![0, kind << 24, 1];
        if kind == super::kind::ARRAY {
            words.extend([1, 1, 1]);
        }
        let mut blob = vec![0x9f, 0xeb, 1, 0];
        let len = u32::try_from(words.len() * 4).unwrap();
        for word in [24, 0, len, len, 1].into_iter().chain(words) {
            blob.extend(word.to_ne_bytes());
        }
        blob.push(0);
        let btf = Btf::parse(&blob).unwrap();
        assert_eq!(compare("value", TypeDesc::U32, &btf, 1, Accept::Older).len(), 1);
        assert_eq!(
            compare("value", &TypeDesc::Opaque { size: 4 }, &btf, 1, Accept::Older).len(),
            1
        );
    }
}

#[test]
fn a_missing_type_is_reported() {
    let blob = Encoder::new(Tags::Written).finish();
    let btf = Btf::parse(&blob).unwrap();
    let differences = compare("key", TypeDesc::U32, &btf, 7, Accept::Older);
    assert_eq!(differences.len(), 1);
    assert_eq!(differences[0].to_string(), "key: the BTF has no type 7");
}

#[test]
fn integers_must_match_in_byte_order_and_bytes_in_sign_if_both_are_known() {
    const ADDRESS: &TypeDesc<'static> =
        &TypeDesc::Typedef { name: "address", target: TypeDesc::BE32 };
    assert_eq!(difference(TypeDesc::BE32, TypeDesc::BE32), None);
    assert_eq!(
        difference(TypeDesc::U32, TypeDesc::BE32).unwrap(),
        "value: network byte order, schema says host byte order"
    );
    assert_eq!(
        difference(TypeDesc::BE16, TypeDesc::U16).unwrap(),
        "value: host byte order, schema says network byte order"
    );
    assert_eq!(difference(ADDRESS, TypeDesc::BE32), None);
    assert_eq!(difference(TypeDesc::BE32, ADDRESS), None);
    assert!(difference(TypeDesc::U8, TypeDesc::I8).is_some());
    assert!(difference(TypeDesc::I8, TypeDesc::U8).is_some());
    for byte in [TypeDesc::CHAR, TypeDesc::BOOL] {
        for other in [TypeDesc::U8, TypeDesc::I8, TypeDesc::CHAR, TypeDesc::BOOL] {
            assert_eq!(difference(byte, other), None);
            assert_eq!(difference(other, byte), None);
        }
    }
}

#[test]
fn a_member_may_differ_from_an_older_map_if_the_schema_records_it() {
    const OVER: &TypeDesc<'static> =
        &stats(&[member("rx", 0, TypeDesc::U64), member("version", 8, NEW)]);
    const SMALL: &TypeDesc<'static> =
        &TypeDesc::Struct { name: "stats", size: 8, members: &[member("rx", 0, TypeDesc::U64)] };
    const WIDER: &TypeDesc<'static> =
        &stats(&[member("rx", 0, TypeDesc::U64), member("state", 8, TypeDesc::U64)]);
    const NARROW: &TypeDesc<'static> =
        &stats(&[member("rx", 0, TypeDesc::U64), member("mode", 8, RENAMED)]);
    const fn stats(members: &'static [MemberDesc<'static>]) -> TypeDesc<'static> {
        TypeDesc::Struct { name: "stats", size: 16, members }
    }
    const fn evolved(renamed_from: &'static str, was_padding: bool) -> TypeDesc<'static> {
        TypeDesc::Evolved { renamed_from, was_padding, ty: TypeDesc::U32 }
    }
    const RENAMED: &TypeDesc<'static> = &evolved("state", false);
    const NEW: &TypeDesc<'static> = &evolved("", true);
    const OLD: &TypeDesc<'static> =
        &stats(&[member("rx", 0, TypeDesc::U64), member("state", 8, TypeDesc::U32)]);
    const OLD_PADDED: &TypeDesc<'static> = &stats(&[
        member("rx", 0, TypeDesc::U64),
        member("state", 8, TypeDesc::U32),
        member("__pad0", 12, &TypeDesc::Array { element: TypeDesc::U8, len: 4 }),
    ]);
    const BOTH: &TypeDesc<'static> = &stats(&[
        member("rx", 0, TypeDesc::U64),
        member("mode", 8, RENAMED),
        member("version", 12, NEW),
    ]);
    assert_eq!(difference(BOTH, OLD), None);
    assert_eq!(difference(BOTH, OLD_PADDED), None);
    assert_eq!(difference(BOTH, BOTH), None);
    assert_eq!(difference(OVER, OLD).unwrap(), "value.version: `state`, schema says `version`");
    assert_eq!(
        differences(BOTH, SMALL),
        [
            "value: 8 bytes, schema says 16",
            "value.mode: missing, schema has it",
            "value.version: missing, schema has it",
        ]
    );
    assert_eq!(
        difference(NARROW, WIDER).unwrap(),
        "value.mode: an unsigned integer (8 bytes), schema says unsigned int (4 bytes)"
    );
}

#[test]
fn unions_may_have_other_members() {
    const MORE: &TypeDesc<'static> = &TypeDesc::Union {
        name: "",
        size: 2,
        members: &[
            member("port", 0, TypeDesc::BE16),
            member("icmp", 0, TypeDesc::U16),
            member("bytes", 0, &TypeDesc::Array { element: TypeDesc::U8, len: 2 }),
        ],
    };
    const WRONG: &TypeDesc<'static> =
        &TypeDesc::Union { name: "", size: 2, members: &[member("port", 0, TypeDesc::U16)] };
    assert_eq!(difference(PORT, MORE), None);
    assert_eq!(difference(MORE, PORT), None);
    assert_eq!(
        difference(WRONG, PORT).unwrap(),
        "value.port: network byte order, schema says host byte order"
    );
}

/// Types as they occur in the object file of a Rust program that uses `#[derive(BpfType)]`.
mod rust {
    use super::*;

    const fn new_type(
        name: &'static str,
        size: u32,
        members: &'static [MemberDesc<'static>],
    ) -> TypeDesc<'static> {
        TypeDesc::Struct { name, size, members }
    }

    const BE32: &TypeDesc<'static> = &new_type("__be32", 4, &[member("__0", 0, TypeDesc::U32)]);
    const METERS: &TypeDesc<'static> = &new_type("Meters", 4, &[member("__0", 0, TypeDesc::U32)]);

    #[test]
    fn a_newtype_matches_its_member_in_its_byte_order() {
        assert_eq!(difference(TypeDesc::BE32, BE32), None);
        assert_eq!(difference(TypeDesc::U32, METERS), None);
        let expected = "value: network byte order, schema says host byte order";
        assert_eq!(difference(TypeDesc::U32, BE32).as_deref(), Some(expected));
        let expected = "value: host byte order, schema says network byte order";
        assert_eq!(difference(TypeDesc::BE32, METERS).as_deref(), Some(expected));
        let expected = "value: an unsigned integer (4 bytes), schema says unsigned short (2 bytes)";
        assert_eq!(difference(TypeDesc::U16, METERS).as_deref(), Some(expected));
    }

    /// A schema that was imported from a Rust program contains the newtype.
    #[test]
    fn a_newtype_matches_the_same_newtype() {
        const PORT: &TypeDesc<'static> = &new_type("Port", 4, &[member("__0", 0, BE32)]);
        const DECLARED: &TypeDesc<'static> =
            &new_type("Port", 4, &[member("__0", 0, TypeDesc::BE32)]);
        assert_eq!(difference(METERS, METERS), None);
        assert_eq!(difference(DECLARED, PORT), None);
        let expected = "value.__0: host byte order, schema says network byte order";
        assert_eq!(difference(DECLARED, METERS).as_deref(), Some(expected));
        let expected = "value: an unsigned integer (4 bytes), schema says struct Meters (4 bytes)";
        assert_eq!(difference(METERS, TypeDesc::U32).as_deref(), Some(expected));
    }

    #[test]
    fn a_struct_with_more_than_its_only_member_is_no_newtype() {
        const PADDED: &TypeDesc<'static> =
            &new_type("Meters", 8, &[member("__0", 0, TypeDesc::U32)]);
        assert!(difference(TypeDesc::U32, PADDED).unwrap().contains("struct Meters (8 bytes)"));
    }

    const BITS: &[MemberDesc<'static>] =
        &[bit_field("proto", 0, 4), bit_field("vlan", 4, 12), member("port", 2, TypeDesc::U16)];
    const WIDER: &[MemberDesc<'static>] = &[bit_field("proto", 0, 4), bit_field("vlan", 4, 16)];
    const NO_BITS: &[MemberDesc<'static>] = &[member("port", 2, TypeDesc::U16)];
    const BYTES: &TypeDesc<'static> = &TypeDesc::Array { element: TypeDesc::U8, len: 2 };
    const WITH_BYTES: &TypeDesc<'static> = &TypeDesc::Struct {
        name: "key",
        size: 4,
        members: &[member("__bits0", 0, BYTES), member("port", 2, TypeDesc::U16)],
    };

    #[test]
    fn bytes_match_the_bit_fields_in_them() {
        let key = |members| TypeDesc::Struct { name: "key", size: 4, members };
        assert_eq!(difference(&key(BITS), WITH_BYTES), None);
        let expected =
            ["value.vlan: missing, schema has it", "value.port: schema has no such member"];
        assert_eq!(differences(&key(WIDER), WITH_BYTES), expected);
        let expected = "value.__bits0: schema has no such member";
        assert_eq!(difference(&key(NO_BITS), WITH_BYTES).as_deref(), Some(expected));
    }

    const UNNAMED: &TypeDesc<'static> =
        &TypeDesc::Struct { name: "key", size: 2, members: &[member("", 0, PORT)] };
    const NAMED: &TypeDesc<'static> =
        &TypeDesc::Struct { name: "key", size: 2, members: &[member("__anonymous0", 0, PORT)] };

    #[test]
    fn a_member_without_a_name_has_one_in_rust() {
        assert_eq!(difference(UNNAMED, NAMED), None);
    }
}
