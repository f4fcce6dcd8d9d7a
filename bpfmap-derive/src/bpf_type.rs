//! Implements `#[derive(BpfType)]`.

use bpfmap_core::SpecialField;
use bpfmap_schema::check::Checked;
use bpfmap_schema::draft::Draft;
use bpfmap_schema::front::rust::{
    Context as _, FieldRole, Later, TypeItem, check_fields, read_type,
};
use bpfmap_schema::ir::{Composite, Int, MemberType, Schema, Type, TypeDef, TypeDefKind};
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::DeriveInput;

use crate::alone::Alone;
use crate::bits::Bits;
use crate::layout::{LayoutWriter, lints, runtime, spanned};
use crate::methods::{self, fields, rust_type};
use crate::{below, definition, elsewhere, findings, proof, std_traits};

pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return findings::syntax(&error),
    };
    let alone = Alone::new();
    let item = read_type(&alone, &input);
    let is_whole = below::check(&alone, &input);
    let checked = alone.check(draft(&item)).filter(|checked| fields_fit(&alone, &item, checked));
    let runtime = runtime(&input.attrs, "bpf_type");
    if !input.generics.params.is_empty() {
        return findings::report(alone);
    }
    let expansion = Expansion { input: &input, item: &item, runtime: &runtime };
    let (mut code, rest) = match (&item.def.kind, checked.filter(|_| item.readable && is_whole)) {
        (TypeDefKind::Enum(body), _) => {
            (findings::report(alone), crate::enumeration::expand(&input, &item, body, &runtime))
        }
        (_, Some(checked)) => (findings::report(alone), expansion.proven(&checked)),
        (_, None) => (findings::refuse(alone, &runtime), expansion.unproven()),
    };
    code.extend(rest);
    code
}

/// Returns whether the fields match the layout in C. Also returns true if types are declared
/// elsewhere, because the proof then checks the layout.
fn fields_fit(alone: &Alone, item: &TypeItem, checked: &Checked) -> bool {
    let (body, is_union) = match &item.def.kind {
        TypeDefKind::Struct(body) => (body, false),
        TypeDefKind::Union(body) => (body, true),
        TypeDefKind::Enum(_) | TypeDefKind::Alias(_) => return true,
    };
    let layout = checked.layouts().composite(&item.def.name.value);
    let Some(layout) = layout.filter(|_| item.complete && item.held.is_empty()) else {
        return true;
    };
    let findings = check_fields(item, body, layout, is_union);
    let fit = findings.is_empty();
    for finding in findings {
        alone.report(finding);
    }
    fit
}

/// Returns a schema that contains only the item.
fn draft(item: &TypeItem) -> Draft {
    let mut def = item.def.clone();
    if let TypeDefKind::Struct(body) | TypeDefKind::Union(body) = &mut def.kind {
        place_enums(body, item);
    }
    let mut draft = Draft::default();
    if !item.complete {
        draft.incomplete.types.insert(def.name.value.clone());
    }
    draft.schema = Schema { types: vec![def], ..Schema::default() };
    draft
}

/// If the type of a bit-field is an enum that is declared elsewhere, replaces the type with the
/// widest integer. The proof checks that the resulting position is also right for the enum.
fn place_enums(body: &mut Composite, item: &TypeItem) {
    for member in body.members.iter_mut().filter(|member| member.bits.is_some()) {
        if let MemberType::Type(ty) = &mut member.ty {
            if matches!(&ty.value, Type::Named(name) if *name != item.def.name.value) {
                ty.value = Type::Int(Int { size: 8, signed: false });
            }
        }
    }
}

struct Expansion<'a> {
    input: &'a DeriveInput,
    item: &'a TypeItem,
    runtime: &'a TokenStream,
}

