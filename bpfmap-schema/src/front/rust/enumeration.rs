//! Reads enums.

use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{Attribute, DataEnum, DeriveInput, Expr, Fields, Ident, Token};

use super::attributes::{Entries, doc, only_own};
use super::composite::Opening;
use super::item::{Later, Reader, TypeItem};
use crate::diagnostics::Finding;
use crate::ir::{Enum, Int, Type, TypeDef, TypeDefKind, Variant};
use crate::naming::snake_case;
use crate::rules;
use crate::source::Spanned;
use crate::type_word;

pub(super) fn read(reader: &Reader<'_>, input: &DeriveInput, body: &DataEnum) -> TypeItem {
    let opening = Opening::read(reader, input, "an enum");
    let repr = opening.repr.int.unwrap_or_else(|| {
        reader.report(
            Finding::new(
                &rules::RUST_REPR,
                reader.place_of(input.ident.span()),
                format!("the enum `{}` needs an integer type", input.ident),
            )
            .help("write `#[repr(u32)]`, or use another type from `u8` to `u64` or `i8` to `i64`"),
        );
        Int { size: 4, signed: false }.into()
    });
    let variants = variants(reader, body, repr.value);
    let def = TypeDef {
        name: opening.name,
        doc: doc(&input.attrs),
        kind: TypeDefKind::Enum(Enum { repr, prefix: opening.prefix, variants }),
        decl_tags: opening.decl_tags,
        in_c: opening.in_c,
        include: None,
    };
    TypeItem { pointees: Vec::new(), ..reader.item(def) }
}

/// An element such as `name = 1` in the `variants(…)` of a newtype.
pub(super) struct NamedValue {
    attributes: Vec<Attribute>,
    name: Ident,
    value: Expr,
}

impl NamedValue {
    pub(super) fn parse_all(input: ParseStream<'_>) -> syn::Result<Vec<Self>> {
        let one = |input: ParseStream<'_>| {
            let attributes = input.call(Attribute::parse_outer)?;
            let name = input.call(Ident::parse_any)?;
            input.parse::<Token![=]>()?;
            Ok(Self { attributes, name, value: input.parse()? })
        };
        let all = Punctuated::<_, Token![,]>::parse_terminated_with(input, one)?;
        Ok(all.into_iter().collect())
    }
}

/// Reads a newtype of an integer that represents a C enum. Two variants of such a newtype can have the same value,
/// unlike the variants of a Rust enum.
pub(super) fn new_type(
    reader: &Reader<'_>,
    input: &DeriveInput,
    opening: &Opening,
    variants: &[NamedValue],
    fields: &Fields,
) -> TypeItem {
    let field = fields.iter().next();
    let int = field.and_then(|field| match &field.ty {
        syn::Type::Path(path) => repr_int(&path.path.get_ident()?.to_string())
            .map(|int| Spanned::new(int, reader.place(&field.ty))),
        _ => None,
    });
    let repr = int.unwrap_or_else(|| {
        reader.report(
            Finding::new(
                &rules::RUST_REPR,
                reader.place_of(input.ident.span()),
                format!("`{}` has `variants`, but is not a newtype of an integer", input.ident),
            )
            .help(
                "write `struct NAME(u32);`, or use another type from `u8` to `u64` or `i8` to \
                   `i64`",
            ),
        );
        Int { size: 4, signed: false }.into()
    });
    let mut all = Vec::with_capacity(variants.len());
    for variant in variants {
        let mut entries = Entries::read(reader, &variant.attributes, "bpf", "a variant");
        let own = entries.string("name");
        entries.finish();
        only_own(reader, &variant.attributes);
        let Some(value) = number(reader, &variant.value, repr.value, all.len()) else { continue };
        let name = own.unwrap_or_else(|| {
            Spanned::new(variant.name.unraw().to_string(), reader.place(&variant.name))
        });
        all.push(Variant { name, value, doc: doc(&variant.attributes) });
    }
    let body = Enum { repr, prefix: opening.prefix.clone(), variants: all };
    let def = TypeDef {
        name: opening.name.clone(),
        doc: doc(&input.attrs),
        kind: TypeDefKind::Enum(body),
        decl_tags: opening.decl_tags.clone(),
        in_c: opening.in_c,
        include: None,
    };
    TypeItem { std_traits: opening.std_traits.clone(), ..reader.item(def) }
}

/// Returns the integer type that a word in `repr` selects for an enum. In BTF, an enum has at most 64 bits.
pub(super) fn repr_int(word: &str) -> Option<Int> {
    match type_word::builtin(word) {
        Some(Type::Int(int)) if int.size <= 8 => Some(int),
        _ => None,
    }
}

/// Returns the value of the variant `index`, or 0 if only the compiler knows the value.
fn number(
    reader: &Reader<'_>,
    expression: &Expr,
    repr: Int,
    index: usize,
) -> Option<Spanned<i128>> {
    let range = (i64::MIN.into(), u64::MAX.into());
    let number = reader.number(expression, ("the value of a variant", Some(repr)), range);
    reader.or_later(number, expression, (Later::Variant(index), 0))
}

fn variants(reader: &Reader<'_>, body: &DataEnum, repr: Int) -> Vec<Variant> {
    let mut variants = Vec::with_capacity(body.variants.len());
    // A variant without a number has the value of the previous variant plus 1.
    let mut next = Some(0);
    for variant in &body.variants {
        let mut entries = Entries::read(reader, &variant.attrs, "bpf", "a variant");
        let own = entries.string("name");
        entries.finish();
        let place = reader.place_of(variant.ident.span());
        if !variant.fields.is_empty() {
            reader.report(
                Finding::new(
                    &rules::RUST_TYPE,
                    reader.place(&variant.fields),
                    format!(
                        "the variant `{}` has fields, but an enum in C is a number",
                        variant.ident
                    ),
                )
                .help(
                    "remove the fields, and declare a struct that contains the enum and a union \
                       of the fields",
                ),
            );
        }
        let value = match &variant.discriminant {
            None => next.map(Spanned::from),
            Some((_, expression)) => number(reader, expression, repr, variants.len()),
        };
        next = value.as_ref().map(|value: &Spanned<i128>| value.value + 1);
        let name = own
            .unwrap_or_else(|| Spanned::new(snake_case(&variant.ident.unraw().to_string()), place));
        variants.extend(value.map(|mut value| {
            if value.span.source.is_none() {
                value.span = name.span;
            }
            Variant { name, value, doc: doc(&variant.attrs) }
        }));
    }
    variants
}
