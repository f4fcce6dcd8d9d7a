//! Tests that the derives accept the same declarations as the reader of schemas in Rust, with the
//! same meaning.

#[allow(deprecated, reason = "one warning: a buffer has another size than its map says")]
#[path = "accepted/maps.rs"]
mod maps;

use std::path::Path;

use bpfmap::TypeDesc;
use bpfmap::{BpfEnum, BpfType, CharArray, Enum, MapSpec, Pinning, bytes_of, zeroed};
use bpfmap_schema::check::{Checked, check};
use bpfmap_schema::front::rust::read_file;
use bpfmap_schema::ir::{MemberType, TypeDefKind};
use maps::*;

fn checked() -> Checked {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/accepted/maps.rs");
    check(read_file(&file)).unwrap_or_else(|rejected| panic!("{rejected}"))
}

/// Compares the sizes of types, and the offset and width of each member.
#[test]
fn layouts_equal_the_layouts_of_the_header() {
    let checked = checked();
    let types = [
        Either::DESC,
        Route::DESC,
        InPlace::DESC,
        Bits::DESC,
        Packed::DESC,
        Overlay::DESC,
        Wide::DESC,
        Texts::DESC,
        TextOrNumber::DESC,
        Tight::DESC,
        Largest::DESC,
    ];
    for layout in types {
        let (TypeDesc::Struct { name, size, members } | TypeDesc::Union { name, size, members }) =
            layout
        else {
            panic!("{layout:?}")
        };
        let expected = checked.layouts().composite(name).unwrap();
        assert_eq!(u64::from(*size), expected.size, "{name}");
        let body = checked.schema().types.iter().find(|def| def.name.value == *name).unwrap();
        let (TypeDefKind::Struct(body) | TypeDefKind::Union(body)) = &body.kind else {
            panic!("{name}")
        };
        let placed = body.members.iter().zip(&expected.members);
        // BTF does not contain bit-fields without names.
        let placed = placed.filter(|(member, _)| member.name.is_some() || member.bits.is_none());
        let placed: Vec<(&str, u64, u32)> = placed
            .map(|(member, at)| {
                let name = member.name.as_ref().map_or("", |name| &name.value);
                (name, at.bit_offset, member.bits.as_ref().map_or(0, |bits| bits.value))
            })
            .collect();
        let there = members.iter().map(|it| (it.name, u64::from(it.bit_offset), it.bits));
        assert_eq!(there.collect::<Vec<_>>(), placed, "{name}");
    }
}

/// The C type is an array of `char`, whose length is the constant.
#[test]
fn texts_are_arrays_of_char() {
    let checked = checked();
    let texts = checked.schema().types.iter().find(|def| def.name.value == "texts").unwrap();
    let TypeDefKind::Struct(body) = &texts.kind else { panic!("{texts:?}") };
    let types = body.members.iter().map(|member| match &member.ty {
        MemberType::Type(ty) => ty.value.to_string(),
        other => panic!("{other:?}"),
    });
    assert_eq!(
        types.collect::<Vec<_>>(),
        ["[char; 4]", "[char; 9]", "[[char; 3]; 2]", "name", "text_or_number", "tight"]
    );
    let expected = TypeDesc::Array { element: TypeDesc::CHAR, len: 9 };
    assert_eq!(CharArray::<9>::DESC, &expected);
    let TypeDesc::Struct { members, .. } = Texts::DESC else { panic!("{:?}", Texts::DESC) };
    assert_eq!(members[1].ty, &expected);
    let many = TypeDesc::Array { element: CharArray::<3>::DESC, len: 2 };
    assert_eq!(members[2].ty, &many);
    assert_eq!(ByName::DEF.key, CharArray::<4>::DESC);
    let tight = Tight { number: 1, text: "sda".parse().unwrap() };
    assert_eq!({ tight.text }.to_str(), Ok("sda"));
    assert_eq!(bytes_of(&tight)[4..], *b"sda\0");
}

