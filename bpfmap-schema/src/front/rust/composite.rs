//! Reads structs, unions, and newtypes (structs with one unnamed field).

use std::ops::Range;

use proc_macro2::{Span as TokenSpan, TokenStream};
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{Attribute, Data, DeriveInput, Expr, Field, Fields, Ident, Lit, Token};

use super::attributes::{Entries, Entry, Value, doc, only_own};
use super::enumeration::{self, NamedValue, repr_int};
use super::item::{Later, Number, Reader, TypeItem};
use super::types::{self, Hints, placeholder};
use crate::diagnostics::Finding;
use crate::ir::{Composite, DefaultValue, InC, Int, Member, MemberType, TypeDef, TypeDefKind};
use crate::rules;
use crate::source::{Span, Spanned};

/// The role of a field of a Rust struct or union in the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldRole {
    /// The field is a member.
    Member {
        /// The index of the member.
        index: usize,
        /// Whether the member has no name in C, because it is an anonymous struct or union.
        anonymous: bool,
        /// The number of padding bytes that follow the value, so that the member is as large as its
        /// union. `None` if only the compiler knows the number, `Some(0)` if there is no padding.
        padding: Option<u32>,
    },
    /// The field contains the bytes of one or more bit-fields.
    Bits {
        /// The indices of the bit-fields among the members.
        members: Range<usize>,
        /// The array of bytes.
        storage: Storage,
    },
    /// The field contains the bytes of a member. Rust can't have a field with the member's own type at this offset.
    Holds {
        /// The index of the member.
        index: usize,
        /// The array of bytes.
        storage: Storage,
    },
    /// The field is padding.
    Padding(Storage),
}

/// A field that is an array of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Storage {
    /// The number of bytes, or `None` if only the compiler knows the number.
    pub bytes: Option<u32>,
    /// The position of the field in the source.
    pub place: Span,
}

/// The Rust representation of a type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Repr {
    /// Whether the type has `repr(packed)`.
    pub packed: bool,
    /// The number N in `repr(align(N))`, if the type has this attribute.
    pub align: Option<u32>,
    /// Whether the alignment in the IR comes only from `repr(align(N))`. If the members result in the same alignment in
    /// C, the schema does not have to set the alignment.
    pub align_may_be_natural: bool,
}

/// The attributes of an item.
pub(super) struct Opening {
    pub(super) name: Spanned<String>,
    pub(super) decl_tags: Vec<Spanned<String>>,
    pub(super) in_c: InC,
    /// For an enum, the prefix of the names of its variants in C.
    pub(super) prefix: Option<Spanned<String>>,
    pub(super) repr: RustRepr,
    in_place: bool,
    pub(super) std_traits: Option<Ident>,
    packed: bool,
    align: Option<Spanned<u32>>,
    /// For a newtype that represents a C enum, the variants of the enum.
    variants: Option<Vec<NamedValue>>,
}

/// The words of `#[repr(…)]`.
#[derive(Default)]
pub(super) struct RustRepr {
    c: bool,
    transparent: bool,
    packed: bool,
    align: Option<Spanned<u32>>,
    pub(super) int: Option<Spanned<Int>>,
}

impl Opening {
    pub(super) fn read(reader: &Reader<'_>, input: &DeriveInput, what: &'static str) -> Self {
        let mut entries = Entries::read(reader, &input.attrs, "bpf_type", what);
        let name = entries.string("name");
        let decl_tags = entries.strings("tag");
        let in_c = InC {
            typedef: entries.flag("typedef").is_some(),
            kernel: entries.flag("kernel").is_some(),
        };
        let prefix = entries.string("prefix");
        entries.take("crate");
        let (mut in_place, mut packed, mut align, mut variants) = (false, false, None, None);
        let mut std_traits = None;
        if !matches!(input.data, Data::Enum(_)) {
            in_place = entries.flag("in_place").is_some();
            std_traits = entries.flag("std_traits");
            packed = entries.flag("packed").is_some();
            align = entries.expression("align").and_then(|expression| {
                let number = reader.u32(&expression, "`align`");
                reader.or_later(number, &expression, (Later::Align, 1))
            });
            variants = entries.list("variants", "variants(name = 0, …)", NamedValue::parse_all);
        }
        entries.finish();
        if !input.generics.params.is_empty() {
            reader.report(
                Finding::new(
                    &rules::RUST_TYPE,
                    reader.place(&input.generics.params),
                    "a type of a schema can't be generic, because C has no generic types",
                )
                .help("write a separate type for each type argument"),
            );
        }
        let name = reader.name(&input.ident, name);
        let repr = RustRepr::read(reader, &input.attrs);
        Self { name, decl_tags, in_c, prefix, repr, in_place, std_traits, packed, align, variants }
    }
}

