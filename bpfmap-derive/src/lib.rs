//! `#[derive(BpfType)]` and `#[derive(BpfMap)]`, which the crate `bpfmap` hands on.
//!
//! The item becomes the schema's IR, is held against the rules that every schema is held to, and then
//! becomes the traits by which `bpfmap` knows it. All of that but the last step is bpfmap-codegen's.

mod alone;
mod bpf_map;
mod bpf_type;
mod enumeration;
mod findings;
mod layout;
mod limits;
mod methods;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

/// Makes a struct, a union, a new type or an enum one that both sides have.
///
/// See `bpfmap::BpfType`.
#[proc_macro_derive(BpfType, attributes(bpf, bpf_type))]
pub fn derive_bpf_type(input: TokenStream) -> TokenStream {
    bpf_type::expand(input.into()).into()
}

/// Declares a map: a struct with `key` and `value`, with `inner`, or with `event`.
///
/// See `bpfmap::MapSpec`.
#[proc_macro_derive(BpfMap, attributes(bpf, bpf_map))]
pub fn derive_bpf_map(input: TokenStream) -> TokenStream {
    bpf_map::expand(input.into()).into()
}
