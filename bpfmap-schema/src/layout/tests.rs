use super::*;
use crate::ir::{Enum, InC, Int, Member, TypeDef};
use crate::source::Span;

fn int(size: u32) -> Type {
    Type::Int(Int { size, signed: false })
}

fn member(name: &str, ty: Type) -> Member {
    Member {
        name: Some(name.to_owned().into()),
        doc: None,
        ty: MemberType::Type(ty.into()),
        bits: None,
        decl_tags: vec![],
        renamed_from: None,
        default: None,
        span: Span::NONE,
    }
}

fn bits(name: &str, ty: Type, width: u32) -> Member {
    Member { bits: Some(width.into()), ..member(name, ty) }
}

fn def(name: &str, kind: TypeDefKind) -> TypeDef {
    TypeDef {
        name: name.to_owned().into(),
        doc: None,
        kind,
        decl_tags: vec![],
        in_c: InC::default(),
        include: None,
    }
}

fn body(members: Vec<Member>) -> Composite {
    Composite { members, ..Composite::default() }
}

fn layouts(types: Vec<TypeDef>) -> Layouts {
    Layouts::new(&Schema { types, ..Schema::default() })
}

fn layout_of_struct(body: Composite) -> CompositeLayout {
    layouts(vec![def("t", TypeDefKind::Struct(body))]).composite("t").unwrap().clone()
}

fn offsets(layout: &CompositeLayout) -> Vec<u64> {
    layout.members.iter().map(|member| member.bit_offset).collect()
}

fn runs(layout: &CompositeLayout) -> Vec<(u64, u64)> {
    layout.padding.iter().map(|padding| (padding.bit_offset, padding.bits)).collect()
}

#[test]
fn a_struct_has_padding_between_members_and_at_the_end() {
    let layout =
        layout_of_struct(body(vec![member("a", int(1)), member("b", int(4)), member("c", int(2))]));
    assert_eq!((layout.size, layout.align), (12, 4));
    assert_eq!(offsets(&layout), [0, 32, 64]);
    assert_eq!(runs(&layout), [(8, 24), (80, 16)]);
}

#[test]
fn a_bit_field_crosses_a_boundary_of_its_type_only_if_packed() {
    let members = vec![bits("a", int(4), 20), bits("b", int(4), 20), bits("c", int(1), 3)];
    let layout = layout_of_struct(body(members.clone()));
    assert_eq!((layout.size, offsets(&layout)), (8, vec![0, 32, 52]));
    assert_eq!(runs(&layout), [(20, 4), (24, 8), (55, 1), (56, 8)]);
    let packed = layout_of_struct(Composite { packed: true, ..body(members) });
    assert_eq!((packed.size, packed.align, offsets(&packed)), (6, 1, vec![0, 20, 40]));
}

#[test]
fn an_unnamed_bit_field_is_padding_and_does_not_align() {
    let unnamed = Member { name: None, ..bits("", int(4), 9) };
    let layout = layout_of_struct(body(vec![bits("a", int(1), 3), unnamed, bits("b", int(1), 2)]));
    assert_eq!((layout.size, layout.align), (2, 1));
    assert_eq!(runs(&layout), [(3, 5), (8, 4), (14, 2)]);
}

#[test]
fn the_size_of_a_packed_and_aligned_type_is_rounded_up() {
    let layout = layout_of_struct(Composite {
        packed: true,
        align: Some(8.into()),
        members: vec![member("a", int(1)), member("b", int(8))],
    });
    assert_eq!((layout.size, layout.align, offsets(&layout)), (16, 8, vec![0, 8]));
    assert_eq!(runs(&layout), [(72, 56)]);
}

#[test]
fn a_union_is_padded_as_a_whole() {
    let array = Type::Array(Box::new(int(1).into()), 5.into());
    let union = body(vec![member("a", int(4)), member("b", array)]);
    let layouts = layouts(vec![def("u", TypeDefKind::Union(union))]);
    let layout = layouts.composite("u").unwrap();
    assert_eq!((layout.size, layout.align), (8, 4));
    assert_eq!(runs(layout), [(0, 64)]);
}

#[test]
fn anonymous_members_share_the_numbers_of_padding() {
    let inner = body(vec![member("x", int(1)), member("y", int(2))]);
    let anonymous = Member { name: None, ty: MemberType::Struct(inner), ..member("", int(1)) };
    let layout =
        layout_of_struct(body(vec![member("__pad1", int(1)), anonymous, member("z", int(1))]));
    assert_eq!(layout.padding.iter().map(|pad| pad.number).collect::<Vec<_>>(), [0, 3]);
    let nested = layout.members[1].nested.as_ref().unwrap();
    assert_eq!(nested.padding.iter().map(|pad| pad.number).collect::<Vec<_>>(), [2]);
}

#[test]
fn an_empty_array_is_declared_before_the_padding_after_it() {
    let nothing = Type::Array(Box::new(int(1).into()), 0.into());
    let body = body(vec![member("a", int(8)), member("b", int(1)), member("rest", nothing)]);
    let layout = layout_of_struct(body.clone());
    assert_eq!((layout.size, offsets(&layout)), (16, vec![0, 64, 72]));
    let last = layout.items(&body).last().unwrap();
    assert!(matches!(last, Item::Padding(Padding { bit_offset: 72, bits: 56, .. })), "{last:?}");
}

#[test]
fn a_type_comes_after_the_types_that_it_contains_and_keeps_its_order_otherwise() {
    let named = |name: &str| Type::Named(name.to_owned());
    let pointer = |name: &str| Type::Pointer(Some(Box::new(named(name).into())));
    let layouts = layouts(vec![
        def(
            "a",
            TypeDefKind::Struct(body(vec![member("x", named("c")), member("p", pointer("b"))])),
        ),
        def("b", TypeDefKind::Struct(body(vec![member("p", pointer("alias"))]))),
        def(
            "c",
            TypeDefKind::Enum(Enum {
                repr: Int { size: 2, signed: true }.into(),
                prefix: None,
                variants: vec![],
            }),
        ),
        def("alias", TypeDefKind::Alias(pointer("b").into())),
    ]);
    assert_eq!(layouts.definition_order(), [2, 0, 3, 1]);
    assert_eq!(layouts.named("a"), Some(TypeLayout { size: 16, align: 8 }));
}

#[test]
fn cycles_and_huge_sizes_do_not_panic() {
    let named = |name: &str| Type::Named(name.to_owned());
    let mut huge = int(16);
    for _ in 0..4 {
        huge = Type::Array(Box::new(huge.into()), u32::MAX.into());
    }
    let layouts = layouts(vec![
        def("a", TypeDefKind::Struct(body(vec![member("x", named("a")), member("y", int(1))]))),
        def("b", TypeDefKind::Alias(named("b").into())),
        def("c", TypeDefKind::Struct(body(vec![member("x", huge), member("y", int(8))]))),
    ]);
    assert_eq!(layouts.definition_order().len(), 3);
    assert_eq!(layouts.named("c").unwrap().size, u64::MAX / 8 + 1);
}

#[test]
fn a_long_chain_of_types_needs_no_deep_stack() {
    let length = 200_000;
    let types = (0..length)
        .map(|index| {
            let inner =
                if index + 1 == length { int(1) } else { Type::Named(format!("t{}", index + 1)) };
            def(&format!("t{index}"), TypeDefKind::Struct(body(vec![member("x", inner)])))
        })
        .collect();
    assert_eq!(layouts(types).named("t0"), Some(TypeLayout { size: 1, align: 1 }));
}
