//! The types and positions of members, keys, values and records.

use bpfmap_btf::is_padding_name;

use bpfmap_schema::check::Resolved;
use bpfmap_schema::ir::{Composite, Enum, Member, MemberType, Type, TypeDefKind};
use bpfmap_schema::layout::{CompositeLayout, TypeLayout};
use bpfmap_schema::source::{Span, Spanned};

/// One of the two types in a pair.
#[derive(Debug, Clone, Copy)]
pub struct End<'a> {
    /// The size and alignment of the type, in bytes.
    pub layout: TypeLayout,
    /// The type itself, with aliases resolved.
    pub view: View<'a>,
    /// The position of the type in the source.
    pub span: Span,
}

/// A type, in the form in which types of two schemas are compared.
#[derive(Debug, Clone, Copy)]
pub enum View<'a> {
    /// A struct or a union.
    Composite(Body<'a>),
    /// An array.
    Array(&'a Spanned<Type>, u32),
    /// An enum.
    Enum(&'a Enum),
    /// A type that has no members or elements, such as an integer.
    Scalar(&'a Type),
    /// Bytes for which the schema declares only a size.
    Opaque,
}

/// A struct or a union with its layout.
#[derive(Debug, Clone, Copy)]
pub struct Body<'a> {
    /// The declaration of the struct or union.
    pub body: &'a Composite,
    /// The layout of the struct or union.
    pub layout: &'a CompositeLayout,
    /// Whether this is a union.
    pub is_union: bool,
    /// The name, or `None` if the struct or union is declared where it is used.
    pub name: Option<&'a str>,
}

/// A member of a struct or union, with its position.
#[derive(Debug, Clone, Copy)]
pub struct PlacedMember<'a> {
    /// The declaration of the member, which always has a name.
    pub member: &'a Member,
    /// The offset of the member in bits. The offset is relative to the innermost struct or union
    /// that is not anonymous.
    pub bit_offset: u64,
    /// The size of the member in bits.
    pub bits: u64,
    /// Whether the member shares its bits with other members of a union.
    pub in_union: bool,
    /// The number of anonymous structs and unions that contain the member.
    pub depth: usize,
    layout: TypeLayout,
    nested: Option<&'a CompositeLayout>,
}

impl<'a> PlacedMember<'a> {
    /// Returns the name of the member.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.member.name.as_ref().map_or("", |name| &name.value)
    }

    /// Returns the type of the member.
    pub(super) fn end(&self, resolved: Resolved<'a>) -> End<'a> {
        let body = |body: &'a Composite, is_union: bool| match self.nested {
            Some(layout) => View::Composite(Body { body, layout, is_union, name: None }),
            None => View::Opaque,
        };
        let (view, span) = match &self.member.ty {
            MemberType::Type(ty) => (view(resolved, &ty.value), ty.span),
            MemberType::Struct(inner) => (body(inner, false), self.member.span),
            MemberType::Union(inner) => (body(inner, true), self.member.span),
        };
        End { layout: self.layout, view, span }
    }

    /// Returns whether this member shares at least one bit with `other`.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let end = |place: &Self| place.bit_offset.saturating_add(place.bits);
        self.bit_offset < end(other) && other.bit_offset < end(self)
    }
}

/// Returns all members with names, including members of anonymous members.
pub(super) fn places(body: Body<'_>) -> Vec<PlacedMember<'_>> {
    let mut places = vec![];
    push_places(body.body, body.layout, (0, body.is_union, 0), &mut places);
    places
}

fn push_places<'a>(
    body: &'a Composite,
    layout: &'a CompositeLayout,
    (start, in_union, depth): (u64, bool, usize),
    places: &mut Vec<PlacedMember<'a>>,
) {
    for (member, lies) in body.members.iter().zip(&layout.members) {
        let bit_offset = start.saturating_add(lies.bit_offset);
        match (&member.name, &member.ty, &lies.nested) {
            (Some(name), ..) if is_padding_name(&name.value) => {}
            (Some(_), ..) => places.push(PlacedMember {
                member,
                bit_offset,
                bits: lies.bits,
                in_union,
                depth,
                layout: lies.ty,
                nested: lies.nested.as_ref(),
            }),
            (None, MemberType::Struct(body), Some(nested)) => {
                push_places(body, nested, (bit_offset, in_union, depth + 1), places);
            }
            (None, MemberType::Union(body), Some(nested)) => {
                push_places(body, nested, (bit_offset, true, depth + 1), places);
            }
            // A bit-field without a name is padding.
            (None, ..) => {}
        }
    }
}

pub(super) fn end_of<'a>(resolved: Resolved<'a>, ty: &'a Spanned<Type>) -> End<'a> {
    let layout = resolved.layouts().of(&ty.value);
    End { layout, view: view(resolved, &ty.value), span: ty.span }
}

pub(super) fn view<'a>(resolved: Resolved<'a>, ty: &'a Type) -> View<'a> {
    let ty = resolved.without_aliases(ty);
    let named = match ty {
        Type::Array(element, len) => return View::Array(element, len.value),
        Type::Named(name) => name,
        _ => return View::Scalar(ty),
    };
    let Some(def) = resolved.type_def(named) else { return View::Scalar(ty) };
    let (body, is_union) = match &def.kind {
        TypeDefKind::Struct(body) => (body, false),
        TypeDefKind::Union(body) => (body, true),
        TypeDefKind::Enum(body) => return View::Enum(body),
        TypeDefKind::Alias(_) => return View::Scalar(ty),
    };
    match resolved.layouts().composite(named) {
        Some(layout) => View::Composite(Body { body, layout, is_union, name: Some(named) }),
        None => View::Scalar(ty),
    }
}
