//! Checks the attributes below the derive. Such an attribute can be a macro that changes the item
//! after the derive has read it.
//!
//! If a macro adds a member to a struct, the code does not compile, because the proof creates a
//! value of the struct from all known members. For a union, the proof creates one value for each
//! known member, and would not notice a member that a macro added. The derive therefore refuses
//! attributes of a union that could be macros.

use bpfmap_schema::diagnostics::Finding;
use bpfmap_schema::front::rust::Context as _;
use bpfmap_schema::rules;
use quote::ToTokens as _;
use syn::DeriveInput;
use syn::spanned::Spanned as _;

use crate::alone::Alone;

/// The attributes of the language, and the helper attributes of the derives. A macro can't have one
/// of these names.
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

/// Reports attributes of a union that could be macros. Returns `true` if there are none.
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
