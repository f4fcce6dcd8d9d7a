//! What a schema says of BPF maps: read, checked, laid out and printed.
//!
//! A [front end](front) makes a [`Schema`](ir::Schema) of TOML, of Rust or of compiled programs. The [check]
//! holds it against the facts of [`bpfmap_core`] and lays its types out; what it finds are
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
