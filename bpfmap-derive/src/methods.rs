//! Generates accessor methods for members that are stored in bytes, and for members of unions.
//! Without these methods, reading a member of a union needs `unsafe` code.

use std::str::FromStr as _;

use bpfmap_schema::front::rust::{FieldRole, TypeItem};
use bpfmap_schema::ir::{Composite, MemberType, Type};
use bpfmap_schema::print::rust::accessor::{Accessor, AccessorNames, StoredAt, accessor_names};
use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::DeriveInput;

use crate::bits::Bits;

/// Returns the methods for the members of `body`, the type that `input` declares.
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
    // Removes the spaces between the tokens of a path, because they are not needed.
    let runtime = runtime.to_string().replace(' ', "");
    let mut code = String::new();
    for Stored { index, storage, names, ty } in &stored {
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
        let ty = ty.to_string();
        Accessor {
            names,
            doc: member.doc.as_deref(),
            ty: &ty,
            storage,
            at: &at,
            is_union,
            visibility: &visibility,
            runtime: &runtime,
        }
        .push(&mut code);
    }
    let methods = TokenStream::from_str(&code).unwrap_or_else(|error| {
        let message = format!("bpfmap generated methods that are not valid Rust: {error}");
        quote!(::core::compile_error! { #message })
    });
    let ident = &input.ident;
    // These lints are turned off because a program does not have to use every method, and because
    // the author writes the documentation of the members.
    quote! {
        #[automatically_derived]
        #[allow(dead_code, rustdoc::all)]
        impl #ident {
            #methods
        }
    }
}

/// A member that is read and written with methods.
pub(crate) struct Stored {
    /// The index of the member.
    pub(crate) index: usize,
    /// The name of the field that stores the member.
    pub(crate) storage: String,
    /// The names of the member's methods.
    pub(crate) names: AccessorNames,
    /// The type that the methods accept and return.
    pub(crate) ty: TokenStream,
}

/// Returns the members of `body` that are stored in bytes, and all members of a union. Bit-fields
/// without a name are left out.
pub(crate) fn stored(input: &DeriveInput, item: &TypeItem, body: &Composite) -> Vec<Stored> {
    let is_union = matches!(input.data, syn::Data::Union(_));
    let mut stored = Vec::new();
    for (role, field) in item.fields.iter().zip(fields(input)) {
        let Some(ident) = &field.ident else { continue };
        let storage = ident.to_string();
        let name = |index: usize| body.members[index].name.as_ref().map(|name| name.value.clone());
        match role {
            FieldRole::Bits { members, .. } => {
                for index in members.clone() {
                    let ty = value_type(item, body, index);
                    stored.extend(name(index).map(|name| (index, storage.clone(), name, ty)));
                }
            }
            FieldRole::Holds { index, .. } => {
                // An anonymous member gets the name of the bytes that store it.
                let name = name(*index).unwrap_or_else(|| {
                    storage.strip_suffix("_bytes").unwrap_or(&storage).to_owned()
                });
                stored.push((*index, storage, name, value_type(item, body, *index)));
            }
            FieldRole::Member { index, .. } if is_union => {
                let ty = without_padding(&field.ty).to_token_stream();
                let name = name(*index).unwrap_or_else(|| storage.clone());
                stored.push((*index, storage, name, ty));
            }
            FieldRole::Member { .. } | FieldRole::Padding(_) => {}
        }
    }
    let member_names: Vec<&str> = stored.iter().map(|(_, _, name, _)| name.as_str()).collect();
    let names = accessor_names(&member_names, is_union);
    let stored = stored.into_iter().zip(names);
    stored.map(|((index, storage, _, ty), names)| Stored { index, storage, names, ty }).collect()
}

/// Returns the type that the methods of a member accept and return. The member is stored in bytes.
pub(crate) fn value_type(item: &TypeItem, body: &Composite, index: usize) -> TokenStream {
    let member = &body.members[index];
    let is_bool = member.bits.is_some()
        && matches!(&member.ty, MemberType::Type(ty) if ty.value == Type::Bool);
    if is_bool { quote!(bool) } else { rust_type(item, index) }
}

/// Returns the type of a union's member without padding, such as `T` for `Padded<T, N>`.
fn without_padding(ty: &syn::Type) -> &syn::Type {
    let syn::Type::Path(path) = ty else { return ty };
    let padded = path.path.segments.last().filter(|last| last.ident == "Padded");
    let Some(syn::PathArguments::AngleBracketed(arguments)) = padded.map(|last| &last.arguments)
    else {
        return ty;
    };
    match arguments.args.first() {
        Some(syn::GenericArgument::Type(inner)) => inner,
        _ => ty,
    }
}

/// Returns the fields of a struct or union.
pub(crate) fn fields(input: &DeriveInput) -> Vec<&syn::Field> {
    match &input.data {
        syn::Data::Struct(body) => body.fields.iter().collect(),
        syn::Data::Union(body) => body.fields.named.iter().collect(),
        syn::Data::Enum(_) => Vec::new(),
    }
}

/// Returns the Rust type of a member that is stored in bytes.
pub(crate) fn rust_type(item: &TypeItem, index: usize) -> TokenStream {
    let stored = item.stored.iter().find(|(member, _)| *member == index);
    stored.map_or_else(TokenStream::new, |(_, ty)| ty.clone())
}
