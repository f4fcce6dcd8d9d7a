//! Methods of members that live in bytes.

use std::str::FromStr as _;

use bpfmap_schema::front::rust::{FieldRole, TypeItem};
use bpfmap_schema::ir::{Composite, MemberType, Type};
use bpfmap_schema::print::rust::accessor::{Accessor, AccessorNames, StoredAt, accessor_names};
use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::DeriveInput;

use crate::bits::Bits;

/// The methods of the members of `body`, the type that `input` declares.
pub(crate) fn expand(
    input: &DeriveInput,
    item: &TypeItem,
    body: &Composite,
    bits: &Bits<'_>,
    runtime: &TokenStream,
) -> TokenStream {
    let stored = stored(input, item, body);
    if stored.is_empty() {
        return TokenStream::new();
    }
    let is_union = matches!(input.data, syn::Data::Union(_));
    let visibility = input.vis.to_token_stream().to_string();
    // One token of a path may follow another without a space.
    let runtime = runtime.to_string().replace(' ', "");
    let mut code = String::new();
    for Stored { index, storage, names } in &stored {
        let member = &body.members[*index];
        let at = match (bits.width(*index), bits.known_range(*index)) {
            (None, _) => StoredAt::Byte(0),
            (Some(_), Some(range)) => StoredAt::Bits(range),
            (Some(width), None) => {
                let range = bits.computed_range(*index);
                let range = quote!(const { #range }).to_string();
                StoredAt::Computed { range, width: width.to_string() }
            }
        };
        let ty = value_type(item, body, *index).to_string();
        Accessor {
            names,
            doc: member.doc.as_deref(),
            ty: &ty,
            newtype: None,
            storage,
            at: &at,
            is_union,
            // Its bytes all have a value: the proof holds every member to that.
            is_rust_union: is_union,
            visibility: &visibility,
            runtime: &runtime,
        }
        .push(&mut code);
    }
    let methods = TokenStream::from_str(&code).unwrap_or_else(|error| {
        let message = format!("bpfmap wrote methods that are no Rust: {error}");
        quote!(::core::compile_error! { #message })
    });
    let ident = &input.ident;
    quote! {
        #[automatically_derived]
        #[allow(dead_code, rustdoc::all)]
        impl #ident {
            #methods
        }
    }
}

/// A member that lives in bytes, and is read and written by methods.
pub(crate) struct Stored {
    /// Its index.
    pub(crate) index: usize,
    /// The field that holds it.
    pub(crate) storage: String,
    /// The names of its methods.
    pub(crate) names: AccessorNames,
}

/// The members of `body` that live in bytes and have names.
pub(crate) fn stored(input: &DeriveInput, item: &TypeItem, body: &Composite) -> Vec<Stored> {
    let mut stored = Vec::new();
    for (role, field) in item.fields.iter().zip(fields(input)) {
        let Some(field) = &field.ident else { continue };
        let members = match role {
            FieldRole::Bits { members, .. } => members.clone(),
            FieldRole::Holds { index, .. } => *index..index + 1,
            FieldRole::Member { .. } | FieldRole::Padding(_) => continue,
        };
        for index in members {
            if let Some(name) = &body.members[index].name {
                stored.push((index, field.to_string(), name.value.as_str()));
            }
        }
    }
    let member_names: Vec<&str> = stored.iter().map(|(.., name)| *name).collect();
    let is_union = matches!(input.data, syn::Data::Union(_));
    let names = accessor_names(&member_names, is_union);
    let stored = stored.into_iter().zip(names);
    stored.map(|((index, storage, _), names)| Stored { index, storage, names }).collect()
}

/// The type that the methods of a member in bytes take and give.
pub(crate) fn value_type(item: &TypeItem, body: &Composite, index: usize) -> TokenStream {
    let member = &body.members[index];
    let is_bool = member.bits.is_some()
        && matches!(&member.ty, MemberType::Type(ty) if ty.value == Type::Bool);
    if is_bool { quote!(bool) } else { rust_type(item, index) }
}

/// The fields of a struct or union.
pub(crate) fn fields(input: &DeriveInput) -> Vec<&syn::Field> {
    match &input.data {
        syn::Data::Struct(body) => body.fields.iter().collect(),
        syn::Data::Union(body) => body.fields.named.iter().collect(),
        syn::Data::Enum(_) => Vec::new(),
    }
}

/// The type of a member that lives in bytes, as Rust writes it.
pub(crate) fn rust_type(item: &TypeItem, index: usize) -> TokenStream {
    let stored = item.stored.iter().find(|(member, _)| *member == index);
    stored.map_or_else(TokenStream::new, |(_, ty)| ty.clone())
}
