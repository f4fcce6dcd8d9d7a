//! Reads, checks and prints schemas of BPF maps.
//!
//! A [front end](front) produces a [`Schema`](ir::Schema) from TOML, from Rust or from compiled programs. The [check]
//! compares the schema with the facts in [`bpfmap_core`] and computes the layout of the types. Its results are
//! [diagnostics]. The back ends of `bpfmap-codegen` read only checked schemas.

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
