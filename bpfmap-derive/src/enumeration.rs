//! Implements `#[derive(BpfType)]` for enums.

use std::str::FromStr as _;

use bpfmap_schema::front::rust::{Later, TypeItem};
use bpfmap_schema::ir::Enum;
use bpfmap_schema::naming::rust_constant;
use bpfmap_schema::print::comment::rust_doc;
use bpfmap_schema::print::rust::names::identifier;
use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens as _, format_ident, quote};
use syn::DeriveInput;

pub(crate) fn expand(
    input: &DeriveInput,
    item: &TypeItem,
    body: &Enum,
    runtime: &TokenStream,
) -> TokenStream {
    let syn::Data::Enum(data) = &input.data else { return new_type(input, item, body, runtime) };
    if data.variants.iter().any(|variant| !variant.fields.is_empty()) {
        return TokenStream::new();
    }
    let ident = &input.ident;
    let variants: Vec<_> = data.variants.iter().map(|variant| &variant.ident).collect();
    let name = &item.def.name.value;
    let repr = body.repr.value;
    let number = format_ident!("{}{}", if repr.signed { "i" } else { "u" }, repr.size * 8);
    let size = repr.size;
    let signed = repr.signed;
    // If a variant can't be read, an error has already been reported.
    if body.variants.len() != variants.len() {
        return TokenStream::new();
    }
    let constants = body.variants.iter().map(|variant| body.c_constant(name, &variant.name.value));
    // The `match` needs no other arm, because there are no other variants.
    let described =
        crate::definition::enumeration(input, name, body, (&variants, &number), runtime);
    let arm = (!variants.is_empty()).then(|| quote!(#(Self::#variants)|* => self as #number,));
    quote! {
        #[automatically_derived]
        impl #runtime::BpfEnum for #ident {
            type Repr = #number;
            const VARIANTS: &'static [Self] = &[#(Self::#variants),*];
            const DESC: &'static #runtime::TypeDesc<'static> = &#runtime::TypeDesc::Enum {
                name: #name,
                size: #size,
                signed: #signed,
                variants: &[#((#constants, Self::#variants as i64)),*],
            };
            #[inline]
            fn number(self) -> #number {
                match self {
                    #arm
                }
            }
        }
        #described
    }
}

/// Expands a newtype of an integer whose variants are constants. Every number is a valid value of
/// such a newtype.
fn new_type(
    input: &DeriveInput,
    item: &TypeItem,
    body: &Enum,
    runtime: &TokenStream,
) -> TokenStream {
    let (ident, visibility) = (&input.ident, &input.vis);
    let name = &item.def.name.value;
    let repr = body.repr.value;
    let number = format_ident!("{}{}", if repr.signed { "i" } else { "u" }, repr.size * 8);
    let size = repr.size;
    let signed = repr.signed;
    let variants = body.variants.iter().enumerate().map(|(index, variant)| {
        let (constant, c_name) =
            (rust_constant(&variant.name.value), body.c_constant(name, &variant.name.value));
        let constant = syn::parse_str::<syn::Ident>(&identifier(&constant)).ok();
        let value = match item.later(Later::Variant(index)) {
            // The integer type of the enum is the type of the literals in the expression.
            Some(value) => quote!({
                let number: #number = #value;
                number
            }),
            None => Literal::i128_unsuffixed(variant.value.value).into_token_stream(),
        };
        (constant, c_name, value, &variant.doc)
    });
    let (mut constants, mut list) = (TokenStream::new(), Vec::new());
    let proof = crate::proof::new_type(input, runtime);
    let described = crate::definition::new_type(input, runtime);
    let mut shown = Vec::new();
    for (constant, c_name, value, doc) in variants {
        // bpfmap generated this text, so it parses: it consists only of comments, and of attributes
        // that contain strings.
        let doc = doc.as_ref().map(|doc| rust_doc(doc).join("\n"));
        let doc = doc.and_then(|doc| TokenStream::from_str(&doc).ok());
        shown.extend(constant.clone());
        constants.extend(constant.map(|constant| {
            quote! {
                #doc
                #visibility const #constant: Self = Self(#value);
            }
        }));
        // BTF stores 64 bits, and stores separately whether these bits are signed.
        list.push(quote!((#c_name, (#value as #number) as i64)));
    }
    let std_traits = item
        .std_traits
        .as_ref()
        .map(|_| quote!(#runtime::__enum_traits! { #ident(#number) { #(#shown),* } }));
    // These lints are turned off because a program does not have to use every constant, and because
    // the author writes the documentation of the constants.
    quote! {
        #[automatically_derived]
        #[allow(dead_code, missing_docs, rustdoc::all)]
        impl #ident {
            #constants
        }
        #[automatically_derived]
        unsafe impl #runtime::Plain for #ident {}
        #[automatically_derived]
        impl #runtime::BpfType for #ident {
            const DESC: &'static #runtime::TypeDesc<'static> = &#runtime::TypeDesc::Enum {
                name: #name,
                size: #size,
                signed: #signed,
                variants: &[#(#list),*],
            };
            #proof
        }
        const _: () = <#ident as #runtime::BpfType>::PROOF;
        #[automatically_derived]
        impl #runtime::storage::BitField for #ident {
            #[inline]
            fn from_bits(bits: u128, width: u32) -> Self {
                Self(<#number as #runtime::storage::BitField>::from_bits(bits, width))
            }
            #[inline]
            fn into_bits(self) -> u128 {
                <#number as #runtime::storage::BitField>::into_bits(self.0)
            }
        }
        #std_traits
        #described
    }
}
