//! Methods of members that live in bytes.

use std::str::FromStr as _;

use bpfmap_codegen::backend::rust::{Accessor, StoredAt, accessor_names};
use bpfmap_codegen::front::rust::{FieldRole, TypeItem};
use bpfmap_codegen::ir::{Composite, MemberType, Type};
use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::DeriveInput;

/// Where a member lies: its first bit, counted from the first byte of the field that holds it.
pub(crate) type Starts<'a> = dyn Fn(usize) -> u64 + 'a;

/// The methods of the members of `body`, the type that `input` declares.
pub(crate) fn expand(
    input: &DeriveInput,
    item: &TypeItem,
    body: &Composite,
    starts: &Starts<'_>,
    runtime: &TokenStream,
) -> TokenStream {
    let mut stored = Vec::new();
    for (role, field) in item.fields.iter().zip(fields(input)) {
        let Some(field) = &field.ident else { continue };
        let members = match role {
            FieldRole::Bits { members, .. } => members.clone(),
            FieldRole::Holds { index, .. } => *index..index + 1,
            FieldRole::Member { .. } | FieldRole::Padding(_) => continue,
        };
        let named = members.filter(|index| body.members[*index].name.is_some());
        stored.extend(named.map(|index| (index, field.to_string())));
    }
    if stored.is_empty() {
        return TokenStream::new();
    }
    let member_names = stored.iter().filter_map(|(index, _)| body.members[*index].name.as_ref());
    let member_names: Vec<&str> = member_names.map(|name| name.value.as_str()).collect();
    let is_union = matches!(input.data, syn::Data::Union(_));
    let names = accessor_names(&member_names, is_union);
    let visibility = input.vis.to_token_stream().to_string();
    // One token of a path may follow another without a space.
    let runtime = runtime.to_string().replace(' ', "");
    let mut code = String::new();
    for ((index, storage), names) in stored.iter().zip(&names) {
        let member = &body.members[*index];
        let start = starts(*index);
        let at = match &member.bits {
            Some(bits) => StoredAt::Bits(start..start + u64::from(bits.value)),
            None => StoredAt::Byte(0),
        };
        let is_bool = member.bits.is_some()
            && matches!(&member.ty, MemberType::Type(ty) if ty.value == Type::Bool);
        let ty = if is_bool { "bool".to_owned() } else { rust_type(item, *index).to_string() };
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
    // The text is bpfmap's own, with names that are identifiers.
    let methods = TokenStream::from_str(&code).unwrap_or_default();
    let ident = &input.ident;
    quote! {
        #[automatically_derived]
        #[allow(dead_code)]
        impl #ident {
            #methods
        }
    }
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
