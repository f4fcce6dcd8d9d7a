//! Boots Linux kernels in QEMU and runs test binaries in them.

pub mod config;
mod console;
mod cpio;
mod elf;
mod engine;
mod error;
pub mod event;
mod failure;
pub mod guest;
mod init;
pub mod kernel;
mod machine;
mod matrix;
mod plan;
mod qemu;
pub mod report;
mod run;
mod shard;
mod snapshot;
mod terminal;
mod tree;
mod verdict;
mod vm;
mod wire;

pub use error::{Error, ErrorKind, Result};
pub use failure::{Failure, FailureKind};
pub use init::Init;
pub use machine::{Engine, Machine, SILENCE};
pub use matrix::{Matrix, Progress};
pub use plan::Filter;
pub use run::{Ended, Run};
pub use shard::Shard;
