//! Structs of programs that stand in for functions of the kernel.

use super::Map;
use super::info::Info;
use crate::error::{Error, ErrorKind, Operation, Result};
use crate::kind::RegisterOps;
use crate::spec::MapSpec;
use crate::sys::{self, Command, DeleteAttr, ElementAttr, Errno};
use core::ptr::from_ref;
use std::os::fd::{AsFd, AsRawFd};

/// How far a struct of programs is on its way (`enum bpf_struct_ops_state` in `kernel/bpf/bpf_struct_ops.c` and
/// `include/linux/bpf.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StructOpsState {
    /// It is loaded, and stands in for nothing.
    Init,
    /// The kernel calls it, or may.
    InUse,
    /// It was taken back, and goes when the last one who uses it does.
    ToBeFreed,
    /// It waits for a link to register it (Linux 6.4, with [`MapFlags::LINK`](crate::MapFlags::LINK)).
    Ready,
    /// What a newer kernel says.
    Other(u32),
}

/// The registration of a struct of programs, see [`Map::registration`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Registration {
    /// How far it is.
    pub state: StructOpsState,
    /// How many hold it: the map itself, and who uses it. 0 before it is registered, and with a link.
    pub references: u32,
}

impl<S: MapSpec> Map<S>
where
    S::Kind: RegisterOps,
{
    /// How far the struct of programs is on its way (Linux 5.6).
    ///
    /// libbpf registers it: `attach_struct_ops` of the object's map.
    ///
    /// ```no_run
    /// # use bpfmap::{MapDef, Map, MapSpec, StructOpsState, kind, TypeDesc};
    /// /// A congestion control.
    /// pub enum SlowStart {}
    ///
    /// impl MapSpec for SlowStart {
    ///     type Kind = kind::StructOps;
    ///     type Key = u32;
    ///     type Value = ();
    ///     const DEF: MapDef<'static> = kind::StructOps::def("slow_start", TypeDesc::U32, TypeDesc::VOID);
    /// }
    ///
    /// # fn main() -> bpfmap::Result<()> {
    /// let slow_start = Map::<SlowStart>::from_pinned("/sys/fs/bpf/slow_start")?;
    /// if slow_start.registration()?.state == StructOpsState::InUse {
    ///     slow_start.unregister()?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `EPERM`: the descriptor is write-only. [`Mismatch`](ErrorKind::Mismatch): the kernel's value is too short to
    /// hold a registration.
    pub fn registration(&self) -> Result<Registration> {
        let failed = |errno| Self::failed(Operation::Lookup, errno);
        let size = Info::of(self.as_fd()).map_err(failed)?.value_size as usize;
        // `struct bpf_struct_ops_common_value`: the count and the state come first.
        let mut value = vec![0_u8; size];
        let mut attr = ElementAttr {
            map_fd: sys::fd_bits(self.as_raw_fd()),
            _pad: 0,
            key: sys::address(from_ref(&REGISTRATION)),
            value_or_next_key: sys::address(value.as_mut_ptr()),
            flags: 0,
        };
        // SAFETY: the key is a static of 4 bytes, as the kernel asks of this map type, and read; the value has the size that
        // the kernel gave for this map, which never changes.
        unsafe { sys::bpf(Command::LookupElem, &mut attr) }.map_err(failed)?;
        let number = |at: usize| value.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes);
        let (Some(references), Some(state)) = (number(0), number(4)) else {
            let text = format!("a value of {size} bytes holds no registration");
            return Err(Error::told(Operation::Lookup, S::DEF.name, ErrorKind::Mismatch, 0, text));
        };
        let state = match state {
            0 => StructOpsState::Init,
            1 => StructOpsState::InUse,
            2 => StructOpsState::ToBeFreed,
            3 => StructOpsState::Ready,
            other => StructOpsState::Other(other),
        };
        Ok(Registration { state, references })
    }

    /// Takes the functions' places back from the programs (Linux 5.6); `false` when they had none. Who uses them
    /// already, as a connection does its congestion control, keeps them to its end.
    ///
    /// # Errors
    /// `EINPROGRESS`: they were taken back before and are still in use. `EOPNOTSUPP`: a link registered them, and takes
    /// them back when it is dropped.
    pub fn unregister(&self) -> Result<bool> {
        let mut attr = DeleteAttr {
            map_fd: sys::fd_bits(self.as_raw_fd()),
            _pad: 0,
            key: sys::address(from_ref(&REGISTRATION)),
        };
        // SAFETY: the key is a static of 4 bytes, as the kernel asks of this map type, and is only read.
        match unsafe { sys::bpf(Command::DeleteElem, &mut attr) } {
            Ok(_) => Ok(true),
            Err(Errno(libc::ENOENT)) => Ok(false),
            Err(errno) => Err(Self::failed(Operation::Delete, errno)),
        }
    }
}

/// The key of the one entry.
const REGISTRATION: u32 = 0;