#[test]
fn bit_fields_are_read_at_their_positions() {
    let bits: Bits = zeroed();
    let bits = bits
        .with_a(Small::Last.into())
        .with_b(Enum::from_number(5))
        .with_c(0x1ff)
        .with_d(Enum::from_number(0x0abc_def5))
        .with_e(true)
        .with_f(true.into())
        .with_g(Wrapped(0x1555))
        .with_h(Level::BELOW);
    assert_eq!((bits.a().get(), bits.b().number(), bits.c()), (Ok(Small::Last), 5, 0x1ff));
    assert_eq!((bits.d().number(), bits.e()), (0x0abc_def5, true));
    assert_eq!((bool::from(bits.f()), bits.g(), bits.h()), (true, Wrapped(0x1555), Level::BELOW));
    // `a` leaves two bits of the byte, which are too few for `b`.
    assert_eq!(bytes_of(&bits)[4..7], [7, 5, 0xff]);
    let packed: Packed = zeroed();
    let packed = packed.with_b(Enum::from_number(0x3f)).with_c(0x3fff_ffff);
    assert_eq!(bytes_of(&packed), [0xc0, 0xff, 0xff, 0xff, 0xff, 0x03]);
    assert_eq!(Overlay::from_small(Enum::from_number(3)).small().number(), 3);
}

#[test]
fn enums_have_the_numbers_that_rust_computes() {
    let variants =
        &[("FLAG_SEEN", 1), ("FLAG_LATE", 16), ("FLAG_NEXT", 17), ("FLAG_ALL", 0xffff_ffff)];
    let expected = TypeDesc::Enum { name: "flag", size: 4, signed: false, variants };
    assert_eq!(<Flag as BpfEnum>::DESC, &expected);
    assert_eq!(Enum::<Flag>::from_number(17).get(), Ok(Flag::Next));
    let variants = &[("SIGN_BELOW", -4), ("SIGN_LEAST", i64::MIN)];
    let expected = TypeDesc::Enum { name: "sign", size: 8, signed: true, variants };
    assert_eq!(<Sign as BpfEnum>::DESC, &expected);
    assert_eq!([Level::ONE, Level::LATE, Level::SAME].map(|level| level.0), [1, 16, -1]);
    let variants = &[("LEVEL_ONE", 1), ("LEVEL_LATE", 16), ("LEVEL_BELOW", -1), ("LEVEL_SAME", -1)];
    let expected = TypeDesc::Enum { name: "level", size: 2, signed: true, variants };
    assert_eq!(Level::DESC, &expected);

    let checked = checked();
    for (name, numbers) in [
        ("flag", vec![1, 16, 17, 0xffff_ffff]),
        ("sign", vec![-4, i64::MIN.into()]),
        ("level", vec![1, 16, -1, -1]),
    ] {
        let def = checked.schema().types.iter().find(|def| def.name.value == name).unwrap();
        let TypeDefKind::Enum(body) = &def.kind else { panic!("{name}") };
        let read: Vec<i128> = body.variants.iter().map(|it| it.value.value).collect();
        assert_eq!(read, numbers, "{name}");
    }
}

#[test]
fn numbers_that_the_compiler_computes_reach_the_spec() {
    assert_eq!((Sized::DEF.pinning, Sized::DEF.key.size()), (Pinning::ByName, 8));
    assert_eq!((All::DEF.max_entries, Routes::DEF.max_entries), (Some(16), Some(16)));
    let TypeDesc::Struct { members, .. } = Wide::DESC else { panic!("it is a struct") };
    assert!(matches!(members[2].ty, TypeDesc::Evolved { was_padding: true, .. }));
    assert!(matches!(<Other as MapSpec>::DEF.value, TypeDesc::Array { len: 8, .. }));
    let checked = checked();
    let map = |name: &str| checked.schema().maps.iter().find(|map| map.name.value == name).unwrap();
    assert_eq!(map("sized").key.as_ref().map(|key| checked.resolved().layout(key).size), Some(8));
    assert_eq!(map("all").max_entries.as_ref().map(|entries| entries.value), Some(16));
}
