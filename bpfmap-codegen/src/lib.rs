//! Generates both sides of a BPF map from one schema.
//!
//! A build script needs a front end, `rust` or `toml`, and both are on by default. The other features are off, because a
//! build script rarely needs them and each one takes time to compile:
//!
//! | feature | adds |
//! | --- | --- |
//! | `toml` (default) | [`Builder::schema`] |
//! | `rust` (default) | [`Builder::rust_source`] and what belongs to it |
//! | `c-user` | [`Emit::CUser`]: functions for applications in C and C++ |
//! | `docs` | [`Emit::Docs`]: reference pages |
//! | `fixtures` | [`Emit::Fixtures`]: tests that compare the two sides of a map |
//! | `migrations` | [`Builder::migrates_from`], and the comparison of two schemas ([`evolve`]) |
//! | `libbpf` | [`Builder::skeleton`], several programs in one object, and the headers of libbpf where the system has none |
//! | `import` | schemas of compiled programs and of live maps, for tools |

pub mod backend;
#[cfg(any(feature = "rust", feature = "toml"))]
mod build_error;
#[cfg(any(feature = "rust", feature = "toml"))]
mod builder;
#[cfg(any(feature = "rust", feature = "toml"))]
pub mod clang;
#[cfg(feature = "migrations")]
pub mod evolve;
pub mod generate;
#[cfg(any(feature = "rust", feature = "toml"))]
mod modules;
#[cfg(feature = "files")]
pub mod output;
#[cfg(any(feature = "rust", feature = "toml"))]
mod programs;

#[cfg(any(feature = "rust", feature = "toml"))]
pub use build_error::BuildError;
#[cfg(any(feature = "rust", feature = "toml"))]
pub use builder::Builder;
pub use generate::Emit;

/// The examples of the README.
#[cfg(all(doctest, any(feature = "rust", feature = "toml")))]
#[doc = include_str!("../README.md")]
struct Readme;
