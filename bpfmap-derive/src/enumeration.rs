//! `#[derive(BpfType)]` of enums.

use bpfmap_codegen::front::rust::TypeItem;
use bpfmap_codegen::ir::Enum;
use bpfmap_codegen::naming::c_constant;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::DeriveInput;

pub(crate) fn expand(
    input: &DeriveInput,
    item: &TypeItem,
    body: &Enum,
    runtime: &TokenStream,
) -> TokenStream {
    let syn::Data::Enum(data) = &input.data else { return TokenStream::new() };
    let ident = &input.ident;
    let variants: Vec<_> = data.variants.iter().map(|variant| &variant.ident).collect();
    let name = &item.def.name.value;
    let repr = body.repr.value;
    let number = format_ident!("{}{}", if repr.signed { "i" } else { "u" }, repr.size * 8);
    let size = repr.size;
    let signed = body.variants.iter().any(|variant| variant.value.value < 0);
    // A variant whose number the compiler alone knows is not among those that were read.
    let constants = body.variants.iter().map(|variant| c_constant(name, &variant.name.value));
    let constants: Vec<_> = constants.collect();
    if constants.len() != variants.len() {
        return TokenStream::new();
    }
    quote! {
        #[automatically_derived]
        impl #runtime::BpfEnum for #ident {
            type Repr = #number;
            const VARIANTS: &'static [Self] = &[#(Self::#variants),*];
            const LAYOUT: &'static #runtime::layout::Layout = &#runtime::layout::Layout::Enum {
                name: #name,
                size: #size,
                signed: #signed,
                variants: &[#((#constants, Self::#variants as i64)),*],
            };
            #[inline]
            fn number(self) -> #number {
                self as #number
            }
        }
    }
}
