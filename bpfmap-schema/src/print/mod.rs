//! Printers, which write a schema in TOML or Rust.
//!
//! A printer is the inverse of a front end: [`crate::front`] reads the printed text as the same
//! schema. A schema with includes becomes a single text with all types.

pub mod comment;
pub mod rust;
pub mod toml;

/// The maximum width of a line in characters. A list is written on one line if it fits.
pub const WIDTH: usize = 100;
