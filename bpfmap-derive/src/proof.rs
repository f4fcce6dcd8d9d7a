//! Generates the proof: a constant that does not compile if a type is not plain data, or if its
//! layout differs between Rust and C.
//!
//! The constant creates a value of the type from field values that `bpfmap` provides. The compiler
//! therefore verifies which fields the type has, and the type of each field. The proof works even
//! if a macro changes the item after the derive has read it, or if names have a different meaning
//! in the scope of the item.

use bpfmap_schema::front::rust::{FieldRole, Later, TypeItem};
use bpfmap_schema::ir::Composite;
use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::DeriveInput;
use syn::ext::IdentExt as _;

use crate::bits::Bits;
use crate::layout::{lints, spanned};
use crate::methods::{fields, rust_type};

/// Returns the proof for a struct or union with the members `body`.
pub(crate) fn composite(
    input: &DeriveInput,
    item: &TypeItem,
    (body, bits): (&Composite, &Bits<'_>),
    runtime: &TokenStream,
) -> TokenStream {
    let is_union = matches!(input.data, syn::Data::Union(_));
    let mut values = Vec::with_capacity(item.fields.len());
    for (role, field) in item.fields.iter().zip(fields(input)) {
        let Some(ident) = &field.ident else { continue };
        let (ty, name, span) = (&field.ty, ident.unraw().to_string(), ident.span());
        // The offset of a union's member is always zero.
        let (of_union, offset) = if is_union {
            (quote!(Self,), TokenStream::new())
        } else {
            (TokenStream::new(), quote!(, ::core::mem::offset_of!(Self, #ident)))
        };
        let (method, types, arguments) = match role {
            FieldRole::Member { .. } => {
                (["member", "union_member"], ty.to_token_stream(), quote!(#name #offset))
            }
            FieldRole::Padding(_) => (["padding", "union_padding"], quote!(_), TokenStream::new()),
            FieldRole::Holds { index, .. } => {
                let held = rust_type(item, *index);
                (["holds", "union_holds"], quote!(#held, _), quote!(#name #offset))
            }
            FieldRole::Bits { members, .. } => {
                let bits = members.clone().map(|index| {
                    let (ty, start) = (bits.ty(index), bits.start(index));
                    let width = bits.width(index).unwrap_or_default();
                    let width = bits.as_number(width, "usize");
                    let named = body.members[index].name.is_some();
                    quote!(#runtime::__private::bit_field::<#ty>(#start, #width, #named))
                });
                (["bits", "union_bits"], quote!(_), quote!(#name #offset, &[#(#bits),*]))
            }
        };
        let method = Ident::new(method[usize::from(is_union)], span);
        let prover = prover(span);
        values.push(quote_spanned! {span=>
            #ident: #prover.#method::<#of_union #types>(#arguments)
        });
    }
    let made = if is_union {
        quote!(#(let _ = Self { #values };)*)
    } else if values.len() == 1 {
        // This line does not compile if a macro has changed the type to a union, because unions do
        // not support the syntax `..value`.
        quote! {
            let value = Self { #(#values),* };
            let _ = Self { ..value };
        }
    } else {
        quote!(let _ = Self { #(#values),* };)
    };
    let asked = if let Some(align) = item.later(Later::Align) {
        quote!((#align) as usize)
    } else {
        let asked = body.align.as_ref().map_or(1, |align| align.value);
        Literal::u32_unsuffixed(asked).into_token_stream()
    };
    let prover = prover(input.ident.span());
    let packed = body.packed.then(|| quote!(#prover.packed();));
    let function = if is_union { "union_as_c" } else { "struct_as_c" };
    let function = Ident::new(function, input.ident.span());
    constant(
        input,
        runtime,
        &quote! {
            #packed
            #made
            #prover.#function::<Self>(#asked);
        },
    )
}

/// Returns the proof for a newtype.
pub(crate) fn new_type(input: &DeriveInput, runtime: &TokenStream) -> TokenStream {
    let fields = fields(input);
    let Some(field) = fields.first() else {
        // The derive has already reported that this is not a newtype. The proof still checks that
        // the type has only the fields that the derive has seen.
        let prover = prover(input.ident.span());
        return constant(
            input,
            runtime,
            &quote! {
                let _ = Self {};
                #prover.no_padding::<Self>();
            },
        );
    };
    let (ty, prover) = (&field.ty, prover(input.ident.span()));
    let member = field.ident.as_ref().map_or_else(|| quote!(0), |ident| quote!(#ident));
    let function = Ident::new("same_as", input.ident.span());
    constant(
        input,
        runtime,
        &quote! {
            let value = Self { #member: #prover.field::<#ty>() };
            let _ = Self { ..value };
            #prover.#function::<Self, #ty>();
        },
    )
}

/// Returns the name of the local variable in the proof. The variable gets the macro hygiene of the
/// derive and not of a field, because a field can come from a different macro than the type.
fn prover(span: Span) -> Ident {
    Ident::new("__prover", Span::mixed_site().located_at(span))
}

/// Returns the constant that contains the proof. The compiler reports errors at the name of the
/// type or of a field.
fn constant(input: &DeriveInput, runtime: &TokenStream, proof: &TokenStream) -> TokenStream {
    let (span, prover, lints) = (input.ident.span(), prover(input.ident.span()), lints(runtime));
    let at_type = spanned(runtime.clone(), span);
    quote_spanned! {span=>
        #lints
        const PROOF: () = {
            // The type of the prover comes from the trait that the derive implements.
            let mut #prover = <() as #at_type::Plain>::PROVER;
            let #prover = &mut #prover;
            #proof
        };
    }
}
