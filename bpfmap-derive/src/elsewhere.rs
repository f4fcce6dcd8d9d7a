//! Generates checks of members whose types are declared elsewhere. Only the compiler sees the
//! declarations of these types.

use bpfmap_core::SpecialField;
use bpfmap_schema::front::rust::{FieldRole, TypeItem};
use bpfmap_schema::ir::{Composite, MemberType, Type};
use bpfmap_schema::rules;
use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::DeriveInput;
use syn::spanned::Spanned as _;

use crate::findings::sentence;
use crate::layout::{lints, spanned};
use crate::methods::fields;

/// Returns checks of a struct or union, which the compiler evaluates. `own` is the set of special
/// fields among the direct members.
pub(crate) fn checks(
    input: &DeriveInput,
    item: &TypeItem,
    body: &Composite,
    (own, runtime): (u32, &TokenStream),
) -> TokenStream {
    let mut checks = TokenStream::new();
    let ident = &input.ident;
    // The sets of special fields before the current member.
    let mut before = vec![Literal::u32_unsuffixed(own).into_token_stream()];
    let mut is_anonymous = false;
    for (role, field) in item.fields.iter().zip(fields(input)) {
        let FieldRole::Member { index, anonymous, .. } = role else { continue };
        is_anonymous |= *anonymous;
        let MemberType::Type(ty) = &body.members[*index].ty else { continue };
        let rust = &field.ty;
        let place = rust.to_token_stream();
        match &ty.value {
            Type::Named(_) => {
                let single = SpecialField::ALL.iter().filter(|field| field.is_single());
                let single = Literal::u32_unsuffixed(single.map(|field| field.bit()).sum());
                let text = sentence(
                    &format!("`{ident}` contains two special fields of the same kind"),
                    "keep only one special field of each kind, or split the value into two maps",
                    &rules::SPECIAL_FIELD_TWICE,
                );
                if own != 0 || before.len() > 1 {
                    let call = quote!(fields_apart::<#rust>(#single, &[#(#before),*], #text));
                    checks.extend(call_at(&place, &call, runtime));
                }
                before.push(quote!(<#rust as #runtime::BpfType>::FIELDS));
            }
            Type::Special(field, Some(target)) => {
                let pointee = item.pointees.iter().find(|it| it.place == target.name.span);
                let (Some(pointee), Some(member), Some(node)) =
                    (pointee, &target.member, field.node())
                else {
                    continue;
                };
                let (path, member, node) = (&pointee.path, &member.value, node.name());
                let text = sentence(
                    &format!("`{path}` has no member `{member}` of the type `{node}`"),
                    &format!(
                        "add a member of the type `{node}` to `{path}`, and refer to it as `{path}.MEMBER`"
                    ),
                    &rules::SPECIAL_FIELD_TARGET,
                );
                let is_tree = *field == SpecialField::RbRoot;
                let layout = if is_tree { quote!(RB_NODE) } else { quote!(LIST_NODE) };
                let layout = quote!(#runtime::TypeDesc::#layout);
                let call = quote!(has_node::<#path>(#member, #layout, #text));
                checks.extend(call_at(path, &call, runtime));
            }
            _ => {}
        }
    }
    if is_anonymous {
        let text = sentence(
            &format!("two members of `{ident}` have the same name"),
            "members of anonymous types count as members of the outer type: rename one of them",
            &rules::DUPLICATE_MEMBER,
        );
        let call = quote!(distinct_members::<#ident>(#text));
        checks.extend(call_at(&ident.to_token_stream(), &call, runtime));
    }
    checks
}

/// Returns a call that the compiler evaluates. If the check fails, the compiler reports an error at
/// `place`.
fn call_at(place: &TokenStream, call: &TokenStream, runtime: &TokenStream) -> TokenStream {
    let span = place.span();
    let (lints, runtime) = (lints(runtime), spanned(runtime.clone(), span));
    let call = spanned(call.clone(), span);
    quote_spanned!(span=> #lints const _: () = #runtime::__private::#call;)
}
