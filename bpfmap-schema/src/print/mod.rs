//! Printers, which write a schema in a language that a front end can read again.
//!
//! They are the inverse of the front ends: [`crate::front`] reads the same schema from their text.
//! A schema with includes becomes one text with all types.

pub mod comment;
pub mod rust;
pub mod toml;

/// The maximum width of a line. A list that fits is written on one line.
pub const WIDTH: usize = 100;
