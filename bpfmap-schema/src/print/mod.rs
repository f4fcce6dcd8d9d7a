//! Printers: each writes a schema as its author would have, for a front end to read again.
//!
//! They are the front ends' inverse: what [`crate::front`] makes of their text is the same schema.
//! A schema that includes others becomes one text, with all types in it.

pub mod comment;
pub mod rust;
pub mod toml;

/// Lines up to here are on one line.
pub const WIDTH: usize = 100;
