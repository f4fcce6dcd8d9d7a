//! What each struct and union becomes in Rust.
//!
//! A struct becomes a `repr(C)` struct with its members as `pub` fields, and named padding. What
//! Rust can't hold as a field of the right type at the right place lives in a field of bytes
//! beside them and has methods, see [`Place`]:
//!
//! - bit-fields;
//! - every member of a union: a union is a struct of bytes, so that no member is ever read that
//!   safe code could not have written;
//! - in a packed struct, members whose type has an alignment that Rust calls explicit
//!   (`repr(align)`), since Rust refuses those in `repr(packed)`: unions, aligned structs, timers;
//! - in a struct that is both packed and aligned, which Rust refuses too and which therefore is not
//!   `repr(packed)`, members at an offset that their type's alignment does not divide.

use bpfmap_core::SpecialField;
use bpfmap_schema::check::{Checked, Resolved};
use bpfmap_schema::ir::{Composite, Int, Member, MemberType, Target, Type, TypeDefKind};
use bpfmap_schema::layout::{CompositeLayout, Item, MemberLayout};
use bpfmap_schema::print::rust::accessor::{AccessorNames, Methods, StoredAt};
use bpfmap_schema::print::rust::alignment::{ExplicitlyAligned, Form, explicitly_aligned};
use bpfmap_schema::print::rust::names::{Names, Scope, camel, plain};
use bpfmap_schema::print::rust::spelling::{int_name, is_held_in_bytes, special_field_type};

/// A struct or union in Rust.
#[derive(Debug)]
pub(crate) struct Shape<'a> {
    /// Its Rust name.
    pub(crate) name: String,
    /// Where its members lie.
    pub(crate) layout: &'a CompositeLayout,
    /// Whether it is a union.
    pub(crate) is_union: bool,
    /// Whether it is `repr(packed)`.
    pub(crate) packed: bool,
    /// The alignment that `repr(align)` has to give it.
    pub(crate) align: Option<u64>,
    /// Its fields: members, storage of members, padding.
    pub(crate) fields: Vec<Field<'a>>,
    /// Its members, in the order of the schema; unnamed bit-fields are left out.
    pub(crate) members: Vec<ShapeMember<'a>>,
    /// The structs and unions that are written in place.
    pub(crate) nested: Vec<Shape<'a>>,
}

/// A field of the Rust struct.
#[derive(Debug)]
pub(crate) struct Field<'a> {
    /// Its name.
    pub(crate) name: String,
    /// Its type.
    pub(crate) ty: String,
    /// Where it begins, in bytes.
    pub(crate) offset: u64,
    /// The member that it is, unless it is storage or padding.
    pub(crate) member: Option<&'a Member>,
    /// The methods that show what is stored in it.
    pub(crate) views: Vec<String>,
}

/// A member in Rust.
#[derive(Debug)]
pub(crate) struct ShapeMember<'a> {
    /// What the schema says.
    pub(crate) member: &'a Member,
    /// Where it lies.
    pub(crate) layout: &'a MemberLayout,
    /// What it holds.
    pub(crate) ty: ValueType,
    /// How it is read and written.
    pub(crate) place: Place,
}

/// The type of the values that a member is read and written as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ValueType {
    /// The type: `u32`, `[u8; 4]`, `IpAddr`, `bool` for a bit-field of one.
    pub(crate) name: String,
    /// For a bit-field of an enum: the newtype's name, around the integer that the bits are.
    pub(crate) newtype: Option<String>,
}

/// How a member is read and written, where `x` is the struct or union that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// Read as `x.field`, written as `x.field = value`. In a packed struct take a copy before
    /// calling a method on it, since Rust makes no reference to such a field.
    Field(String),
    /// Read as `x.member()`, written as `x.set_member(value)`.
    Methods {
        /// The names of the methods. What builds a value is, of a struct, `with_member(self, value)
        /// -> Self`; of a union, `from_member(value) -> Self`, the other bytes zero.
        names: AccessorNames,
        /// The field that stores it.
        storage: String,
        /// Where in the storage it begins or, a bit-field, which bits of it it takes.
        at: StoredAt,
    },
}

/// The shapes of all structs and unions of a schema, in the order of their definitions.
pub(crate) fn shapes<'a>(checked: &'a Checked, names: &mut Names<'a>) -> Vec<Shape<'a>> {
    let schema = checked.schema();
    let explicit = explicitly_aligned(schema, checked.layouts(), Form::Generated);
    let mut builder = Builder { resolved: checked.resolved(), names, explicit };
    let shapes = schema.types.iter().filter_map(|def| {
        let layout = checked.layouts().composite(&def.name.value)?;
        let name = builder.names.ty(&def.name.value).to_owned();
        match &def.kind {
            TypeDefKind::Struct(body) => Some(builder.of_struct(name, body, layout)),
            TypeDefKind::Union(body) => Some(builder.of_union(name, body, layout)),
            TypeDefKind::Enum(_) | TypeDefKind::Alias(_) => None,
        }
    });
    shapes.collect()
}

