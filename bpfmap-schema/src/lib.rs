//! What a schema says of BPF maps: read, checked, laid out and printed.
//!
//! A [front end](front) makes a [`Schema`](ir::Schema) of TOML, of Rust or of compiled programs. The [check]
//! compares it with the facts of [`bpfmap_core`] and computes the layout of its types; its results are
//! [diagnostics]. The back ends of `bpfmap-codegen` read only what the check has passed.

pub mod check;
#[cfg(feature = "describe")]
pub mod describe;
pub mod diagnostics;
pub mod draft;
pub mod front;
#[cfg(feature = "files")]
pub mod input;
pub mod ir;
pub mod layout;
pub mod naming;
pub mod nearest;
pub mod print;
pub mod rules;
pub mod source;
pub mod syntax;
pub mod taken;
pub mod type_word;
