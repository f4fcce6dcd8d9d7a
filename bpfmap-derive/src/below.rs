//! Attributes below the derive, which may be macros that change the item after the derive has seen it.
//!
//! If a macro adds a member to a struct, the struct does not compile, because the proof creates a
//! value from all known members. For a union, the proof creates one value for each known member and
//! would not notice an added one. So attributes of a union that could be macros are refused.

use bpfmap_schema::diagnostics::Finding;
use bpfmap_schema::front::rust::Context as _;
use bpfmap_schema::rules;
use quote::ToTokens as _;
use syn::DeriveInput;
use syn::spanned::Spanned as _;

use crate::alone::Alone;

/// Attributes of the language and helper attributes of the derives. No macro can have one of these
/// names.
const INERT: [&str; 12] = [
    "allow",
    "automatically_derived",
    "bpf_type",
    "cfg",
    "cfg_attr",
    "deny",
    "deprecated",
    "doc",
    "expect",
    "forbid",
    "repr",
    "warn",
];

/// Reports attributes of a union that may be macros. Returns whether there are none.
pub(crate) fn check(alone: &Alone, input: &DeriveInput) -> bool {
    if !matches!(input.data, syn::Data::Union(_)) {
        return true;
    }
    let mut is_whole = true;
    for attribute in &input.attrs {
        let path = attribute.path();
        if INERT.iter().any(|name| path.is_ident(name)) {
            continue;
        }
        is_whole = false;
        let span = path.span();
        let name = path.to_token_stream().to_string().replace(' ', "");
        alone.report(
            Finding::new(
                &rules::RUST_TYPE,
                alone.span(span, span),
                format!("`#[{name}]` may change the union after `BpfType` has read its members"),
            )
            .help(format!("write `#[{name}]` above `#[derive(BpfType)]`")),
        );
    }
    is_whole
}
