//! Operations on `struct_ops` maps, whose programs replace functions of the kernel.

use super::Map;
use super::info::Info;
use crate::kind::RegisterOps;
use crate::spec::MapSpec;
use crate::user_space::error::{Action, Error, ErrorKind, Result};
use crate::user_space::sys::{self, Command, DeleteAttr, ElementAttr, Errno};
use core::ptr::from_ref;
use std::os::fd::{AsFd, AsRawFd};

/// The state of a `struct_ops` map (`enum bpf_struct_ops_state` in `kernel/bpf/bpf_struct_ops.c` and
/// `include/linux/bpf.h`).
///
/// ```no_run
/// use bpfmap::{Map, MapSpec, StructOpsState, kind};
///
/// /// Describes the state of a map, for a command that lists maps.
/// fn describe<Ops>(ops: &Map<Ops>) -> bpfmap::Result<String>
/// where
///     Ops: MapSpec<Kind = kind::StructOps, Key = u32>,
/// {
///     let registration = ops.registration()?;
///     Ok(match registration.state {
///         StructOpsState::Init => "not registered".to_owned(),
///         StructOpsState::InUse => format!("in use, {} references", registration.references),
///         StructOpsState::ToBeFreed => "unregistered, and still in use".to_owned(),
///         StructOpsState::Ready => "waits for a link".to_owned(),
///         StructOpsState::Other(number) => format!("in a state that is not known: {number}"),
///         other => format!("{other:?}"),
///     })
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StructOpsState {
    /// The map is loaded, but its programs do not replace functions yet.
    Init,
    /// The programs are registered, and the kernel can call them.
    InUse,
    /// The programs were unregistered, and will be freed when their last user ends.
    ToBeFreed,
    /// The map is ready for a link, which will register the programs (Linux 6.4, with
    /// [`MapFlags::LINK`](crate::MapFlags::LINK)).
    Ready,
    /// A state that this version of bpfmap does not know. It contains the kernel's number for the
    /// state.
    Other(u32),
}

/// The registration of a `struct_ops` map: see [`Map::registration`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Registration {
    /// The state of the map.
    pub state: StructOpsState,
    /// The number of references, including the reference of the map itself. The number is 0 before
    /// the programs are registered, and always 0 if a link registers the programs.
    pub references: u32,
}

impl<S: MapSpec> Map<S>
where
    S::Kind: RegisterOps,
{
    /// Returns the registration of the `struct_ops` map (Linux 5.6).
    ///
    /// To register the programs of the map, call libbpf's `attach_struct_ops` on the map of the
    /// object.
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
    /// `EPERM`: the descriptor is write-only. [`Mismatch`](ErrorKind::Mismatch): the kernel's value
    /// is too short to contain a registration.
    pub fn registration(&self) -> Result<Registration> {
        let failed = |errno| Self::failed(Action::Lookup, errno);
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
        // SAFETY: the key is a static of 4 bytes, which the kernel requires for this map type, and is only read. The
        // value has the size that the kernel reported for this map, which never changes.
        unsafe { sys::bpf(Command::LookupElem, &mut attr) }.map_err(failed)?;
        let number = |at: usize| value.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes);
        let (Some(references), Some(state)) = (number(0), number(4)) else {
            let text = format!("a value of {size} bytes is too small for a registration");
            return Err(Error::told(Action::Lookup, S::DEF.name, ErrorKind::Mismatch, 0, text));
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

    /// Unregisters the programs (Linux 5.6). Returns `false` if the programs were not registered.
    /// Existing users keep the programs for the rest of their lifetime. For example, an open
    /// connection keeps its congestion control.
    ///
    /// # Errors
    /// `EINPROGRESS`: the programs were unregistered before and are still in use. `EOPNOTSUPP`: a
    /// link registered the programs. The programs are unregistered when this link is dropped.
    pub fn unregister(&self) -> Result<bool> {
        let mut attr = DeleteAttr {
            map_fd: sys::fd_bits(self.as_raw_fd()),
            _pad: 0,
            key: sys::address(from_ref(&REGISTRATION)),
        };
        // SAFETY: the key is a static of 4 bytes, which the kernel requires for this map type, and is only read.
        match unsafe { sys::bpf(Command::DeleteElem, &mut attr) } {
            Ok(_) => Ok(true),
            Err(Errno(libc::ENOENT)) => Ok(false),
            Err(errno) => Err(Self::failed(Action::Delete, errno)),
        }
    }
}

/// The key of the only entry.
const REGISTRATION: u32 = 0;
