//! Reports of a matrix for people and for tools.

mod terminal;

pub use terminal::{Terminal, table};
