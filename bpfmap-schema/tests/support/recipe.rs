//! Random schemas.
//!
//! A recipe says what to make without names and without anything that could be wrong: a reference
//! counts from the end of the types before it, a width is taken modulo what the type allows. So
//! each part of a recipe can be left out, and the rest is still one.

use bpfmap_schema::ir::{
    Composite, Enum, InC, Int, Member, MemberType, Schema, Type, TypeDef, TypeDefKind, Variant,
};
use bpfmap_schema::source::Span;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

#[derive(Debug, Clone)]
pub(crate) struct Recipe {
    types: Vec<TypeRecipe>,
}

#[derive(Debug, Clone)]
enum TypeRecipe {
    Struct(Body),
    Union(Body),
    Enum { repr: Int },
    Alias(Ty),
}

#[derive(Debug, Clone)]
struct Body {
    packed: bool,
    /// The exponent of an alignment.
    align: Option<u32>,
    members: Vec<MemberRecipe>,
    /// An array of no elements in a struct, and before which member; often behind the last.
    marker: Option<(Ty, usize)>,
}

#[derive(Debug, Clone)]
enum MemberRecipe {
    Plain(Ty),
    BitField { ty: Ty, width: u32, named: bool },
    Struct { body: Body, named: bool },
    Union { body: Body, named: bool },
}

#[derive(Debug, Clone)]
enum Ty {
    Int(Int),
    Bool,
    Char,
    BigEndian(u32),
    Pointer,
    Array(Box<Ty>, u32),
    /// A type of the schema, counted back from the one that refers to it.
    Earlier(usize),
}

pub(crate) fn recipes() -> impl Strategy<Value = Recipe> {
    let definition = prop_oneof![
        5 => body(2).prop_map(TypeRecipe::Struct),
        2 => body(2).prop_map(TypeRecipe::Union),
        1 => int(8).prop_map(|repr| TypeRecipe::Enum { repr }),
        1 => ty().prop_map(TypeRecipe::Alias),
    ];
    vec(definition, 1..4).prop_map(|types| Recipe { types })
}

fn body(depth: u32) -> BoxedStrategy<Body> {
    let member = if depth == 0 { leaf_member().boxed() } else { nested_member(depth).boxed() };
    let parts = (
        prop::bool::weighted(0.3),
        option::weighted(0.2, 0..8_u32),
        vec(member, 1..5),
        option::weighted(0.1, (ty(), 0..8_usize)),
    );
    parts
        .prop_map(|(packed, align, members, marker)| Body { packed, align, members, marker })
        .boxed()
}

fn leaf_member() -> impl Strategy<Value = MemberRecipe> {
    prop_oneof![
        4 => ty().prop_map(MemberRecipe::Plain),
        4 => (ty(), 0..128_u32, prop::bool::weighted(0.85))
            .prop_map(|(ty, width, named)| MemberRecipe::BitField { ty, width, named }),
    ]
}

fn nested_member(depth: u32) -> impl Strategy<Value = MemberRecipe> {
    prop_oneof![
        10 => leaf_member(),
        1 => (body(depth - 1), any::<bool>())
            .prop_map(|(body, named)| MemberRecipe::Struct { body, named }),
        1 => (body(depth - 1), any::<bool>())
            .prop_map(|(body, named)| MemberRecipe::Union { body, named }),
    ]
}

fn ty() -> impl Strategy<Value = Ty> {
    let leaf = prop_oneof![
        8 => int(16).prop_map(Ty::Int),
        1 => Just(Ty::Bool),
        1 => Just(Ty::Char),
        2 => prop_oneof![Just(2), Just(4), Just(8)].prop_map(Ty::BigEndian),
        1 => Just(Ty::Pointer),
        4 => (0..4_usize).prop_map(Ty::Earlier),
    ];
    leaf.prop_recursive(2, 4, 1, |inner| {
        (inner, 1..5_u32).prop_map(|(element, len)| Ty::Array(Box::new(element), len))
    })
}

fn int(largest: u32) -> impl Strategy<Value = Int> {
    let sizes: Vec<u32> = [1, 2, 4, 8, 16].into_iter().filter(|size| *size <= largest).collect();
    (prop::sample::select(sizes), any::<bool>()).prop_map(|(size, signed)| Int { size, signed })
}

/// One schema of all the recipes, each with names of its own.
pub(crate) fn schema(recipes: &[(u64, Recipe)]) -> Schema {
    let mut schema = Schema { name: "random".to_owned().into(), ..Schema::default() };
    for (seed, recipe) in recipes {
        let mut maker = Maker { prefix: format!("c{seed}t"), made: vec![] };
        for recipe in &recipe.types {
            let def = maker.type_def(recipe);
            maker.made.push(def);
        }
        schema.types.extend(maker.made);
    }
    schema
}

struct Maker {
    prefix: String,
    made: Vec<TypeDef>,
}

