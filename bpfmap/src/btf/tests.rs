use super::{Accept, Encoder, Tags, compare};
use crate::layout::{Layout, Member};
use bpfmap_btf::Btf;

const fn member(name: &'static str, byte: u32, layout: &'static Layout) -> Member {
    Member { name, bit_offset: byte * 8, bits: 0, layout }
}

const fn bit_field(name: &'static str, bit_offset: u32, bits: u32) -> Member {
    Member { name, bit_offset, bits, layout: Layout::U8 }
}

const VERDICT: &Layout = &Layout::Enum {
    name: "verdict",
    size: 4,
    signed: true,
    variants: &[("VERDICT_PASS", 0), ("VERDICT_ERROR", -1)],
};

const STATS: &Layout = &Layout::Struct {
    name: "stats",
    size: 16,
    members: &[member("rx_packets", 0, Layout::U64), member("rx_bytes", 8, Layout::U64)],
};

const PORT: &Layout = &Layout::Union {
    name: "",
    size: 2,
    members: &[member("port", 0, Layout::BE16), member("icmp", 0, Layout::U16)],
};

const VALUE: &Layout = &Layout::Struct {
    name: "value",
    size: 88,
    members: &[
        member("lock", 0, Layout::SPIN_LOCK),
        bit_field("proto", 32, 4),
        bit_field("vlan", 36, 4),
        member("flag", 5, Layout::BOOL),
        member("", 6, PORT),
        member("stats", 8, &Layout::Array { element: STATS, len: 2 }),
        member("verdict", 40, VERDICT),
        member("__pad0", 44, &Layout::Array { element: Layout::U8, len: 4 }),
        member("timer", 48, Layout::TIMER),
        member("task", 64, Layout::VOID_POINTER),
        member("comm", 72, &Layout::Array { element: Layout::CHAR, len: 16 }),
    ],
};

/// Compares `ours` with the BTF that `theirs` is encoded as.
fn differences(ours: &Layout, theirs: &'static Layout) -> Vec<String> {
    let mut encoder = Encoder::new(Tags::Written);
    let id = encoder.add(theirs);
    let blob = encoder.finish();
    let btf = Btf::parse(&blob).expect("our own blob");
    compare("value", ours, &btf, id, Accept::Older).iter().map(ToString::to_string).collect()
}

/// The only difference, if there is one.
#[track_caller]
fn difference(ours: &Layout, theirs: &'static Layout) -> Option<String> {
    let mut all = differences(ours, theirs);
    assert!(all.len() <= 1, "{all:?}");
    all.pop()
}

#[test]
fn what_is_written_is_read_back() {
    assert_eq!(difference(VALUE, VALUE), None);
    assert_eq!(difference(Layout::U128, Layout::U128), None);
    assert_eq!(difference(Layout::VOID, Layout::VOID), None);
    assert_eq!(difference(&Layout::Opaque { size: 16 }, STATS), None);
}

