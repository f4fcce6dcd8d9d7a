//! `#[derive(BpfMaps)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned as _;
use syn::{Data, DeriveInput, Fields};

use crate::findings;
use crate::layout::runtime;

pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return findings::syntax(&error),
    };
    let Data::Struct(syn::DataStruct { fields: Fields::Named(fields), .. }) = &input.data else {
        return findings::syntax(&syn::Error::new(
            input.ident.span(),
            "`BpfMaps` expects a struct with a named field for each map: `pub flows: Map<Flows>`",
        ));
    };
    let (ident, visibility) = (&input.ident, &input.vis);
    let runtime = runtime(&input.attrs, "bpf_maps");
    let (bounded, parameters, bounds) = input.generics.split_for_impl();
    let opened = fields.named.iter().map(|field| {
        let (name, ty) = (&field.ident, &field.ty);
        // The compiler points at the type of a field that is not a map.
        let open = quote::quote_spanned!(ty.span()=> <#ty>::from_object(object)?);
        quote!(#name: #open,)
    });
    quote! {
        #[automatically_derived]
        impl #bounded #ident #parameters #bounds {
            /// Opens each map of an object that is loaded, and checks that it is what the schema says.
            ///
            /// # Errors
            ///
            /// Returns the error of the first map that is missing or does not match the schema.
            #visibility fn from_object(object: &impl #runtime::MapSource) -> #runtime::Result<Self> {
                ::core::result::Result::Ok(Self { #(#opened)* })
            }
        }
    }
}
