//! Generates calls to the rules in `bpfmap-core`, for types and numbers that only the compiler
//! knows. The compiler reports each violation at its position in the source.

use bpfmap_core::map_type::{KeyRule, MapType, MaxEntriesRule};
use bpfmap_core::rule::frame_size;
use bpfmap_schema::check::without_btf;
use bpfmap_schema::ir::MapDecl;
use bpfmap_schema::naming::upper_camel_case;
use bpfmap_schema::rules;
use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;

use crate::findings::sentence;
use crate::layout::{lints, spanned};

/// A map whose parts the compiler checks with the rules of the map type.
pub(crate) struct Limits<'a> {
    pub(crate) row: &'static MapType,
    pub(crate) def: &'a MapDecl,
    pub(crate) runtime: &'a TokenStream,
    /// Whether the map declares only a size for the key, and only the compiler knows this size.
    pub(crate) has_bare_key: bool,
}

/// The size of a key or a value that only the compiler knows.
#[derive(Clone, Copy)]
pub(crate) struct Size<'a> {
    /// The tokens at which the compiler reports a violation.
    place: &'a TokenStream,
    /// An expression of the type `u64` for the size in bytes.
    bytes: &'a TokenStream,
}

impl<'a> Size<'a> {
    pub(crate) fn new(place: &'a TokenStream, bytes: &'a TokenStream) -> Self {
        Self { place, bytes }
    }
}

