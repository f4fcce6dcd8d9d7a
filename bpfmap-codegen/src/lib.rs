//! From one schema to both sides of a BPF map.

pub mod backend;
#[cfg(any(feature = "rust", feature = "toml"))]
mod builder;
pub mod check;
#[cfg(any(feature = "rust", feature = "toml"))]
pub mod clang;
pub mod diagnostics;
pub mod evolve;
pub mod front;
pub mod generate;
#[cfg(feature = "files")]
pub mod input;
pub mod ir;
pub mod layout;
pub mod naming;
mod nearest;
#[cfg(feature = "files")]
pub mod output;
pub mod print;
pub mod rules;
pub mod source;
pub mod taken;

#[cfg(any(feature = "rust", feature = "toml"))]
pub use builder::{BuildError, Builder};
pub use generate::Emit;
