//! Boots Linux kernels in QEMU and runs Rust test binaries in them.
//!
//! A [`Kernel`](kernel::Kernel) is had from Debian's packages or from elsewhere; a [`Machine`] boots
//! it; a [`Run`] is one program in a guest, and a [`Matrix`] is test binaries on many kernels, whose
//! results are [events](event) and [reports](report).
//!
//! ```no_run
//! use bpfmap_vmtest::kernel::{Kernel, Mirror, Packages};
//! use bpfmap_vmtest::{Ended, Init, Machine, Run};
//!
//! # fn main() -> bpfmap_vmtest::Result<()> {
//! let packages = Packages { mirror: Mirror::configured(None, None), lock: None };
//! let mut machine = Machine::new(Kernel::debian("6.1", &packages)?, Init::find()?)?;
//! machine.choose_engine()?;
//! let (_keep, mut signals) = std::os::unix::net::UnixStream::pair().unwrap();
//! let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
//! let mut run = Run::new("uname");
//! run.args = vec!["-r".to_owned()];
//! let (ended, _console) = run.run(&machine, &mut signals, &mut stdout, &mut stderr)?;
//! assert_eq!(ended, Ended::Exited(0));
//! assert!(stdout.starts_with(b"6.1."));
//! # Ok(())
//! # }
//! ```
//!
//! What runs in the guest as its first process is the program `bpfmap-vmtest` (see [`Init`]), which
//! is this crate as well: [`guest`].

pub mod config;
mod console;
mod cpio;
mod elf;
mod engine;
mod error;
pub mod event;
mod failure;
pub mod guest;
mod host;
mod init;
pub mod kernel;
mod kernel_run;
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
pub use matrix::{Driver, Matrix, Progress};
pub use plan::Filter;
pub use run::{Ended, Run};
pub use shard::Shard;
