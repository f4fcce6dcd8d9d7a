//! `#[derive(BpfType)]` of enums.

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
    // Of a variant that could not be read an error was reported.
    if body.variants.len() != variants.len() {
        return TokenStream::new();
    }
    let constants = body.variants.iter().map(|variant| body.c_constant(name, &variant.name.value));
    // There are no others.
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
    }
}

/// A new type of an integer, with constants that are its variants: any number is a value of it.
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
            // Its literals are of the enum's integer, whatever is made of it.
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
    let mut shown = Vec::new();
    for (constant, c_name, value, doc) in variants {
        // The text is bpfmap's own: comments, and attributes that hold strings.
        let doc = doc.as_ref().map(|doc| rust_doc(doc).join("\n"));
        let doc = doc.and_then(|doc| TokenStream::from_str(&doc).ok());
        shown.extend(constant.clone());
        constants.extend(constant.map(|constant| {
            quote! {
                #doc
                #visibility const #constant: Self = Self(#value);
            }
        }));
        // BTF keeps 64 bits, and says apart from them what they mean.
        list.push(quote!((#c_name, (#value as #number) as i64)));
    }
    let std_traits = item
        .std_traits
        .as_ref()
        .map(|_| quote!(#runtime::__enum_traits! { #ident(#number) { #(#shown),* } }));
    // A program need not use every constant, and their documentation is the author's.
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
    }
}
