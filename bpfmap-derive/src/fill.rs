//! How fixtures write the members of a type: `bpfmap::__fill!`, which is nothing without the feature
//! `fixture`.

use bpfmap_schema::front::rust::{FieldRole, TypeItem};
use bpfmap_schema::ir::Composite;
use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::DeriveInput;

use crate::methods::{fields, rust_type, stored, value_type};

/// Each member of a struct or union, in order.
pub(crate) fn composite(
    input: &DeriveInput,
    item: &TypeItem,
    body: &Composite,
    runtime: &TokenStream,
) -> TokenStream {
    let stored = stored(input, item, body);
    let setter = |index: usize| {
        let stored = stored.iter().find(|stored| stored.index == index)?;
        syn::parse_str::<Ident>(&stored.names.set).ok()
    };
    let mut members = TokenStream::new();
    for (role, field) in item.fields.iter().zip(fields(input)) {
        let Some(ident) = &field.ident else { continue };
        match role {
            FieldRole::Member { .. } => {
                let ty = &field.ty;
                members.extend(quote!(field #ident: #ty,));
            }
            FieldRole::Bits { members: indices, .. } => {
                for index in indices.clone() {
                    let ty = value_type(item, body, index);
                    members.extend(setter(index).map(|set| quote!(set #set: #ty,)));
                }
            }
            FieldRole::Holds { index, .. } => {
                let ty = rust_type(item, *index);
                members.extend(if let Some(set) = setter(*index) {
                    quote!(set #set: #ty,)
                } else {
                    quote!(bytes #ident: #ty,)
                });
            }
            FieldRole::Padding(_) => {}
        }
    }
    let name = &input.ident;
    let kind =
        if matches!(input.data, syn::Data::Union(_)) { quote!(union) } else { quote!(struct) };
    quote!(#runtime::__fill! { #kind #name { #members } })
}

/// The one value that a new type is.
pub(crate) fn new_type(input: &DeriveInput, runtime: &TokenStream) -> TokenStream {
    let name = &input.ident;
    let ty = fields(input).first().map(|field| &field.ty);
    quote!(#runtime::__fill! { new #name(#ty) })
}
