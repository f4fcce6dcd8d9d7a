//! Compiles and uses the golden Rust files in a program that denies warnings.

#![deny(warnings)]
#![warn(clippy::pedantic, unreachable_pub, unused_qualifications)]

/// Names in the surrounding code must not change the meaning of generated code.
macro_rules! golden {
    ($module:ident, $file:literal) => {
        mod $module {
            #![no_implicit_prelude]
            ::core::include!($file);
        }
    };
}

golden!(awkward, "goldens/generated/awkward.rs");
golden!(bit_fields, "goldens/generated/bit_fields.rs");
golden!(composites, "goldens/generated/composites.rs");
golden!(flows_migrate, "goldens/generated/flows_migrate.rs");
golden!(loader, "goldens/generated/loader.rs");
golden!(maps, "goldens/generated/maps.rs");
golden!(scalars, "goldens/generated/scalars.rs");

// The test does not use these items.
golden!(events, "goldens/generated/events.rs");
golden!(nested_fields, "goldens/generated/nested_fields.rs");
golden!(objects, "goldens/generated/objects.rs");
golden!(special_fields, "goldens/generated/special_fields.rs");

use std::collections::BTreeSet;

use bpfmap::{Be16, Be32, Enum, MapFlags, MapSpec, Pinning, TypeDesc, bytes_of, zeroed};

#[test]
fn bit_fields_have_the_same_positions_as_in_c() {
    use bit_fields::{Colour, Header, Heat, Mixed, Overlay, OverlayAnon0};

    let header = Header { total_length: Be16::new(0x0102), ..zeroed() };
    let header = header.with_version(4).with_ihl(5);
    assert_eq!(bytes_of(&header), [0x45, 0, 1, 2]);
    assert_eq!(format!("{header:?}"), "Header { ihl: 5, version: 4, tos: 0, total_length: 258 }");

    let mut mixed = Mixed::default();
    mixed.set_b(-2);
    mixed.set_e(true);
    mixed.set_colour(Colour::Blue.into());
    mixed.set_heat(Heat::Cold.into());
    assert_eq!((mixed.a(), mixed.b(), mixed.c()), (0, -2, 0));
    assert_eq!(
        (mixed.e(), mixed.colour().get(), mixed.heat().get()),
        (true, Ok(Colour::Blue), Ok(Heat::Cold))
    );
    mixed.set_a(0xff);
    assert_eq!((mixed.a(), mixed.b()), (7, -2));

    let overlay = Overlay::from_anon0(OverlayAnon0::default().with_x(0x1ff).with_y(0x55));
    assert_eq!((overlay.low(), overlay.sign(), overlay.anon0().y()), (0xbff, -1, 0x55));
}

