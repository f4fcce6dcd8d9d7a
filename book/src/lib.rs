//! What the Rust blocks of the book use: a module for each schema in `docs/schemas/`. The blocks are documentation tests of
//! this crate; the other code blocks are tested by its test targets.

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
