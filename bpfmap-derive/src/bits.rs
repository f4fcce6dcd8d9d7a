//! Computes the positions of bit-fields in the bytes that store them.
//!
//! In C, a bit-field never crosses a boundary of its declared type. Its position therefore depends
//! on the size of this type, and on the sizes of the members before it. If one of these types is
//! declared elsewhere, only the compiler knows the size. In this case, the generated code makes the
//! compiler compute the position.

use bpfmap_schema::check::Checked;
use bpfmap_schema::front::rust::{FieldRole, Later, TypeItem};
use bpfmap_schema::ir::{Composite, MemberType, Type};
use bpfmap_schema::layout::CompositeLayout;
use proc_macro2::{Ident, Literal, TokenStream};
use quote::{ToTokens as _, quote};
use syn::DeriveInput;

use crate::methods::{fields, rust_type};

/// The bit-fields of a struct or union.
pub(crate) struct Bits<'a> {
    pub(crate) input: &'a DeriveInput,
    pub(crate) item: &'a TypeItem,
    pub(crate) body: &'a Composite,
    /// The path of the crate `bpfmap`.
    pub(crate) runtime: &'a TokenStream,
    /// The layout of the members in C, or `None` if only the compiler knows the layout.
    pub(crate) layout: Option<&'a CompositeLayout>,
}

impl<'a> Bits<'a> {
    pub(crate) fn new(
        input: &'a DeriveInput,
        item: &'a TypeItem,
        body: &'a Composite,
        (checked, runtime): (&'a Checked, &'a TokenStream),
    ) -> Self {
        let is_known = item.complete && item.held.is_empty();
        let layout = checked.layouts().composite(&item.def.name.value).filter(|_| is_known);
        Self { input, item, body, runtime, layout }
    }

    /// Returns the width of the bit-field `index`, or `None` if the member is not a bit-field.
    pub(crate) fn width(&self, index: usize) -> Option<TokenStream> {
        let bits = self.body.members[index].bits.as_ref()?;
        Some(match self.item.later(Later::Width(index)) {
            Some(width) => quote!((#width)),
            None => Literal::u32_unsuffixed(bits.value).into_token_stream(),
        })
    }

    /// Converts the result of [`width`](Self::width) to the integer type `int`. A literal needs no
    /// conversion.
    pub(crate) fn as_number(&self, width: TokenStream, int: &str) -> TokenStream {
        let int = Ident::new(int, proc_macro2::Span::call_site());
        if self.item.later.is_empty() { width } else { quote!(#width as #int) }
    }

    /// Returns the type of a bit-field. For a `bool`, this is the type `bpfmap::Bool`, which has
    /// the same layout as C's `bool`.
    pub(crate) fn ty(&self, index: usize) -> TokenStream {
        let runtime = self.runtime;
        match &self.body.members[index].ty {
            MemberType::Type(ty) if ty.value == Type::Bool => quote!(#runtime::Bool),
            _ => rust_type(self.item, index),
        }
    }

    /// Returns the range of bits that the bit-field `index` takes. Bit 0 is the first bit of the
    /// bytes that store the bit-field.
    pub(crate) fn known_range(&self, index: usize) -> Option<std::ops::Range<u64>> {
        let (layout, (run, _)) = (self.layout?, self.run(index)?);
        let first = layout.members[run.start].bit_offset / 8 * 8;
        let start = layout.members[index].bit_offset - first;
        Some(start..start + u64::from(self.body.members[index].bits.as_ref()?.value))
    }

    /// Returns an expression for the range of bits that the bit-field `index` takes. The compiler
    /// evaluates the expression.
    pub(crate) fn computed_range(&self, index: usize) -> TokenStream {
        let Some((run, field)) = self.run(index) else { return TokenStream::new() };
        let (runtime, packed) = (self.runtime, self.body.packed);
        let before = (run.start..=index).map(|index| {
            let (ty, width) = (self.ty(index), self.width(index));
            quote!((::core::mem::size_of::<#ty>() * 8, #width as usize))
        });
        quote!(#runtime::__private::bit_range(
            ::core::mem::offset_of!(Self, #field),
            &[#(#before),*],
            #packed,
        ))
    }

    /// Returns an expression for the first bit of the bit-field `index`.
    pub(crate) fn start(&self, index: usize) -> TokenStream {
        if let Some(range) = self.known_range(index) {
            return Literal::u64_unsuffixed(range.start).into_token_stream();
        }
        let range = self.computed_range(index);
        quote!(#range.start as usize)
    }

    /// Returns the bit-fields that share bytes with the bit-field `index`, and the Rust field that
    /// stores these bytes.
    fn run(&self, index: usize) -> Option<(std::ops::Range<usize>, &'a Ident)> {
        let fields = self.item.fields.iter().zip(fields(self.input));
        let mut runs = fields.filter_map(|(role, field)| match role {
            FieldRole::Bits { members, .. } => Some((members.clone(), field.ident.as_ref()?)),
            _ => None,
        });
        runs.find(|(members, _)| members.contains(&index))
    }
}
