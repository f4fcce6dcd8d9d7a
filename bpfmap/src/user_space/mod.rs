//! Open maps, and what user space does with them. Everything here makes system calls, so it does not
//! exist in programs. The declarations of maps and types, which programs share, are outside.

mod btf;
mod difference;
pub(crate) mod error;
pub(crate) mod handles;
pub(crate) mod held;
mod live;
mod map;
pub(crate) mod mapping;
pub mod migrate;
pub(crate) mod objects;
mod oldest_kernel;
pub(crate) mod percpu;
pub(crate) mod possible_cpus;
pub(crate) mod preflight;
#[cfg(feature = "serde")]
mod serialize;
mod shared;
mod source;
mod stream;
mod sys;
pub mod verify;

pub use bpfmap_btf::section_of_object as object_btf;
pub use error::{Action, Error, ErrorKind, Result};
pub use live::LiveMap;
pub use map::{
    Arena, ArenaPtr, Drain, Info, IntoObject, Iter, Keys, LayoutCheck, Map, MappedValues, Object,
    Objects, OpenOptions, Owner, ReadOnlyValues, Registration, Shown, StackFrame, StructOpsState,
    Value, Walk,
};
pub use objects::{
    CgroupFd, CpuQueue, CpuQueueSize, Device, FileFd, InterfaceIndex, MapId, PerfEventFd, PidFd,
    ProgramFd, ProgramId, ShownCpuQueue, ShownDevice, SocketCookie, SocketFd,
};
pub use oldest_kernel::AnyKernel;
pub use percpu::{PerCpu, PerCpuIntoIter, PerCpuIter, PerCpuIterMut};
pub use possible_cpus::possible_cpus;
pub use preflight::{preflight, running_kernel};
pub use shared::{ReadCell, SharedCell};
pub use source::{ArenaSource, MapSource};
#[cfg(fuzzing)]
pub(crate) use stream::drive_ring;
pub use stream::{
    PerfBuffer, PerfBufferOptions, PerfRecord, Records, Reservation, RingBuf, UserRingBuf,
};
