//! Generates expressions of the type `bpfmap::TypeDesc`, which describe types.

use bpfmap_core::SpecialField;
use bpfmap_schema::front::rust::Pointee;
use bpfmap_schema::ir::{Target, Type};
use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::quote;

/// Returns the path of the crate `bpfmap`: `::bpfmap`, unless an attribute sets `crate = PATH`.
pub(crate) fn runtime(attributes: &[syn::Attribute], name: &str) -> TokenStream {
    let mut runtime = quote!(::bpfmap);
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident(name)) {
        // This function ignores errors in the attribute, because the code that reads the whole
        // attribute reports them.
        let _ = attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("crate") {
                let path: syn::Path = meta.value()?.parse()?;
                runtime = quote!(#path);
            } else if meta.input.peek(syn::Token![=]) {
                meta.value()?.parse::<syn::Expr>()?;
            } else if meta.input.peek(syn::token::Paren) {
                let content;
                syn::parenthesized!(content in meta.input);
                content.parse::<TokenStream>()?;
            }
            Ok(())
        });
    }
    runtime
}

/// Returns the attributes that turn off lints for a generated item. The item has the span of the
/// author's code, so that the compiler reports errors there. The compiler therefore treats the item
/// like the author's own code, and would warn if the path in `crate = PATH` is longer than
/// necessary.
pub(crate) fn lints(runtime: &TokenStream) -> TokenStream {
    if runtime.to_string() == quote!(::bpfmap).to_string() {
        TokenStream::new()
    } else {
        quote!(#[allow(unused_qualifications)])
    }
}

/// Returns `tokens` with the span `span`.
pub(crate) fn spanned(tokens: TokenStream, span: Span) -> TokenStream {
    let tokens = tokens.into_iter().map(|mut token| {
        if let TokenTree::Group(group) = &token {
            token = Group::new(group.delimiter(), spanned(group.stream(), span)).into();
        }
        token.set_span(span);
        token
    });
    tokens.collect()
}

/// The context of all layout expressions of one item.
pub(crate) struct LayoutWriter<'a> {
    /// The path of the crate `bpfmap`.
    pub(crate) runtime: &'a TokenStream,
    /// The targets of special fields.
    pub(crate) pointees: &'a [Pointee],
}

impl LayoutWriter<'_> {
    /// Returns the layout of `ty`, whose Rust type is `rust`.
    pub(crate) fn of(&self, ty: &Type, rust: &TokenStream) -> TokenStream {
        let runtime = self.runtime;
        if says_more_than_rust(ty) {
            self.explicit(ty, syn::parse2(rust.clone()).ok().as_ref())
        } else {
            quote!(<#rust as #runtime::BpfType>::DESC)
        }
    }

    fn explicit(&self, ty: &Type, rust: Option<&syn::Type>) -> TokenStream {
        let runtime = self.runtime;
        let layout = quote!(#runtime::TypeDesc);
        match (ty, rust.map(ungrouped)) {
            // The Rust type is `CharArray`, which contains its own description.
            (Type::Array(..), Some(path @ syn::Type::Path(_))) => {
                quote!(<#path as #runtime::BpfType>::DESC)
            }
            (Type::Array(element, len), _) => {
                // The code uses the length expression of the Rust type, because sometimes only the
                // compiler knows its value.
                let (inner, len) = if let Some(syn::Type::Array(array)) = rust {
                    let len = &array.len;
                    (Some(&*array.elem), quote!((#len) as u32))
                } else {
                    let len = len.value;
                    (None, quote!(#len))
                };
                let element = self.explicit(&element.value, inner);
                quote!(&#layout::Array { element: #element, len: #len })
            }
            (Type::Char, _) => quote!(#layout::CHAR),
            (Type::Special(field, Some(target)), _) => self.special(*field, target),
            _ => quote!(#layout::VOID),
        }
    }

    fn special(&self, field: SpecialField, target: &Target) -> TokenStream {
        let runtime = self.runtime;
        let layout = quote!(#runtime::TypeDesc);
        let pointee = self.pointees.iter().find(|pointee| pointee.place == target.name.span);
        let pointee = if let Some(Pointee { path, .. }) = pointee {
            quote!(<#path as #runtime::BpfType>::POINTEE)
        } else {
            let name = &target.name.value;
            quote!(&#layout::Struct { name: #name, size: 0, members: &[] })
        };
        match &target.member {
            None => {
                let tag = field.name();
                let tagged = quote!(&#layout::Tagged { tag: #tag, target: #pointee });
                quote!(&#layout::Pointer { target: #tagged })
            }
            Some(member) => {
                let member = &member.value;
                let is_tree = field == SpecialField::RbRoot;
                let root = if is_tree { quote!(RB_ROOT) } else { quote!(LIST_HEAD) };
                quote!(&#layout::Root { root: #layout::#root, node: #pointee, member: #member })
            }
        }
    }
}

/// Returns a type without the invisible groups that macros add and without parentheses.
fn ungrouped(mut ty: &syn::Type) -> &syn::Type {
    while let syn::Type::Group(syn::TypeGroup { elem, .. })
    | syn::Type::Paren(syn::TypeParen { elem, .. }) = ty
    {
        ty = elem;
    }
    ty
}

/// Returns whether the schema contains information about the type that the Rust type does not
/// contain.
fn says_more_than_rust(ty: &Type) -> bool {
    match ty {
        Type::Array(element, _) => says_more_than_rust(&element.value),
        Type::Char => true,
        Type::Special(field, target) => target.is_some() && *field != SpecialField::UserPtr,
        _ => false,
    }
}
