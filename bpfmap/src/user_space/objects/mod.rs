//! Types for maps whose entries are kernel objects: the objects that user space stores, and the
//! results of lookups.

/// The types depend on the map's value, so a separate trait for the value defines them.
macro_rules! by_value {
    (HoldObjects for $kind:ident, $value:ident, $refusal:path) => {
        impl<S: crate::spec::MapSpec<Value: $value>> crate::kind::objects::Held<S>
            for crate::kind::$kind
        {
        }

        impl<S: crate::spec::MapSpec<Value: $value>> crate::kind::HoldObjects<S>
            for crate::kind::$kind
        {
            type Object<'a> = <S::Value as $value>::Object<'a>;

            fn to_kernel(object: &Self::Object<'_>) -> [u8; 8] {
                S::Value::to_kernel(object)
            }

            fn refusal(errno: i32) -> Option<&'static str> {
                $refusal(errno)
            }
        }
    };
    (ShowObjects for $kind:ident, $value:ident) => {
        impl<S: crate::spec::MapSpec<Value: $value>> crate::kind::objects::Shown<S>
            for crate::kind::$kind
        {
        }

        impl<S: crate::spec::MapSpec<Value: $value>> crate::kind::ShowObjects<S>
            for crate::kind::$kind
        {
            type Shown = <S::Value as $value>::Shown;

            fn from_kernel(value: [u8; 8]) -> Self::Shown {
                S::Value::from_kernel(value)
            }
        }
    };
}

mod cgroup;
mod cpu;
mod device;
mod inner;
mod owner;
mod perf_event;
mod program;
mod socket;

pub use cgroup::CgroupFd;
pub use cpu::{CpuQueue, CpuQueueSize, ShownCpuQueue};
pub use device::{Device, InterfaceIndex, ShownDevice};
pub use inner::MapId;
pub(crate) use inner::as_inner;
pub use owner::{FileFd, PidFd};
pub use perf_event::PerfEventFd;
pub use program::{ProgramFd, ProgramId};
pub use socket::{SocketCookie, SocketFd};

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

/// Returns the value that passes a descriptor to the kernel: an `int`, followed by zeros.
fn descriptor(fd: BorrowedFd<'_>) -> [u8; 8] {
    let mut value = [0; 8];
    value[..4].copy_from_slice(&fd.as_raw_fd().to_ne_bytes());
    value
}

/// Returns the id that the kernel has written to the first 4 bytes of a value.
fn id([a, b, c, d, ..]: [u8; 8]) -> u32 {
    u32::from_ne_bytes([a, b, c, d])
}

/// Returns the two halves of a value: a number and a program.
fn halves(value: [u8; 8]) -> (u32, u32) {
    let half = |start| {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&value[start..start + 4]);
        u32::from_ne_bytes(bytes)
    };
    (half(0), half(4))
}

/// Returns the value that passes a number and a program to the kernel. If there is no program, the
/// value contains a descriptor that is not positive.
fn number_and_program(number: u32, program: Option<ProgramFd<'_>>) -> [u8; 8] {
    let mut value = [0; 8];
    value[..4].copy_from_slice(&number.to_ne_bytes());
    let program = program.map_or(-1, |program| program.as_fd().as_raw_fd());
    value[4..].copy_from_slice(&program.to_ne_bytes());
    value
}
