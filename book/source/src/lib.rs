//! The pages of the book: the chapters in `docs/`, and the reference pages that are generated from the facts table, the
//! grammar of schemas and the pages of rules.
//!
//! `cargo xtask book` makes the book from these pages. The package `bpfmap-book` compiles or runs
//! their code blocks.

pub mod assemble;
pub mod block;
pub mod chapter;
pub mod html;
mod include;
pub mod link;
mod markdown;
pub mod pages;
pub mod problem;
pub mod shown;
mod summary;

pub use block::{Block, Kind, Place};
pub use chapter::Chapter;
pub use problem::{Problem, Problems};