impl RustRepr {
    fn read(reader: &Reader<'_>, attributes: &[Attribute]) -> Self {
        let mut repr = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("repr")) {
            let parser = Punctuated::<Entry, Token![,]>::parse_terminated;
            // The compiler reports this mistake, so a second message is not necessary.
            let Ok(entries) = attribute.parse_args_with(parser) else { continue };
            for entry in entries {
                repr.entry(reader, &entry);
            }
        }
        repr
    }

    fn entry(&mut self, reader: &Reader<'_>, entry: &Entry) {
        let word = entry.word.to_string();
        let argument = || match &entry.value {
            Value::List(tokens) => syn::parse2::<Expr>(tokens.clone()).ok(),
            _ => None,
        };
        match word.as_str() {
            "C" => self.c = true,
            "transparent" => self.transparent = true,
            "packed" => {
                self.packed = true;
                let bytes = argument().and_then(|bytes| reader.u32(&bytes, "`packed`").known());
                if let Some(bytes) = bytes.filter(|bytes| bytes.value != 1) {
                    reader.report(
                        Finding::new(
                            &rules::RUST_REPR,
                            bytes.span,
                            "a packed type must have an alignment of 1 byte",
                        )
                        .help("write `packed`, or order the members so that no padding is needed"),
                    );
                }
            }
            "align" => {
                self.align = argument().and_then(|bytes| reader.u32(&bytes, "`align`").known());
            }
            other => {
                let span = reader.place_of(entry.word.span());
                self.int = repr_int(other).map(|int| Spanned::new(int, span)).or(self.int);
            }
        }
    }
}

pub(super) fn read(reader: &Reader<'_>, input: &DeriveInput) -> TypeItem {
    let (what, is_union) = match &input.data {
        Data::Union(_) => ("a union", true),
        _ => ("a struct", false),
    };
    let opening = Opening::read(reader, input, what);
    let fields = match &input.data {
        Data::Struct(body) => &body.fields,
        Data::Union(body) => {
            return composite(reader, input, opening, &body.fields.named, is_union);
        }
        Data::Enum(_) => return composite(reader, input, opening, &Punctuated::new(), false),
    };
    if opening.repr.transparent {
        if let Some(variants) = &opening.variants {
            return enumeration::new_type(reader, input, &opening, variants, fields);
        }
        return alias(reader, input, opening, fields);
    }
    match fields {
        Fields::Named(fields) => composite(reader, input, opening, &fields.named, is_union),
        Fields::Unnamed(_) | Fields::Unit => {
            reader.report(
                Finding::new(
                    &rules::RUST_TYPE,
                    reader.place_of(input.ident.span()),
                    format!("the struct `{}` must have named members", input.ident),
                )
                .help("write `{ name: TYPE, … }`, or `#[repr(transparent)]` for a newtype"),
            );
            composite(reader, input, opening, &Punctuated::new(), false)
        }
    }
}

/// Reads a newtype, which becomes an alias of the type of its field.
fn alias(reader: &Reader<'_>, input: &DeriveInput, opening: Opening, fields: &Fields) -> TypeItem {
    if fields.is_empty() {
        let name = &input.ident;
        reader.report(
            Finding::new(
                &rules::RUST_TYPE,
                reader.place_of(name.span()),
                format!("expected one member in the newtype `{name}`, found none"),
            )
            .help(format!("write `struct {name}(TYPE);`")),
        );
    }
    let mut fields = fields.iter();
    let target = fields.next().and_then(|field| {
        let mut entries = Entries::read(reader, &field.attrs, "bpf", "the member of a newtype");
        let hints = Hints::take(reader, &mut entries);
        entries.finish();
        types::read(reader, &field.ty, hints)
    });
    if let Some(more) = fields.next() {
        reader.report(
            Finding::new(
                &rules::RUST_TYPE,
                reader.place(&more.ty),
                "a newtype must have exactly one member",
            )
            .help("write `#[repr(C)]` if the type is a struct"),
        );
    }
    let role = FieldRole::Member { index: 0, anonymous: false, padding: Some(0) };
    let std_traits = opening.std_traits;
    let def = TypeDef {
        name: opening.name,
        doc: doc(&input.attrs),
        kind: TypeDefKind::Alias(target.unwrap_or_else(placeholder)),
        decl_tags: opening.decl_tags,
        in_c: opening.in_c,
        include: None,
    };
    TypeItem { fields: vec![role], std_traits, ..reader.item(def) }
}

/// Reads `type NAME = TARGET;`, which becomes an alias without attributes. `target` is the type
/// that gets the new name.
#[cfg(feature = "rust")]
pub(super) fn plain_alias(
    reader: &Reader<'_>,
    name: Spanned<String>,
    target: &syn::Type,
) -> TypeItem {
    let target = types::read(reader, target, Hints::default());
    reader.item(TypeDef {
        name,
        doc: None,
        kind: TypeDefKind::Alias(target.unwrap_or_else(placeholder)),
        decl_tags: Vec::new(),
        in_c: InC::default(),
        include: None,
    })
}

