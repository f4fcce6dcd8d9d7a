//! Front ends: each makes a [`Schema`](crate::ir::Schema) of something that people or compilers
//! wrote.

mod draft;
#[cfg(feature = "toml")]
pub mod toml;
pub mod type_word;

pub use draft::{Draft, Incomplete};
