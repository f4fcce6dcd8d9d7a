//! Programs, the entries of a `prog_array`.

use super::{descriptor, id};
use crate::kind::{HoldObjects, ProgArray, ShowObjects};
use crate::spec::MapSpec;
use core::fmt;
use std::os::fd::{AsFd, BorrowedFd};

/// A borrowed descriptor of a loaded BPF program, which you can store in a [`ProgArray`].
///
/// The program can come from any loader. Write `ProgramFd::new(program.as_fd())` for a
/// `libbpf_rs::Program`, and `ProgramFd::new(program.fd()?.as_fd())` for a program of aya.
#[derive(Clone, Copy, Debug)]
pub struct ProgramFd<'a>(BorrowedFd<'a>);

impl<'a> ProgramFd<'a> {
    /// Wraps the descriptor of a program from any library. With any other descriptor,
    /// [`set`](crate::Map::set) fails with `EBADF` or `EINVAL`.
    #[must_use]
    pub const fn new(fd: BorrowedFd<'a>) -> Self {
        Self(fd)
    }
}

impl AsFd for ProgramFd<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0
    }
}

/// The id of a program, which is unique as long as the program exists. `bpftool prog` shows these
/// ids.
///
/// ```no_run
/// use bpfmap::{Map, MapSpec, ProgramId, kind};
///
/// /// Returns whether a tail call to `index` runs the program with the id `program`. `bpftool
/// /// prog` shows the ids of programs.
/// fn runs<Jumps>(jumps: &Map<Jumps>, index: u32, program: u32) -> bpfmap::Result<bool>
/// where
///     Jumps: MapSpec<Kind = kind::ProgArray, Key = u32>,
/// {
///     let installed: Option<ProgramId> = jumps.get(&index)?;
///     Ok(installed.is_some_and(|id| id.get() == program))
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProgramId(u32);

impl ProgramId {
    /// Returns the id of a program, or `None` for 0, which means that there is no program.
    pub(super) fn shown(id: u32) -> Option<Self> {
        (id != 0).then_some(Self(id))
    }

    /// Returns the id as a number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for ProgramId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<S: MapSpec> crate::kind::objects::Held<S> for ProgArray {}

impl<S: MapSpec> HoldObjects<S> for ProgArray {
    type Object<'a> = ProgramFd<'a>;

    fn to_kernel(program: &ProgramFd<'_>) -> [u8; 8] {
        descriptor(program.0)
    }

    fn refusal(errno: i32) -> Option<&'static str> {
        Some(match errno {
            libc::EBADF => "the descriptor is closed",
            libc::EINVAL => {
                "the descriptor is not a program, or the program differs in type or attach type from the first program that used the map"
            }
            _ => return None,
        })
    }
}

impl<S: MapSpec> crate::kind::objects::Shown<S> for ProgArray {}

impl<S: MapSpec> ShowObjects<S> for ProgArray {
    type Shown = ProgramId;

    fn from_kernel(value: [u8; 8]) -> ProgramId {
        ProgramId(id(value))
    }
}