#[test]
fn swapped_members_of_one_type_differ() {
    const SWAPPED: &Layout = &Layout::Struct {
        name: "stats",
        size: 16,
        members: &[member("rx_bytes", 0, Layout::U64), member("rx_packets", 8, Layout::U64)],
    };
    const TWO: &Layout = &Layout::Struct {
        name: "two",
        size: 32,
        members: &[member("stats", 0, &Layout::Array { element: STATS, len: 2 })],
    };
    const TWO_SWAPPED: &Layout = &Layout::Struct {
        name: "two",
        size: 32,
        members: &[member("stats", 0, &Layout::Array { element: SWAPPED, len: 2 })],
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
    const ONE: &Layout = &Layout::Struct {
        name: "stats",
        size: 16,
        members: &[member("rx_packets", 0, Layout::U64)],
    };
    const OTHER: &Layout = &Layout::Struct {
        name: "stats",
        size: 16,
        members: &[member("rx_packets", 0, Layout::U64), member("tx_bytes", 8, Layout::U64)],
    };
    assert_eq!(difference(STATS, ONE).unwrap(), "value.rx_bytes: missing, schema has it");
    assert_eq!(difference(ONE, STATS).unwrap(), "value.rx_bytes: schema has no such member");
    assert_eq!(
        difference(STATS, OTHER).unwrap(),
        "value.rx_bytes: `tx_bytes`, schema says `rx_bytes`"
    );
}

#[test]
fn each_difference_is_told() {
    const GROWN: &Layout = &Layout::Struct {
        name: "grown",
        size: 32,
        members: &[
            member("flags", 0, Layout::U32),
            member("rx_packets", 8, Layout::U64),
            member("rx_bytes", 16, Layout::I64),
            member("tx_bytes", 24, Layout::U64),
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
fn padding_may_be_named_or_not() {
    const BARE: &Layout = &Layout::Struct {
        name: "padded",
        size: 8,
        members: &[member("tag", 0, Layout::U8), member("count", 4, Layout::U32)],
    };
    const NAMED: &Layout = &Layout::Struct {
        name: "padded",
        size: 8,
        members: &[
            member("tag", 0, Layout::U8),
            member("_pad", 1, &Layout::Array { element: Layout::U8, len: 3 }),
            member("count", 4, Layout::U32),
        ],
    };
    const BITS: &Layout = &Layout::Struct {
        name: "padded",
        size: 8,
        members: &[
            member("tag", 0, Layout::U8),
            bit_field("", 8, 4),
            member("count", 4, Layout::U32),
        ],
    };
    for (ours, theirs) in [(BARE, NAMED), (NAMED, BARE), (BARE, BITS), (BITS, NAMED), (NAMED, BITS)]
    {
        assert_eq!(difference(ours, theirs), None);
    }
}

#[test]
fn integers_agree_in_size_and_sign() {
    assert_eq!(
        difference(Layout::U32, &Layout::Typedef { name: "mark", target: Layout::U32 }),
        None
    );
    assert_eq!(difference(Layout::U8, Layout::CHAR), None);
    assert_eq!(difference(Layout::BOOL, Layout::U8), None);
    assert_eq!(
        difference(Layout::U32, Layout::I32).unwrap(),
        "value: a signed integer (4 bytes), schema says unsigned int (4 bytes)"
    );
    assert_eq!(
        difference(Layout::U32, Layout::U64).unwrap(),
        "value: an unsigned integer (8 bytes), schema says unsigned int (4 bytes)"
    );
    assert!(difference(Layout::U64, Layout::VOID_POINTER).is_some());
}

#[test]
fn enums_agree_where_both_know_a_name() {
    const MORE: &Layout = &Layout::Enum {
        name: "verdict",
        size: 4,
        signed: true,
        variants: &[("VERDICT_PASS", 0), ("VERDICT_ERROR", -1), ("VERDICT_DROP", 2)],
    };
    const OTHER: &Layout =
        &Layout::Enum { name: "verdict", size: 4, signed: false, variants: &[("VERDICT_PASS", 1)] };
    assert_eq!(difference(VERDICT, MORE), None);
    assert_eq!(difference(MORE, VERDICT), None);
    assert_eq!(difference(VERDICT, Layout::I32), None);
    assert_eq!(difference(VERDICT, OTHER).unwrap(), "value: VERDICT_PASS is 1, schema says 0");
}

#[test]
fn bit_fields_agree_in_place_and_width() {
    const OURS: &Layout = &Layout::Struct {
        name: "b",
        size: 1,
        members: &[bit_field("a", 0, 4), bit_field("b", 4, 4)],
    };
    const WIDTH: &Layout = &Layout::Struct {
        name: "b",
        size: 1,
        members: &[bit_field("a", 0, 3), bit_field("b", 4, 4)],
    };
    const PLACE: &Layout = &Layout::Struct {
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
fn the_kernels_fields_go_by_name() {
    const FAKE: &Layout =
        &Layout::Struct { name: "lock", size: 4, members: &[member("val", 0, Layout::U32)] };
    const OTHER_INSIDE: &Layout = &Layout::Struct {
        name: "bpf_timer",
        size: 16,
        members: &[member("__opaque", 0, &Layout::Array { element: Layout::U8, len: 16 })],
    };
    assert_eq!(difference(Layout::TIMER, OTHER_INSIDE), None);
    assert_eq!(
        difference(Layout::SPIN_LOCK, FAKE).unwrap(),
        "value: struct lock (4 bytes), schema says struct bpf_spin_lock (4 bytes)"
    );
}

/// Any single damage to a blob is an error or a difference, or harmless: never a panic.
#[test]
fn a_damaged_blob_does_no_harm() {
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

/// A typedef of itself, and an array of itself.
#[test]
fn circles_end() {
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
        assert_eq!(compare("value", Layout::U32, &btf, 1, Accept::Older).len(), 1);
        assert_eq!(compare("value", &Layout::Opaque { size: 4 }, &btf, 1, Accept::Older).len(), 1);
    }
}

#[test]
fn a_missing_type_is_told() {
    let blob = Encoder::new(Tags::Written).finish();
    let btf = Btf::parse(&blob).unwrap();
    let differences = compare("key", Layout::U32, &btf, 7, Accept::Older);
    assert_eq!(differences.len(), 1);
    assert_eq!(differences[0].to_string(), "key: the BTF has no type 7");
}

#[test]
fn numbers_agree_in_byte_order_and_bytes_in_sign_where_both_are_told() {
    const ADDRESS: &Layout = &Layout::Typedef { name: "address", target: Layout::BE32 };
    assert_eq!(difference(Layout::BE32, Layout::BE32), None);
    assert_eq!(
        difference(Layout::U32, Layout::BE32).unwrap(),
        "value: big-endian, schema says no byte order"
    );
    assert_eq!(
        difference(Layout::BE16, Layout::U16).unwrap(),
        "value: no byte order, schema says big-endian"
    );
    assert_eq!(difference(ADDRESS, Layout::BE32), None);
    assert_eq!(difference(Layout::BE32, ADDRESS), None);
    assert!(difference(Layout::U8, Layout::I8).is_some());
    assert!(difference(Layout::I8, Layout::U8).is_some());
    for byte in [Layout::CHAR, Layout::BOOL] {
        for other in [Layout::U8, Layout::I8, Layout::CHAR, Layout::BOOL] {
            assert_eq!(difference(byte, other), None);
            assert_eq!(difference(other, byte), None);
        }
    }
}

#[test]
fn a_member_may_say_what_an_older_map_has() {
    const OVER: &Layout = &stats(&[member("rx", 0, Layout::U64), member("version", 8, NEW)]);
    const SMALL: &Layout =
        &Layout::Struct { name: "stats", size: 8, members: &[member("rx", 0, Layout::U64)] };
    const WIDER: &Layout = &stats(&[member("rx", 0, Layout::U64), member("state", 8, Layout::U64)]);
    const NARROW: &Layout = &stats(&[member("rx", 0, Layout::U64), member("mode", 8, RENAMED)]);
    const fn stats(members: &'static [Member]) -> Layout {
        Layout::Struct { name: "stats", size: 16, members }
    }
    const fn evolved(renamed_from: &'static str, was_padding: bool) -> Layout {
        Layout::Evolved { renamed_from, was_padding, layout: Layout::U32 }
    }
    const RENAMED: &Layout = &evolved("state", false);
    const NEW: &Layout = &evolved("", true);
    const OLD: &Layout = &stats(&[member("rx", 0, Layout::U64), member("state", 8, Layout::U32)]);
    const OLD_PADDED: &Layout = &stats(&[
        member("rx", 0, Layout::U64),
        member("state", 8, Layout::U32),
        member("__pad0", 12, &Layout::Array { element: Layout::U8, len: 4 }),
    ]);
    const BOTH: &Layout = &stats(&[
        member("rx", 0, Layout::U64),
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
    const MORE: &Layout = &Layout::Union {
        name: "",
        size: 2,
        members: &[
            member("port", 0, Layout::BE16),
            member("icmp", 0, Layout::U16),
            member("bytes", 0, &Layout::Array { element: Layout::U8, len: 2 }),
        ],
    };
    const WRONG: &Layout =
        &Layout::Union { name: "", size: 2, members: &[member("port", 0, Layout::U16)] };
    assert_eq!(difference(PORT, MORE), None);
    assert_eq!(difference(MORE, PORT), None);
    assert_eq!(
        difference(WRONG, PORT).unwrap(),
        "value.port: big-endian, schema says no byte order"
    );
}
