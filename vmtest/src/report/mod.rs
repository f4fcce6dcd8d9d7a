//! Reports of a matrix for people and for tools.

mod grid;
mod html;
mod junit;
mod markdown;
mod markup;
mod terminal;

pub use html::html;
pub use junit::junit;
pub use markdown::markdown;
pub use terminal::{Terminal, table};
