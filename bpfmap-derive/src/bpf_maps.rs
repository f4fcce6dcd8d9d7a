//! Implements `#[derive(BpfMaps)]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Data, DeriveInput, Field, Fields};

use crate::findings;
use crate::layout::{lints, runtime, spanned};

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
    let handles = fields.named.iter().map(|field| Handle { field, runtime: &runtime });
    let defs: Vec<_> = handles.clone().map(Handle::def).collect();
    let opened = handles.clone().map(Handle::opened);
    let (checked, checked_later): (Vec<_>, Vec<_>) = if input.generics.params.is_empty() {
        (
            handles.map(|handle| handle.checked(|check| quote!(const _: () = #check;))).collect(),
            vec![],
        )
    } else {
        // The compiler evaluates checks that depend on a type parameter where the function is used.
        (vec![], handles.map(|handle| handle.checked(|check| quote!(const { #check };))).collect())
    };
    let lints = lints(&runtime);
    // A program has no handles to open.
    quote! {
        #(#[cfg(not(target_arch = "bpf"))] #checked)*

        #[cfg(not(target_arch = "bpf"))]
        #[automatically_derived]
        #lints
        impl #bounded #ident #parameters #bounds {
            /// The first Linux release that can create all maps that are not optional. Programs and
            /// operations can need a newer release.
            // A program does not have to use this item.
            #[allow(dead_code)]
            #visibility const MIN_KERNEL: #runtime::KernelVersion =
                #runtime::__private::min_kernel(&[#(#defs),*]);

            /// Fails if the running kernel lacks a feature that one of the maps needs. Does not
            /// check optional maps. Call this function before you load the object. If you load the
            /// object on such a kernel, the only error is `EINVAL`.
            ///
            /// # Errors
            ///
            /// Returns an error of the kind `Unsupported`. For each map that the running kernel
            /// does not support, the error states the missing feature and the first kernel that
            /// supports this feature.
            // A program does not have to use this item.
            #[allow(dead_code)]
            #visibility fn preflight() -> #runtime::Result<()> {
                #runtime::__private::preflight(&[#(#defs),*])
            }

            /// Opens all maps of a loaded object, and checks that they match the schema. The handle
            /// of an optional map is `None` if the map was not created.
            ///
            /// # Errors
            ///
            /// Fails if a map is missing, was not created, or does not match the schema. The error
            /// is about the first such map.
            #visibility fn from_object(object: &impl #runtime::MapSource) -> #runtime::Result<Self> {
                #(#checked_later)*
                ::core::result::Result::Ok(Self { #(#opened)* })
            }
        }
    }
}

/// A field of the struct: the handle of a map.
struct Handle<'a> {
    field: &'a Field,
    runtime: &'a TokenStream,
}

impl Handle<'_> {
    /// Returns the initializer of the field, which opens the map.
    fn opened(self) -> TokenStream {
        let (name, ty, runtime) = (&self.field.ident, &self.field.ty, self.runtime);
        // If the type of a field is not a map, the compiler reports the error at this type.
        let open = quote_spanned!(ty.span()=> <#ty as #runtime::__private::Handle>::open(object)?);
        quote!(#name: #open,)
    }

    /// Returns an expression for the definition of the map.
    fn def(self) -> TokenStream {
        let (ty, runtime) = (&self.field.ty, self.runtime);
        quote_spanned!(ty.span()=> <#ty as #runtime::__private::Handle>::DEF)
    }

    /// Returns a call that fails at compile time if the type of the field does not match the schema
    /// of the map.
    fn checked(self, constant: impl FnOnce(TokenStream) -> TokenStream) -> TokenStream {
        let (ty, runtime) = (&self.field.ty, self.runtime);
        let check = constant(quote!(#runtime::__private::fits_schema::<#ty>()));
        let (check, lints) = (spanned(check, ty.span()), lints(runtime));
        quote!(#lints #check)
    }
}