impl Expansion<'_> {
    /// Returns implementations of the traits for an invalid item, so that code that uses the type
    /// causes no further errors.
    fn unproven(&self) -> TokenStream {
        let (ident, runtime) = (&self.input.ident, self.runtime);
        quote! {
            unsafe impl #runtime::Plain for #ident {}
            impl #runtime::BpfType for #ident {
                const DESC: &'static #runtime::TypeDesc<'static> = #runtime::TypeDesc::VOID;
            }
        }
    }

    fn proven(&self, checked: &Checked) -> TokenStream {
        let (ident, runtime) = (&self.input.ident, self.runtime);
        let TypeDef { name, kind, .. } = &self.item.def;
        let (layout, proof, rest) = match kind {
            TypeDefKind::Struct(body) | TypeDefKind::Union(body) => {
                let bits = Bits::new(self.input, self.item, body, (checked, runtime));
                let layout = self.layout_of(body, &bits);
                let mut rest = methods::expand(self.input, self.item, body, &bits, runtime);
                rest.extend(std_traits::composite(self.input, self.item, body, runtime));
                rest.extend(self.elsewhere(kind, body));
                rest.extend(definition::composite(self.input, self.item, body, runtime));
                (layout, proof::composite(self.input, self.item, (body, &bits), runtime), rest)
            }
            TypeDefKind::Alias(target) => {
                let rust = fields(self.input).first().map(|field| field.ty.to_token_stream());
                let target = self.writer().of(&target.value, &rust.unwrap_or_default());
                let name = &name.value;
                let layout = quote!(Typedef { name: #name, target: #target });
                let mut others = std_traits::new_type(self.input, self.item, runtime);
                others.extend(self.bit_field());
                others.extend(definition::new_type(self.input, runtime));
                (layout, proof::new_type(self.input, runtime), others)
            }
            TypeDefKind::Enum(_) => return TokenStream::new(),
        };
        let pointee = self.pointee(kind);
        let special = self.special(kind);
        let (lints, at_type) = (lints(runtime), spanned(runtime.clone(), ident.span()));
        let force = quote_spanned! {ident.span()=>
            #lints
            const _: () = <#ident as #at_type::BpfType>::PROOF;
        };
        let lock = special_fields(kind).contains(&SpecialField::SpinLock).then(|| {
            quote! {
                #[automatically_derived]
                impl #runtime::HasSpinLock for #ident {}
            }
        });
        quote! {
            // SAFETY: the constant below makes the compiler check each requirement of the trait.
            #[automatically_derived]
            unsafe impl #runtime::Plain for #ident {}
            #[automatically_derived]
            impl #runtime::BpfType for #ident {
                const DESC: &'static #runtime::TypeDesc<'static> = &#runtime::TypeDesc::#layout;
                #pointee
                #special
                #proof
            }
            #force
            #lock
            #rest
        }
    }

    /// Returns the checks for the types that appear in the item. For a union, the set of special
    /// fields is empty, because the kernel finds no special fields in a union.
    fn elsewhere(&self, kind: &TypeDefKind, body: &Composite) -> TokenStream {
        let own = special_fields(kind).into_iter().fold(0, |mask, field| mask | field.bit());
        elsewhere::checks(self.input, self.item, body, (own, self.runtime))
    }

    /// Implements `BitField` for a newtype. The implementation has a bound, because it applies only
    /// if the inner type can be a bit-field.
    fn bit_field(&self) -> Option<TokenStream> {
        let (ident, runtime) = (&self.input.ident, self.runtime);
        let fields = fields(self.input);
        let field = fields.first()?;
        let (ty, member) = (&field.ty, field.ident.as_ref());
        let member = member.map_or_else(|| quote!(0), |ident| quote!(#ident));
        // The bound contains a lifetime, because the compiler refuses a bound that is never met and
        // contains no lifetime.
        Some(quote! {
            #[automatically_derived]
            impl #runtime::storage::BitField for #ident
            where
                for<'a> #ty: #runtime::storage::BitField,
            {
                #[inline]
                fn from_bits(bits: u128, width: u32) -> Self {
                    Self { #member: <#ty as #runtime::storage::BitField>::from_bits(bits, width) }
                }
                #[inline]
                fn into_bits(self) -> u128 {
                    <#ty as #runtime::storage::BitField>::into_bits(self.#member)
                }
            }
        })
    }

    fn writer(&self) -> LayoutWriter<'_> {
        LayoutWriter { runtime: self.runtime, pointees: &self.item.pointees }
    }

    fn kind(&self) -> Ident {
        let kind = if self.is_union() { "Union" } else { "Struct" };
        Ident::new(kind, proc_macro2::Span::call_site())
    }

    fn is_union(&self) -> bool {
        matches!(self.input.data, syn::Data::Union(_))
    }

    /// Returns the name in C, or an empty string if the type is declared in place.
    fn name(&self) -> &str {
        if self.item.in_place { "" } else { &self.item.def.name.value }
    }

    fn layout_of(&self, body: &Composite, bits: &Bits<'_>) -> TokenStream {
        let (kind, name, runtime) = (self.kind(), self.name(), self.runtime);
        let writer = self.writer();
        let mut members = Vec::with_capacity(body.members.len());
        for (role, field) in self.item.fields.iter().zip(fields(self.input)) {
            let Some(field_ident) = &field.ident else { continue };
            let offset = quote!(::core::mem::offset_of!(Self, #field_ident));
            let mut push = |index: usize, rust: &TokenStream| {
                let member = &body.members[index];
                let MemberType::Type(ty) = &member.ty else { return };
                let mut layout = writer.of(&ty.value, rust);
                let later = self.item.later(Later::Default(index));
                let was_padding = later.map(|default| quote!((#default) as i128 == 0));
                if let Some((former, known)) = member.in_older_maps() {
                    let was_padding = was_padding.unwrap_or_else(|| quote!(#known));
                    layout = quote!(&#runtime::TypeDesc::Evolved {
                        renamed_from: #former,
                        was_padding: #was_padding,
                        ty: #layout,
                    });
                }
                let name = member.name.as_ref().map_or("", |name| &name.value);
                members.push(match bits.width(index) {
                    None => quote!(#runtime::__private::at(#name, #offset, #layout)),
                    Some(width) if member.name.is_some() => {
                        let start = bits.start(index);
                        let width = bits.as_number(width, "u32");
                        quote!(#runtime::__private::bits_at(#name, #offset * 8 + #start, #width, #layout))
                    }
                    Some(_) => return,
                });
            };
            match role {
                FieldRole::Member { index, .. } => push(*index, &field.ty.to_token_stream()),
                FieldRole::Bits { members, .. } => {
                    members.clone().for_each(|index| push(index, &bits.ty(index)));
                }
                FieldRole::Holds { index, .. } => push(*index, &rust_type(self.item, *index)),
                FieldRole::Padding(_) => {}
            }
        }
        quote! {
            #kind {
                name: #name,
                size: #runtime::__private::size::<Self>(),
                members: &[#(#members),*],
            }
        }
    }

    /// Returns the constant with the special fields of the type. Maps whose values have this type
    /// use the constant.
    fn special(&self, kind: &TypeDefKind) -> TokenStream {
        if let (TypeDefKind::Alias(target), [field, ..]) = (kind, &*fields(self.input)) {
            let (ty, runtime) = (&field.ty, self.runtime);
            if matches!(target.value, Type::Named(_)) {
                return quote!(const FIELDS: u32 = <#ty as #runtime::BpfType>::FIELDS;);
            }
        }
        let special = special_fields(kind);
        let elsewhere = self.structs_elsewhere(kind);
        if special.is_empty() && elsewhere.is_empty() {
            return TokenStream::new();
        }
        let runtime = self.runtime;
        let mask = special.into_iter().fold(0, |mask, field| mask | field.bit());
        let mask = proc_macro2::Literal::u32_unsuffixed(mask);
        quote!(const FIELDS: u32 = #mask #(| <#elsewhere as #runtime::BpfType>::FIELDS)*;)
    }

    /// Returns those types of a struct's members that are declared elsewhere. The kernel also
    /// searches these types for special fields.
    fn structs_elsewhere(&self, kind: &TypeDefKind) -> Vec<&syn::Type> {
        let TypeDefKind::Struct(body) = kind else { return Vec::new() };
        let members = self.item.fields.iter().zip(fields(self.input));
        let elsewhere = members.filter_map(|(role, field)| {
            let FieldRole::Member { index, .. } = role else { return None };
            let MemberType::Type(ty) = &body.members[*index].ty else { return None };
            matches!(ty.value, Type::Named(_)).then_some(&field.ty)
        });
        elsewhere.collect()
    }

    /// Returns the constant `POINTEE` of a struct that has special fields. The constant is the
    /// description that other types use if they refer to the struct. It contains only special
    /// fields without a target, such as nodes, so that the description is never recursive.
    fn pointee(&self, kind: &TypeDefKind) -> TokenStream {
        let TypeDefKind::Struct(body) = kind else { return TokenStream::new() };
        let mut has_special = false;
        let mut members = Vec::new();
        let runtime = self.runtime;
        for (role, field) in self.item.fields.iter().zip(fields(self.input)) {
            let FieldRole::Member { index, .. } = role else { continue };
            let member = &body.members[*index];
            let MemberType::Type(ty) = &member.ty else { continue };
            let mut element = &ty.value;
            while let Type::Array(inner, _) = element {
                element = &inner.value;
            }
            let Type::Special(_, target) = element else { continue };
            has_special = true;
            if let (None, Some(ident), Some(name)) = (target, &field.ident, &member.name) {
                let (name, ty) = (&name.value, &field.ty);
                members.push(quote! {
                    #runtime::__private::at(
                        #name,
                        ::core::mem::offset_of!(Self, #ident),
                        <#ty as #runtime::BpfType>::DESC,
                    )
                });
            }
        }
        if !has_special {
            return TokenStream::new();
        }
        let name = self.name();
        quote! {
            const POINTEE: &'static #runtime::TypeDesc<'static> = &#runtime::TypeDesc::Struct {
                name: #name,
                size: #runtime::__private::size::<Self>(),
                members: &[#(#members),*],
            };
        }
    }
}

/// Returns the special fields among the direct members of a struct.
fn special_fields(kind: &TypeDefKind) -> Vec<SpecialField> {
    let TypeDefKind::Struct(body) = kind else { return Vec::new() };
    let fields = body.members.iter().filter_map(|member| {
        let MemberType::Type(ty) = &member.ty else { return None };
        let mut element = &ty.value;
        while let Type::Array(inner, _) = element {
            element = &inner.value;
        }
        match element {
            Type::Special(field, _) => Some(*field),
            _ => None,
        }
    });
    fields.collect()
}