/// Returns an expression of the type `u64` for the size of a type in bytes.
pub(crate) fn size_of(ty: &TokenStream) -> TokenStream {
    quote!(::core::mem::size_of::<#ty>() as u64)
}

impl Limits<'_> {
    /// Returns the checks of the type of a key, except for its size.
    pub(crate) fn key(&self, ty: &TokenStream) -> TokenStream {
        let kind = self.kind();
        let mut checks = self.call(ty, &quote!(key_fields::<#ty>()));
        if self.row.key.is_implied() && self.is_described() {
            checks.extend(self.call(ty, &quote!(number_key::<#kind, #ty>())));
        } else if self.row.key == KeyRule::LpmPrefix {
            checks.extend(self.call(ty, &quote!(lpm_key::<#ty>())));
        }
        checks
    }

    /// Returns the check of the size of a key.
    pub(crate) fn key_size(&self, Size { place, bytes }: Size<'_>) -> TokenStream {
        let kind = self.kind();
        self.call(place, &quote!(key_size::<#kind>(#bytes)))
    }

    /// Returns the check of the total size of a key and a value. The check is only needed if only
    /// the compiler knows at least one of the sizes.
    pub(crate) fn key_and_value(
        &self,
        Size { place, bytes }: Size<'_>,
        value: &TokenStream,
    ) -> TokenStream {
        let kind = self.kind();
        self.call(place, &quote!(key_and_value::<#kind>(#bytes, #value)))
    }

    /// Returns the check of the inner maps of a map of maps.
    pub(crate) fn inner(&self, ty: &TokenStream) -> TokenStream {
        let text = sentence(
            "this map can't be a template, because libbpf refuses templates with `pinning`",
            "remove `pinning` from the map, or declare a separate template",
            &rules::INNER_ATTRIBUTE,
        );
        self.call(ty, &quote!(unpinned::<#ty>(#text)))
    }

    /// Returns the checks of the type of a value, except for its size.
    pub(crate) fn value(&self, ty: &TokenStream) -> TokenStream {
        let kind = self.kind();
        let has_btf = !self.has_bare_key && without_btf(self.def).is_none();
        let mut checks = self.call(ty, &quote!(value_fields::<#kind, #ty>(#has_btf)));
        let closed = ["rdonly_prog", "wronly_prog"];
        let flag = self.def.flags.iter().find(|flag| closed.contains(&flag.value.as_str()));
        if let Some(flag) = flag {
            let flag = &flag.value;
            checks.extend(self.call(ty, &quote!(flag_and_fields::<#ty>(#flag))));
        }
        checks
    }

    /// Returns the check of the size of a value.
    pub(crate) fn value_size(&self, Size { place, bytes }: Size<'_>) -> TokenStream {
        let (kind, build_ids) = (self.kind(), has_build_ids(self.def));
        self.call(place, &quote!(value_size::<#kind>(#bytes, #build_ids)))
    }

    /// Returns the checks of an event. One of them checks the maximum size of an event, which
    /// depends on `max_entries`. `max_entries` can be an expression.
    pub(crate) fn event(&self, ty: &TokenStream, max_entries: Option<&TokenStream>) -> TokenStream {
        let kind = self.kind();
        let is_buffer = self.row.max_entries == MaxEntriesRule::Bytes;
        let known = self.def.max_entries.as_ref().map(|entries| u64::from(entries.value));
        let known = known.map(Literal::u64_unsuffixed);
        let entries = match (max_entries.filter(|_| is_buffer), known) {
            (Some(number), _) => quote!(::core::option::Option::Some((#number) as u64)),
            (None, Some(number)) => quote!(::core::option::Option::Some(#number)),
            (None, None) => quote!(::core::option::Option::None),
        };
        let mut checks = self.call(ty, &quote!(event_fields::<#ty>()));
        checks.extend(self.call(ty, &quote!(event::<#kind, #ty>(#entries))));
        checks
    }

    /// Returns the check of a `max_entries` that is an expression instead of a literal.
    pub(crate) fn max_entries(&self, number: &TokenStream) -> TokenStream {
        let kind = self.kind();
        self.call(number, &quote!(max_entries::<#kind>((#number) as u64)))
    }

    /// Returns the check of a `map_extra` that is an expression instead of a literal. `max_entries`
    /// is the `max_entries` of the map, or `None` if the map has none.
    pub(crate) fn map_extra(
        &self,
        number: &TokenStream,
        max_entries: Option<&TokenStream>,
    ) -> TokenStream {
        let kind = self.kind();
        let entries = if let Some(entries) = max_entries {
            quote!(::core::option::Option::Some((#entries) as u64))
        } else {
            quote!(::core::option::Option::None)
        };
        self.call(number, &quote!(map_extra::<#kind>((#number) as u64, #entries)))
    }

    /// Returns the check that a number fits in 32 bits. The number is an expression instead of a
    /// literal.
    pub(crate) fn fits_u32(&self, key: &str, number: &TokenStream) -> TokenStream {
        self.call(number, &quote!(number_range(#key, (#number) as u64)))
    }

    /// Returns the check that all values together take less than 4 GiB, for map types that have
    /// this limit. Only the compiler knows the size of the value or `max_entries`.
    pub(crate) fn contiguous(
        &self,
        place: &TokenStream,
        bytes: &TokenStream,
        entries: &TokenStream,
    ) -> TokenStream {
        if !self.row.memory.is_contiguous() {
            return TokenStream::new();
        }
        let kind = self.kind();
        self.call(place, &quote!(contiguous::<#kind>(#bytes, #entries)))
    }

    /// Returns whether BTF describes key and value.
    fn is_described(&self) -> bool {
        self.def.btf.as_ref().is_none_or(|btf| btf.value)
    }

    /// Returns the marker type of the map type.
    fn kind(&self) -> TokenStream {
        let kind = Ident::new(&upper_camel_case(self.row.name), Span::call_site());
        let runtime = self.runtime;
        quote!(#runtime::kind::#kind)
    }

    /// Returns a call that the compiler evaluates. If the rule is violated, the compiler reports an
    /// error at `place`.
    fn call(&self, place: &TokenStream, call: &TokenStream) -> TokenStream {
        let (runtime, span) = (self.runtime, place.span());
        let (lints, runtime) = (lints(runtime), spanned(runtime.clone(), span));
        let call = spanned(call.clone(), span);
        quote_spanned!(span=> #lints const _: () = #runtime::__private::#call;)
    }
}

/// Returns whether the frames of the stacks in `def` consist of a build ID and an offset.
fn has_build_ids(def: &MapDecl) -> bool {
    def.flags.iter().any(|flag| flag.value == "stack_build_id")
}

/// Returns the size in bytes of each frame of a stack in the value of `def`.
pub(crate) fn frame_size_of(def: &MapDecl) -> u32 {
    frame_size(has_build_ids(def))
}
