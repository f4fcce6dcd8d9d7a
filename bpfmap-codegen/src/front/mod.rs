//! Front ends: each makes a [`Schema`](crate::ir::Schema) of something that people or compilers
//! wrote.

mod draft;
#[cfg(feature = "derive")]
pub mod rust;
#[cfg(feature = "toml")]
pub mod toml;
#[cfg(any(feature = "derive", feature = "toml"))]
mod type_expression;
pub mod type_word;

pub use draft::{Draft, Incomplete};
