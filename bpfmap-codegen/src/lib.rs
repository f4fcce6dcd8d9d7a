//! Generates both sides of a BPF map from one schema.
//!
//! A build script needs the feature `rust` or the feature `toml`, which read schemas. Both features
//! are on by default. The other features are off by default, because a build script rarely needs
//! them and each feature takes time to compile:
//!
//! | feature | adds |
//! | --- | --- |
//! | `toml` (default) | [`Builder::schema`] |
//! | `rust` (default) | [`Builder::rust_source`] and its options |
//! | `c-user` | [`Emit::CUser`]: functions for applications in C and C++ |
//! | `docs` | [`Emit::Docs`]: reference pages |
//! | `fixtures` | [`Emit::Fixtures`]: tests that check on a kernel that C and Rust agree about a map; [`Emit::FixturesRust`]: the same tests with a program in Rust |
//! | `migrations` | [`Builder::migrates_from`], and the comparison of two schemas ([`evolve`]) |
//! | `libbpf` | [`Builder::skeleton`], objects that are linked from several programs, and libbpf's headers for systems without them |
//! | `import` | creation of schemas from compiled programs and live maps, for tools |

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

/// The examples in the README, compiled as doctests.
#[cfg(all(doctest, any(feature = "rust", feature = "toml")))]
#[doc = include_str!("../README.md")]
struct Readme;