fn composite(
    reader: &Reader<'_>,
    input: &DeriveInput,
    opening: Opening,
    fields: &Punctuated<Field, Token![,]>,
    is_union: bool,
) -> TypeItem {
    let Opening { name, decl_tags, in_c, repr, in_place, std_traits, packed, align, .. } = opening;
    if !repr.c {
        reader.report(
            Finding::new(
                &rules::RUST_REPR,
                reader.place_of(input.ident.span()),
                format!("the layout of `{}` in Rust can differ from its layout in C", input.ident),
            )
            .help("write `#[repr(C)]` before the type"),
        );
    }
    let mut members = Vec::with_capacity(fields.len());
    let mut stored = Vec::new();
    let roles = fields.iter();
    let roles = roles.map(|field| read_field(reader, field, is_union, &mut members, &mut stored));
    let roles = roles.collect();
    let rust = Repr {
        packed: repr.packed,
        align: repr.align.as_ref().map(|align| align.value),
        align_may_be_natural: align.is_none(),
    };
    let body = Composite { packed: packed || repr.packed, align: align.or(repr.align), members };
    let def = TypeDef {
        name,
        doc: doc(&input.attrs),
        kind: if is_union { TypeDefKind::Union(body) } else { TypeDefKind::Struct(body) },
        decl_tags,
        in_c,
        include: None,
    };
    TypeItem { in_place, std_traits, fields: roles, repr: rust, stored, ..reader.item(def) }
}

/// Appends to `members` the members that `field` represents.
fn read_field(
    reader: &Reader<'_>,
    field: &Field,
    is_union: bool,
    members: &mut Vec<Member>,
    stored: &mut Vec<(usize, TokenStream)>,
) -> FieldRole {
    let ident = field.ident.as_ref().map(Ident::unraw);
    let ident = ident.unwrap_or_else(|| Ident::new("_", TokenSpan::call_site()));
    let mut entries = Entries::read(reader, &field.attrs, "bpf", "a member");
    let own_name = entries.string("name");
    if own_name.is_none() && is_padding(&ident, &field.ty) {
        entries.finish();
        return FieldRole::Padding(storage(reader, &ident, &field.ty));
    }
    let bits = entries.list("bits", "bits(name: u8 = 3, …)", |input| {
        Punctuated::<Stored, Token![,]>::parse_terminated_with(input, Stored::parse_bit_field)
    });
    if let Some(bits) = bits {
        entries.finish();
        let start = members.len();
        for field in bits {
            stored.push((members.len(), field.ty.to_token_stream()));
            members.push(read_stored(reader, field, members.len()));
        }
        let storage = storage(reader, &ident, &field.ty);
        return FieldRole::Bits { members: start..members.len(), storage };
    }
    if let Some(held) = entries.list("holds", "holds(name: TYPE)", Stored::parse_held) {
        entries.finish();
        stored.push((members.len(), held.ty.to_token_stream()));
        members.push(read_stored(reader, held, members.len()));
        let storage = storage(reader, &ident, &field.ty);
        return FieldRole::Holds { index: members.len() - 1, storage };
    }
    let anonymous = entries.flag("anonymous").is_some();
    let decl_tags = entries.strings("tag");
    let renamed_from = entries.string("renamed_from");
    let default = default_value(reader, &mut entries, members.len());
    let hints = Hints::take(reader, &mut entries);
    entries.finish();
    let span = reader.place(&field.ty);
    let span = reader.place_up_to(ident.span(), span);
    let (ty, padding) = match types::padded(reader, &field.ty).filter(|_| is_union) {
        None => (&field.ty, Some(0)),
        Some((inner, bytes)) => (inner, bytes.and_then(Number::known).map(|bytes| bytes.value)),
    };
    let ty = types::read(reader, ty, hints).unwrap_or_else(placeholder);
    let name =
        own_name.unwrap_or_else(|| Spanned::new(ident.to_string(), reader.place_of(ident.span())));
    members.push(Member {
        name: (!anonymous).then_some(name),
        doc: doc(&field.attrs),
        ty: MemberType::Type(ty),
        bits: None,
        decl_tags,
        renamed_from,
        default,
        span,
    });
    FieldRole::Member { index: members.len() - 1, anonymous, padding }
}

