//! Boots Linux kernels in QEMU and runs Rust test binaries in them.
//!
//! A [`Kernel`] comes from Debian's packages or from another source. A [`Machine`] boots the
//! kernel. A [`Guest`] runs one program on a booted machine; a [`Run`] describes that program. A
//! [`Matrix`] runs test binaries on many kernels. It reports [events](event), and the
//! [reports](report) are written from these events. The following test boots a kernel:
//!
//! ```no_run
//! use bpfmap_vmtest::kernel::Packages;
//! use bpfmap_vmtest::{Ended, Guest, Init, Kernel, Machine, Run};
//!
//! # fn main() -> bpfmap_vmtest::Result<()> {
//! let mut machine = Machine::new(Kernel::debian("6.1", &Packages::configured())?, Init::find()?)?;
//! machine.choose_engine()?;
//! let uname = Run { args: vec!["-r".to_owned()], ..Run::new("uname") };
//! let output = Guest::start(&machine, &uname)?.wait_with_output()?;
//! assert_eq!(output.ended, Ended::Exited(0));
//! assert!(output.stdout.starts_with(b"6.1."));
//! # Ok(())
//! # }
//! ```
//!
//! The first process of a guest is the program `bpfmap-vmtest` (see [`Init`]). The code of that
//! process is also in this crate, in the module [`init`].

/// Declares an enum with a name for each variant, and methods that return the name of a variant and
/// the text of its documentation.
macro_rules! named {
    (
        $(#[$attribute:meta])*
        pub enum $enum:ident { $($(#[doc = $doc:literal])* $variant:ident = $name:literal,)+ }

        $(#[$name_doc:meta])*
        fn name;
    ) => {
        $(#[$attribute])*
        pub enum $enum { $($(#[doc = $doc])* $variant,)+ }

        impl $enum {
            $(#[$name_doc])*
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// All variants.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Returns the meaning of this variant, in one paragraph.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($doc),*).trim_start(),)+
                }
            }
        }
    };
}

mod arch;
mod binary;
mod boot;
mod c_library;
pub mod cargo;
pub mod config;
mod console;
mod cpio;
mod danobi;
mod digest;
mod elf;
mod engine;
mod error;
pub mod event;
pub mod explain;
mod failure;
mod foreground;
mod guest;
mod host;
pub mod init;
mod initramfs;
pub mod kernel;
mod kernel_run;
mod launch;
mod lists;
mod machine;
mod matrix;
mod message;
mod plan;
mod progress;
mod protocol;
mod qemu;
mod regular;
mod remote;
pub mod report;
mod results;
mod root;
mod run;
mod schedule;
mod seal;
mod sequence;
mod session;
mod shard;
pub mod signals;
mod snapshot;
mod stop;
mod taint;
mod terminal;
mod tree;
mod verdict;
mod version;
mod vm;
mod wire;

pub use arch::Architecture;
pub use binary::Binary;
pub use error::{Error, ErrorKind, Result};
pub use failure::{Failure, FailureKind};
pub use guest::{Ended, Guest, GuestEvent, Output};
pub use initramfs::Init;
pub use kernel::Kernel;
pub use machine::{Engine, Machine, SILENCE};
pub use matrix::{Driver, Matrix, SECOND_CPU_ON_REQUEST, Symbols, WARNING_OF_7_1};
pub use plan::Filter;
pub use progress::Progress;
pub use root::{Root, RootSource};
pub use run::Run;
pub use shard::Shard;
pub use stop::{EndOnSignals, Stop};
#[doc(hidden)]
pub use wire::decode as decode_wire;
