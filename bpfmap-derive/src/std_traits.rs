//! Implements `#[bpf_type(std_traits)]`: the traits of the standard library that users expect of a
//! key or value.
//!
//! The derives of the standard library refuse unions, show bit-fields as bytes, and take more
//! compile time than `BpfType` itself.

use bpfmap_schema::front::rust::{FieldRole, TypeItem};
use bpfmap_schema::ir::Composite;
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::DeriveInput;

use crate::methods::{fields, stored};

/// Returns the implementations of the traits for a struct or union, which use `__std_traits!`.
/// Returns no tokens if the attribute is missing.
pub(crate) fn composite(
    input: &DeriveInput,
    item: &TypeItem,
    body: &Composite,
    runtime: &TokenStream,
) -> TokenStream {
    if item.std_traits.is_none() {
        return TokenStream::new();
    }
    let is_union = matches!(input.data, syn::Data::Union(_));
    let stored = stored(input, item, body);
    let this = format_ident!("this");
    let mut shown: Vec<(String, TokenStream)> = Vec::new();
    for (role, field) in item.fields.iter().zip(fields(input)) {
        let Some(ident) = &field.ident else { continue };
        let ty = &field.ty;
        let field = || {
            let value = if is_union {
                // Each member of the union fills all of its bytes.
                quote!(#runtime::storage::get::<#ty>(#runtime::bytes_of(#this), 0))
            } else {
                // The braces copy the field, because a field of a packed struct can't be borrowed.
                quote!({ #this.#ident })
            };
            (ident.to_string(), value)
        };
        let methods = |index: usize| {
            let stored = stored.iter().find(|stored| stored.index == index)?;
            let get = syn::parse_str::<Ident>(&stored.names.get).ok()?;
            Some((stored.names.get.clone(), quote!(#this.#get())))
        };
        match role {
            FieldRole::Member { .. } => shown.push(field()),
            FieldRole::Bits { members, .. } => shown.extend(members.clone().filter_map(methods)),
            FieldRole::Holds { index, .. } => {
                shown.push(methods(*index).unwrap_or_else(field));
            }
            FieldRole::Padding(_) => {}
        }
    }
    let (names, values): (Vec<String>, Vec<TokenStream>) = shown.into_iter().unzip();
    let ident = &input.ident;
    let names = format!("{ident}; {}", names.join(", "));
    quote!(#runtime::__std_traits! { #ident, #names, #this => #(#values,)* })
}

/// Returns the implementations of the traits for a newtype.
pub(crate) fn new_type(input: &DeriveInput, item: &TypeItem, runtime: &TokenStream) -> TokenStream {
    let (Some(_), [field, ..]) = (&item.std_traits, &*fields(input)) else {
        return TokenStream::new();
    };
    let ident = &input.ident;
    let member = field.ident.as_ref().map_or_else(|| quote!(0), ToTokens::to_token_stream);
    let shown = field.ident.as_ref().map_or_else(|| "value".to_owned(), ToString::to_string);
    let names = format!("{ident}; {shown}");
    quote!(#runtime::__std_traits! { #ident, #names, this => { this.#member }, })
}