/// Reads the default value of a new member. The value is a number, `true` or `false`, or the quoted name of a variant
/// in the schema.
fn default_value(
    reader: &Reader<'_>,
    entries: &mut Entries<'_, '_>,
    member: usize,
) -> Option<Spanned<DefaultValue>> {
    let expression = entries.expression("default")?;
    let span = reader.place(&expression);
    if let Expr::Lit(literal) = &expression {
        let default = match &literal.lit {
            Lit::Bool(truth) => Some(DefaultValue::Bool(truth.value)),
            Lit::Str(name) => Some(DefaultValue::Variant(name.value())),
            _ => None,
        };
        if let Some(default) = default {
            return Some(Spanned::new(default, span));
        }
    }
    let range = (i64::MIN.into(), u64::MAX.into());
    let number = reader.number(&expression, ("`default`", None), range);
    let number = reader.or_later(number, &expression, (Later::Default(member), 0))?;
    Some(Spanned::new(DefaultValue::Number(number.value), span))
}

/// Returns whether a field is padding. Padding is called `_pad…` or `__pad…` and consists of `u8`s.
fn is_padding(ident: &Ident, ty: &syn::Type) -> bool {
    let name = ident.to_string();
    (name.starts_with("_pad") || name.starts_with("__pad")) && bytes(ty).is_some()
}

/// Returns the field `ident` as storage. Its type must be `u8` or an array of `u8`.
fn storage(reader: &Reader<'_>, ident: &Ident, ty: &syn::Type) -> Storage {
    let place = reader.place_up_to(ident.span(), reader.place(ty));
    let bytes = match bytes(ty) {
        Some(Bytes::One) => Some(1),
        Some(Bytes::Array(length)) => reader.len(length).known().map(|length| length.value),
        None => {
            reader.report(
                Finding::new(
                    &rules::ATTRIBUTE_SYNTAX,
                    reader.place(ty),
                    format!(
                        "`{ident}` must be `u8` or an array of `u8`, because it stores members"
                    ),
                )
                .help("write `[u8; N]`"),
            );
            None
        }
    };
    Storage { bytes, place }
}

enum Bytes<'t> {
    One,
    Array(&'t Expr),
}

/// Returns the number of bytes if the type is `u8` or an array of `u8`.
fn bytes(ty: &syn::Type) -> Option<Bytes<'_>> {
    let is_byte = |ty: &syn::Type| matches!(ty, syn::Type::Path(path) if path.path.is_ident("u8"));
    match ty {
        syn::Type::Array(array) if is_byte(&array.elem) => Some(Bytes::Array(&array.len)),
        ty => is_byte(ty).then_some(Bytes::One),
    }
}

/// A member that is stored in a field of bytes: `name: TYPE`, followed by ` = WIDTH` for a
/// bit-field.
struct Stored {
    attributes: Vec<Attribute>,
    /// The name. `_` stands for a bit-field that is only padding.
    name: Ident,
    ty: syn::Type,
    bits: Option<Expr>,
}

impl Stored {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let name = if input.peek(Token![_]) {
            Ident::from(input.parse::<Token![_]>()?)
        } else {
            input.call(Ident::parse_any)?
        };
        input.parse::<Token![:]>()?;
        let ty = input.parse()?;
        Ok(Self { attributes, name, ty, bits: None })
    }

    fn parse_held(input: ParseStream<'_>) -> syn::Result<Self> {
        let held = Self::parse(input)?;
        input.parse::<Option<Token![,]>>()?;
        Ok(held)
    }

    fn parse_bit_field(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut field = Self::parse(input)?;
        input.parse::<Token![=]>()?;
        field.bits = Some(input.parse()?);
        Ok(field)
    }
}

fn read_stored(reader: &Reader<'_>, stored: Stored, index: usize) -> Member {
    let Stored { attributes, name, ty, bits } = stored;
    only_own(reader, &attributes);
    let mut entries = Entries::read(reader, &attributes, "bpf", "a member");
    let own_name = entries.string("name");
    let decl_tags = entries.strings("tag");
    let renamed_from = entries.string("renamed_from");
    let default = default_value(reader, &mut entries, index);
    let mut hints = Hints::take(reader, &mut entries);
    hints.bit_field = bits.is_some();
    entries.finish();
    let span = reader.place_up_to(name.span(), reader.place(&ty));
    let place = reader.place_of(name.span());
    let unnamed = name == "_" && own_name.is_none();
    let ty = types::read(reader, &ty, hints).unwrap_or_else(placeholder);
    let bits = bits.map(|width| {
        let number = reader.u32(&width, "the width of a bit-field");
        let known = reader.or_later(number, &width, (Later::Width(index), 1));
        known.unwrap_or_else(|| Spanned::new(1, reader.place(&width)))
    });
    let name = own_name.unwrap_or_else(|| Spanned::new(name.unraw().to_string(), place));
    Member {
        name: (!unnamed).then_some(name),
        doc: doc(&attributes),
        ty: MemberType::Type(ty),
        bits,
        decl_tags,
        renamed_from,
        default,
        span,
    }
}