impl Maker {
    fn type_def(&self, recipe: &TypeRecipe) -> TypeDef {
        let name = format!("{}{}", self.prefix, self.made.len());
        let kind = match recipe {
            TypeRecipe::Struct(body) => TypeDefKind::Struct(self.body(body, true)),
            TypeRecipe::Union(body) => TypeDefKind::Union(self.body(body, false)),
            TypeRecipe::Enum { repr } => {
                let low = if repr.signed { -1 } else { 0 };
                let variant = |name: &str, value: i128| Variant {
                    name: name.to_owned().into(),
                    value: value.into(),
                    doc: None,
                };
                let variants = vec![variant("low", low), variant("high", 1)];
                TypeDefKind::Enum(Enum { repr: (*repr).into(), prefix: None, variants })
            }
            TypeRecipe::Alias(ty) => TypeDefKind::Alias(self.ty(ty).into()),
        };
        TypeDef {
            name: name.into(),
            doc: None,
            kind,
            decl_tags: vec![],
            in_c: InC::default(),
            include: None,
        }
    }

    fn body(&self, recipe: &Body, with_marker: bool) -> Composite {
        let mut members: Vec<Member> = vec![];
        for recipe in &recipe.members {
            members.push(self.member(recipe, members.len()));
        }
        if let (true, Some((element, at))) = (with_marker, &recipe.marker) {
            let ty = Type::Array(Box::new(self.ty(element).into()), 0.into());
            let marker = member(Some(members.len()), MemberType::Type(ty.into()), None);
            members.insert(members.len().min(*at), marker);
        }
        let align = recipe.align.map(|exponent| (1 << exponent).into());
        Composite { packed: recipe.packed, align, members }
    }

    fn member(&self, recipe: &MemberRecipe, index: usize) -> Member {
        let name = |named: bool| named.then_some(index);
        match recipe {
            MemberRecipe::Plain(ty) => {
                member(Some(index), MemberType::Type(self.ty(ty).into()), None)
            }
            MemberRecipe::BitField { ty, width, named } => {
                let ty = self.ty(ty);
                let bits = self.widest(&ty).map(|widest| 1 + width % widest);
                // A type of nothing but unnamed bit-fields has no member at all.
                let named = *named || bits.is_none() || index == 0;
                member(name(named), MemberType::Type(ty.into()), bits)
            }
            MemberRecipe::Struct { body, named } => {
                member(name(*named), MemberType::Struct(self.nested(body, index)), None)
            }
            MemberRecipe::Union { body, named } => {
                member(name(*named), MemberType::Union(self.nested(body, index)), None)
            }
        }
    }

    /// Returns a body in place. Members of anonymous ones count as the outer type's, so their names
    /// tell where they are.
    fn nested(&self, recipe: &Body, index: usize) -> Composite {
        let mut body = self.body(recipe, false);
        rename(&mut body, &format!("{index}_"));
        body
    }

    fn ty(&self, recipe: &Ty) -> Type {
        match recipe {
            Ty::Int(int) => Type::Int(*int),
            Ty::Bool => Type::Bool,
            Ty::Char => Type::Char,
            Ty::BigEndian(size) => Type::BigEndian(*size),
            Ty::Pointer => Type::Pointer(None),
            Ty::Array(element, len) => {
                Type::Array(Box::new(self.ty(element).into()), (*len).into())
            }
            Ty::Earlier(back) => match self.made.len().checked_sub(1 + back) {
                // What ends in an array of no elements can only be last itself.
                Some(index) if !self.has_tail(&Type::Named(self.name(index))) => {
                    Type::Named(self.name(index))
                }
                _ => Type::Int(Int { size: 4, signed: false }),
            },
        }
    }

    fn name(&self, index: usize) -> String {
        format!("{}{index}", self.prefix)
    }

    fn made(&self, ty: &Type) -> Option<&TypeDefKind> {
        let Type::Named(name) = ty else { return None };
        self.made.iter().find(|def| def.name.value == *name).map(|def| &def.kind)
    }

    fn has_tail(&self, ty: &Type) -> bool {
        match self.made(ty) {
            Some(TypeDefKind::Struct(body)) => body.members.last().is_some_and(|last| {
                matches!(&last.ty, MemberType::Type(ty) if matches!(&ty.value, Type::Array(_, len) if len.value == 0))
            }),
            Some(TypeDefKind::Alias(target)) => self.has_tail(&target.value),
            _ => false,
        }
    }

    /// Returns the widest bit-field of a type, if it can be one.
    fn widest(&self, ty: &Type) -> Option<u32> {
        match ty {
            Type::Int(int) => Some(int.size * 8),
            Type::Bool => Some(1),
            Type::Named(_) => match self.made(ty)? {
                TypeDefKind::Enum(body) => Some(body.repr.value.size * 8),
                TypeDefKind::Alias(target) => self.widest(&target.value),
                _ => None,
            },
            _ => None,
        }
    }
}

fn member(index: Option<usize>, ty: MemberType, bits: Option<u32>) -> Member {
    Member {
        name: index.map(|index| format!("m{index}").into()),
        doc: None,
        ty,
        bits: bits.map(Into::into),
        decl_tags: vec![],
        renamed_from: None,
        default: None,
        span: Span::NONE,
    }
}

fn rename(body: &mut Composite, prefix: &str) {
    for member in &mut body.members {
        if let Some(name) = &mut member.name {
            name.value = format!("m{prefix}{}", &name.value[1..]);
        }
        if let (None, MemberType::Struct(inner) | MemberType::Union(inner)) =
            (&member.name, &mut member.ty)
        {
            rename(inner, prefix);
        }
    }
}
