//! Generates both sides of a BPF map from one schema.

pub mod backend;
#[cfg(any(feature = "rust", feature = "toml"))]
mod builder;
#[cfg(any(feature = "rust", feature = "toml"))]
pub mod clang;
pub mod evolve;
pub mod generate;
#[cfg(any(feature = "rust", feature = "toml"))]
mod modules;
#[cfg(feature = "files")]
pub mod output;
#[cfg(any(feature = "rust", feature = "toml"))]
mod programs;

#[cfg(any(feature = "rust", feature = "toml"))]
pub use builder::{BuildError, Builder};
pub use generate::Emit;

/// The examples of the README.
#[cfg(all(doctest, any(feature = "rust", feature = "toml")))]
#[doc = include_str!("../README.md")]
struct Readme;