/// `ty` as Rust writes it.
pub(crate) fn type_name(names: &Names<'_>, ty: &Type) -> String {
    match ty {
        Type::Int(int) => int_name(*int).to_owned(),
        Type::Bool => "::bpfmap::Bool".to_owned(),
        Type::Char => "u8".to_owned(),
        Type::BigEndian(size) => format!("::bpfmap::Be{}", u64::from(*size) * 8),
        Type::Array(element, len) => {
            format!("[{}; {}]", type_name(names, &element.value), len.value)
        }
        Type::Pointer(_) => "::bpfmap::KernelPtr".to_owned(),
        Type::Named(name) => names.ty(name).to_owned(),
        Type::Special(field, target) => special_field_name(names, *field, target.as_deref()),
    }
}

fn special_field_name(names: &Names<'_>, field: SpecialField, target: Option<&Target>) -> String {
    let name = special_field_type(field);
    match (field, target) {
        (SpecialField::UserPtr, Some(target)) => {
            format!("::bpfmap::{name}<{}>", names.ty(&target.name.value))
        }
        _ => format!("::bpfmap::{name}"),
    }
}

struct Builder<'a, 'n> {
    resolved: Resolved<'a>,
    names: &'n mut Names<'a>,
    explicit: ExplicitlyAligned<'a>,
}

impl<'a> Builder<'a, '_> {
    fn of_union(
        &mut self,
        name: String,
        body: &'a Composite,
        layout: &'a CompositeLayout,
    ) -> Shape<'a> {
        let mut methods = Methods::default();
        let mut nested = vec![];
        let mut anonymous = 0;
        let named = name_members(body, layout, &mut methods.scope, &mut anonymous);
        let mut members = vec![];
        for (member, at, ident) in named {
            let at_storage = match &member.bits {
                Some(_) => StoredAt::Bits(0..at.bits),
                None => StoredAt::Byte(0),
            };
            let ty = self.value_type(&name, member, at, &ident, &mut nested);
            let place = Place::stored(ident, "bytes", at_storage);
            members.push(ShapeMember { member, layout: at, ty, place });
        }
        name_setters(&mut methods, &mut members, true);
        let views = members.iter().filter_map(|member| member.place.getter()).collect();
        let fields = vec![Field {
            name: "bytes".to_owned(),
            ty: format!("[u8; {}]", layout.size),
            offset: 0,
            member: None,
            views,
        }];
        let align = (layout.align > 1).then_some(layout.align);
        Shape { name, layout, is_union: true, packed: false, align, fields, members, nested }
    }

    fn of_struct(
        &mut self,
        name: String,
        body: &'a Composite,
        layout: &'a CompositeLayout,
    ) -> Shape<'a> {
        let packed = body.packed && layout.align == 1 && has_wide_field(body, layout);
        let mut scope = Scope::default();
        let mut methods = Methods::default();
        let mut anonymous = 0;
        let named = name_members(body, layout, &mut scope, &mut anonymous);
        let mut named = named.into_iter();
        let (mut fields, mut members, mut nested) = (vec![], vec![], vec![]);
        let mut run: Option<BitRun> = None;
        let mut runs = 0;
        for item in layout.items(body) {
            if let Some((start, end)) = shared_bytes(body, item) {
                if let Some(run) = &mut run {
                    run.end = run.end.max(end);
                } else {
                    let name = scope.take_numbered("bits", &mut runs);
                    run = Some(BitRun { name, start, end, views: vec![] });
                }
            } else if let Some(run) = run.take() {
                fields.push(run.field());
            }
            let at = match item {
                Item::Member(_, at) => at,
                Item::Padding(padding) => {
                    if let Some(bytes) = padding.bytes() {
                        fields.push(Field {
                            name: scope.take(&padding.name()),
                            ty: format!("[u8; {bytes}]"),
                            offset: padding.bit_offset / 8,
                            member: None,
                            views: vec![],
                        });
                    }
                    continue;
                }
            };
            let Some((member, _, ident)) = named.next() else { continue };
            let ty = self.value_type(&name, member, at, &ident, &mut nested);
            let place = if let (Some(_), Some(run)) = (&member.bits, &mut run) {
                let first = at.bit_offset - run.start * 8;
                let get = methods.scope.take(plain(&ident));
                run.views.push(get.clone());
                Place::stored(get, &run.name, StoredAt::Bits(first..first + at.bits))
            } else if is_held_in_bytes(&self.explicit, body, layout, packed, member, at) {
                let storage = scope.take(&format!("{}_bytes", plain(&ident)));
                let get = methods.scope.take(plain(&ident));
                fields.push(Field {
                    name: storage.clone(),
                    ty: format!("[u8; {}]", at.ty.size),
                    offset: at.offset(),
                    member: None,
                    views: vec![get.clone()],
                });
                Place::stored(get, &storage, StoredAt::Byte(0))
            } else {
                fields.push(Field {
                    name: ident.clone(),
                    ty: ty.name.clone(),
                    offset: at.offset(),
                    member: Some(member),
                    views: vec![],
                });
                Place::Field(ident)
            };
            members.push(ShapeMember { member, layout: at, ty, place });
        }
        fields.extend(run.map(BitRun::field));
        name_setters(&mut methods, &mut members, false);
        // What the fields do not bring about by themselves has to be said.
        let natural = members
            .iter()
            .filter(|member| matches!(member.place, Place::Field(_)))
            .map(|member| member.layout.ty.align)
            .max()
            .unwrap_or(1);
        let align = (!packed && layout.align > natural).then_some(layout.align);
        Shape { name, layout, is_union: false, packed, align, fields, members, nested }
    }

    fn value_type(
        &mut self,
        parent: &str,
        member: &'a Member,
        at: &'a MemberLayout,
        ident: &str,
        nested: &mut Vec<Shape<'a>>,
    ) -> ValueType {
        let ty = match (&member.ty, &at.nested) {
            (MemberType::Type(ty), _) if member.bits.is_some() => {
                return self.bit_field_type(&ty.value);
            }
            (MemberType::Type(ty), _) => type_name(self.names, &ty.value),
            (MemberType::Struct(body), Some(layout)) => {
                let name = self.names.take_type(&format!("{parent}{}", camel(plain(ident))));
                nested.push(self.of_struct(name.clone(), body, layout));
                name
            }
            (MemberType::Union(body), Some(layout)) => {
                let name = self.names.take_type(&format!("{parent}{}", camel(plain(ident))));
                nested.push(self.of_union(name.clone(), body, layout));
                name
            }
            (MemberType::Struct(_) | MemberType::Union(_), None) => "()".to_owned(),
        };
        ValueType { name: ty, newtype: None }
    }

    fn bit_field_type(&self, ty: &Type) -> ValueType {
        match self.resolved.without_aliases(ty) {
            Type::Bool => ValueType { name: "bool".to_owned(), newtype: None },
            Type::BigEndian(size) => {
                let name = int_name(Int { size: *size, signed: false }).to_owned();
                ValueType { name, newtype: None }
            }
            Type::Named(name) => {
                let name = self.names.ty(name).to_owned();
                ValueType { newtype: Some(name.clone()), name }
            }
            _ => ValueType { name: type_name(self.names, ty), newtype: None },
        }
    }
}

