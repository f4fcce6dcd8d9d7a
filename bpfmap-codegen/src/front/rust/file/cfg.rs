//! `cfg` and `cfg_attr`, as far as they are known.

use proc_macro2::TokenStream;
use syn::parse::{Parse as _, ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::{Attribute, DeriveInput, Fields, Ident, Meta, Token};

/// What is known of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Truth {
    True,
    False,
    /// It depends on the target, on a feature, on the compiler's arguments.
    Unknown,
}

/// Puts the attributes in the place of each `cfg_attr` that is not false. Returns whether what has
/// them is there.
pub(super) fn apply(attributes: &mut Vec<Attribute>) -> bool {
    let mut applied = Vec::with_capacity(attributes.len());
    for attribute in attributes.drain(..) {
        if attribute.path().is_ident("cfg_attr") {
            let Ok((condition, conditional)) = attribute.parse_args_with(cfg_attr) else {
                continue;
            };
            if condition != Truth::False {
                let conditional = conditional.into_iter();
                applied.extend(conditional.map(|meta| Attribute { meta, ..attribute.clone() }));
            }
        } else {
            applied.push(attribute);
        }
    }
    *attributes = applied;
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).all(|attribute| {
        let condition = attribute.parse_args_with(condition);
        condition.map_or(true, |truth| truth != Truth::False)
    })
}

/// Takes away what is not there of the fields and variants of `input`.
pub(super) fn apply_inside(input: &mut DeriveInput) {
    match &mut input.data {
        syn::Data::Struct(body) => apply_to_fields(&mut body.fields),
        syn::Data::Union(body) => {
            body.fields.named = kept(&mut body.fields.named, |field| &mut field.attrs);
        }
        syn::Data::Enum(body) => {
            body.variants = kept(&mut body.variants, |variant| &mut variant.attrs);
        }
    }
}

fn apply_to_fields(fields: &mut Fields) {
    match fields {
        Fields::Named(fields) => fields.named = kept(&mut fields.named, |field| &mut field.attrs),
        Fields::Unnamed(fields) => {
            fields.unnamed = kept(&mut fields.unnamed, |field| &mut field.attrs);
        }
        Fields::Unit => {}
    }
}

fn kept<T>(
    all: &mut Punctuated<T, Token![,]>,
    attributes: impl Fn(&mut T) -> &mut Vec<Attribute>,
) -> Punctuated<T, Token![,]> {
    let all = std::mem::take(all).into_iter();
    all.filter_map(|mut one| apply(attributes(&mut one)).then_some(one)).collect()
}

fn cfg_attr(input: ParseStream<'_>) -> syn::Result<(Truth, Punctuated<Meta, Token![,]>)> {
    let condition = condition(input)?;
    if !input.is_empty() {
        input.parse::<Token![,]>()?;
    }
    Ok((condition, Punctuated::parse_terminated(input)?))
}

fn condition(input: ParseStream<'_>) -> syn::Result<Truth> {
    if input.peek(syn::LitBool) {
        return Ok(known(input.parse::<syn::LitBool>()?.value));
    }
    let word = input.call(<Ident as syn::ext::IdentExt>::parse_any)?;
    if input.peek(Token![=]) {
        input.parse::<Token![=]>()?;
        syn::Lit::parse(input)?;
        return Ok(Truth::Unknown);
    }
    if !input.peek(syn::token::Paren) {
        let is_never = word == "test" || word == "doc" || word == "doctest";
        return Ok(if is_never { Truth::False } else { Truth::Unknown });
    }
    let content;
    syn::parenthesized!(content in input);
    let tokens: TokenStream = content.parse()?;
    let parts = Punctuated::<Truth, Token![,]>::parse_terminated_with;
    let parts = (|input: ParseStream<'_>| parts(input, condition)).parse2(tokens)?;
    let has = |truth| parts.iter().any(|part| *part == truth);
    Ok(match word.to_string().as_str() {
        "any" if has(Truth::True) => Truth::True,
        "any" if has(Truth::Unknown) => Truth::Unknown,
        "any" => Truth::False,
        "all" if has(Truth::False) => Truth::False,
        "all" if has(Truth::Unknown) => Truth::Unknown,
        "all" => Truth::True,
        "not" if has(Truth::False) => Truth::True,
        "not" if has(Truth::True) => Truth::False,
        _ => Truth::Unknown,
    })
}

fn known(value: bool) -> Truth {
    if value { Truth::True } else { Truth::False }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_taken_as_there() {
        for (text, there) in [
            ("#[cfg(test)]", false),
            ("#[cfg(not(test))]", true),
            ("#[cfg(feature = \"x\")]", true),
            ("#[cfg(not(feature = \"x\"))]", true),
            ("#[cfg(all(unix, test))]", false),
            ("#[cfg(any(unix, test))]", true),
            ("#[cfg(any())]", false),
            ("#[cfg(all())]", true),
            ("#[cfg(false)]", false),
            ("#[cfg_attr(unix, cfg(test))]", false),
            ("#[cfg_attr(test, cfg(test))]", true),
            ("#[cfg(nonsense +)]", true),
        ] {
            let mut attributes = Attribute::parse_outer.parse_str(text).unwrap();
            assert_eq!(apply(&mut attributes), there, "{text}");
        }
    }
}
