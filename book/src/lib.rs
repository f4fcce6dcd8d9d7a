//! The modules that the Rust blocks of the book use. There is a module for each schema in
//! `docs/schemas/`. The Rust blocks are documentation tests of this crate. The test targets of the
//! crate test the other code blocks.

#[allow(missing_docs, reason = "not every schema documents all that it declares")]
mod generated {
    bpfmap::include_maps!();
}
#[allow(unused_imports, reason = "there may be no schema")]
pub use generated::*;

#[cfg(doctest)]
mod chapters {
    include!(concat!(env!("OUT_DIR"), "/chapters.rs"));
}