#[test]
fn unions_and_packed_structs_store_the_written_values() {
    use composites::{Address, CacheLine, Nested, NestedAnon0, Packed, PackedAndAligned, Point};

    let mut packed = Packed { id: 7, peer: Address::from_v6([1; 16]), ..zeroed() };
    packed.place = Point { x: -1, y: 2 };
    packed.peer = Address::from_v4(Be32::new(0x7f00_0001));
    packed.set_line(CacheLine { hits: 3, ..zeroed() });
    assert_eq!((packed.id, packed.place), (7, Point { x: -1, y: 2 }));
    assert_eq!({ packed.peer }.v6(), [127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(packed.line().hits, 3);

    let both = PackedAndAligned::default().with_id(0x0403_0201).with_place(Point { x: 5, y: 6 });
    assert_eq!(bytes_of(&both)[..6], [0, 1, 2, 3, 4, 5]);
    assert_eq!((both.id(), both.place().y, both.small), (0x0403_0201, 6, 0));

    let nested = Nested { anon0: NestedAnon0::from_port(Be16::new(443)), ..zeroed() };
    assert_eq!(nested.anon0.port().get(), 443);
    assert_eq!(nested.anon0.anon0().icmp_type, 1);
}

#[test]
fn rust_keywords_can_be_member_names() {
    let words = composites::Words { r#type: 1, self_: 2, crate_: 3, ..zeroed() };
    let words = words.with_match(5);
    assert_eq!((words.r#type, words.self_, words.crate_, words.r#match()), (1, 2, 3, 5));
    let shown = format!("{words:?}");
    assert!(shown.starts_with("Words { type: 1, self_: 2, "), "{shown}");
    assert!(shown.contains(", match: 5"), "{shown}");
}

#[test]
fn enums_accept_every_number() {
    use scalars::{Deep, Every, Level, Verdict, Wide};

    let verdicts = [Verdict::Mark.into(), Enum::<Verdict>::from_number(9)];
    assert_eq!(verdicts.map(Enum::get), [Ok(Verdict::Mark), Err(9)]);
    assert_eq!(Enum::new(Wide::All).number(), u64::MAX);
    assert_eq!((Deep::Least as i64, Deep::Most as i64), (i64::MIN, i64::MAX));
    assert_eq!(Every::default().verdict.get(), Ok(Verdict::Pass));
    // A second name for the same value is a constant.
    assert_eq!((Level::LOW, Level::default()), (Level::ALSO_LOW, Level(0)));
    assert_eq!(format!("{:?} {:?}", Level::HIGH, Level(9)), "HIGH Level(9)");
}

#[test]
fn enums_are_matched_by_their_variants() {
    use awkward::Verdict;

    let shown = |verdict: Enum<Verdict>| match verdict.get() {
        Ok(Verdict::Passed) => "passed",
        Ok(Verdict::Aborted | Verdict::Type) => "not passed",
        Err(_) => "unknown",
    };
    let all = [0, -1, 1, 2].map(|number| shown(Enum::from_number(number)));
    assert_eq!(all, ["passed", "not passed", "not passed", "unknown"]);
}

#[test]
fn all_types_can_be_compared() {
    use awkward::{Documented, MapSpec, Option, Result, Verdict};
    use bit_fields::Mixed;

    assert!(Verdict::Aborted < Verdict::Passed && Verdict::Passed < Verdict::Type);
    let option = |some, clone| Option { some, clone };
    let sorted = BTreeSet::from([option(2, 0), option(1, 0x100), option(1, 2), option(1, 2)]);
    assert_eq!(Vec::from_iter(sorted), [option(1, 2), option(1, 0x100), option(2, 0)]);
    // Unions are compared by their first member, and then by the remaining bytes.
    assert!(Result::from_ok(option(1, 0x100)) < Result::from_ok(option(2, 0)));
    assert!(Result::from_hash(u64::MAX) > Result::default());
    // Bit-fields are compared by their numbers and in their order, and not by the bytes that store
    // them.
    assert!(Mixed::default().with_b(-2) < Mixed::default());
    assert!(MapSpec::default().with_fmt(1) > MapSpec::default().with_cmp(7));
    // Values are equal if they have the same bytes.
    assert!(Documented::default().with_version(3) == Documented::default().with_version(3));
    assert!(special_fields::Queue::default() <= special_fields::Queue::default());
}

#[test]
fn names_of_the_language_and_of_the_generator_can_be_type_names() {
    use awkward::{
        Inner, InnerInner, InnerInnerMap, K, Layout, Maps2, Scratch, Some, View, Within,
    };

    assert_eq!((Inner::DEF.name, InnerInnerMap::DEF.name), ("inner", "inner_inner"));
    assert_eq!(InnerInner::DEF.value.size(), size_of::<Within>() as u64);
    assert_eq!(size_of::<<View as MapSpec>::Key>(), 4);
    assert_eq!(size_of::<<Scratch as MapSpec>::Value>(), 8);
    let k = K { v: Maps2 { k: 1 } };
    assert_eq!(format!("{k:?}"), "K { v: Maps2 { k: 1 } }");
    assert_eq!(Layout { member: 7, ..zeroed() }.opaque, Enum::new(Some::None));
}

#[test]
fn specs_match_the_schema() {
    use maps::{Counters, HalfTyped, Jobs, Near, Opaque, OwnPinning, Unpinned, WithoutBtf};

    assert_eq!(Counters::DEF.name, "counters");
    assert_eq!(Counters::DEF.max_entries, Some(100));
    assert_eq!(Counters::DEF.flags, MapFlags::NO_PREALLOC | MapFlags::RDONLY_PROG);
    assert_eq!(Counters::DEF.pinning, Pinning::ByName);
    assert_eq!((Unpinned::DEF.max_entries, Unpinned::DEF.pinning), (None, Pinning::None));
    assert_eq!(OwnPinning::DEF.pinning, Pinning::Other(16));
    assert_eq!(Near::DEF.numa_node, Some(0));
    assert_eq!(Opaque::DEF.key, &TypeDesc::Opaque { size: 7 });
    assert_eq!(HalfTyped::DEF.value, &TypeDesc::Opaque { size: 24 });
    assert_eq!(size_of::<<Opaque as MapSpec>::Value>(), 24);
    assert_eq!((Jobs::DEF.key, Jobs::DEF.value.size()), (TypeDesc::VOID, 20));
    assert_eq!((WithoutBtf::DEF.btf, Counters::DEF.btf), (false, true));
}

/// Types that the loader sets are type parameters, which the application gives when it uses the
/// spec.
#[test]
fn specs_ask_for_what_the_loader_sets() {
    use loader::{Both, K, Keys, Plain, Stats, Tenants};

    type Found = Both<[u8; 12], u16>;
    assert_eq!(Found::DEF.key, &TypeDesc::Opaque { size: 12 });
    assert_eq!((Found::DEF.name, Found::DEF.max_entries), ("both", Some(64)));
    assert_eq!(size_of::<<Keys<u64> as MapSpec>::Value>(), size_of::<Stats>());
    assert_eq!(size_of::<<Tenants<Plain> as MapSpec>::Key>(), size_of::<K>());
    assert!(Tenants::<Plain>::DEF.inner.is_some());
}

/// The tests of the crate `bpfmap` migrate live maps.
#[test]
fn migrations_know_both_layouts() {
    let shown = format!("{:?}", flows_migrate::migration_of_counters("/sys/fs/bpf/counts"));
    for part in ["counts", "counters", "max_entries: Some(4)", "max_entries: Some(8)"] {
        assert!(shown.contains(part), "{shown}");
    }
}
