//! Typed BPF maps.

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod btf;
mod error;
#[cfg(feature = "fixture")]
pub mod fixture;
mod held;
mod kernel_fields;
pub mod kind;
pub mod layout;
mod map;
mod percpu;
mod plain;
mod plain_macros;
mod scalars;
mod source;
mod spec;
pub mod storage;
mod sys;

pub use error::{Error, ErrorKind, Operation, Result};
pub use kernel_fields::{HasSpinLock, SpinLock, Timer};
#[cfg(feature = "libbpf-rs")]
pub use libbpf_rs;
pub use map::{Drain, Info, Iter, Keys, LayoutCheck, Map, Options, Update, Value};
pub use percpu::{PerCpu, possible_cpus};
pub use plain::{Plain, bytes_of, from_bytes, zeroed};
pub use scalars::{Be16, Be32, Be64, Bool, KernelPtr};
pub use source::MapSource;
pub use spec::{MapFlags, MapSpec, Pinning};