/// The members that are no padding, each with a name that no other has.
fn name_members<'a>(
    body: &'a Composite,
    layout: &'a CompositeLayout,
    scope: &mut Scope,
    anonymous: &mut u32,
) -> Vec<(&'a Member, &'a MemberLayout, String)> {
    let items: Vec<_> = layout
        .items(body)
        .filter_map(|item| match item {
            Item::Member(index, at) => Some((&body.members[index], at)),
            Item::Padding(_) => None,
        })
        .collect();
    // The author's names first, so that none of them gives way to a generated one.
    let names: Vec<_> = items
        .iter()
        .map(|(member, _)| member.name.as_ref().map(|name| scope.take(&name.value)))
        .collect();
    let members = items.into_iter().zip(names).map(|((member, at), name)| {
        let name = name.unwrap_or_else(|| scope.take_numbered("anon", anonymous));
        (member, at, name)
    });
    members.collect()
}

impl Place {
    /// A member in bytes; the setters get their names later.
    fn stored(get: String, storage: &str, at: StoredAt) -> Self {
        let names = AccessorNames { get, ..AccessorNames::default() };
        Self::Methods { names, storage: storage.to_owned(), at }
    }

    fn getter(&self) -> Option<String> {
        match self {
            Self::Field(_) => None,
            Self::Methods { names, .. } => Some(names.get.clone()),
        }
    }
}

fn name_setters(methods: &mut Methods, members: &mut [ShapeMember<'_>], is_union: bool) {
    for member in members {
        if let Place::Methods { names, .. } = &mut member.place {
            methods.name_setters(names, is_union);
        }
    }
}

/// Whether a member that is no bit-field has an alignment that `repr(packed)` has to take away.
fn has_wide_field(body: &Composite, layout: &CompositeLayout) -> bool {
    let mut members = body.members.iter().zip(&layout.members);
    members.any(|(member, at)| member.bits.is_none() && at.ty.align > 1)
}

/// Bytes that bit-fields share.
struct BitRun {
    name: String,
    start: u64,
    end: u64,
    views: Vec<String>,
}

impl BitRun {
    fn field<'a>(self) -> Field<'a> {
        Field {
            ty: format!("[u8; {}]", self.end - self.start),
            name: self.name,
            offset: self.start,
            member: None,
            views: self.views,
        }
    }
}

/// The bytes of an item that is a bit-field, or padding beside one.
fn shared_bytes(body: &Composite, item: Item<'_>) -> Option<(u64, u64)> {
    let (first, bits) = match item {
        Item::Member(index, at) if body.members[index].bits.is_some() => (at.bit_offset, at.bits),
        Item::Padding(padding) if padding.bytes().is_none() => (padding.bit_offset, padding.bits),
        _ => return None,
    };
    Some((first / 8, (first + bits).div_ceil(8)))
}
