//! Maps in the memory of the process: arrays with `BPF_F_MMAPABLE`.

use super::Map;
use crate::error::{Error, Operation, Result};
use crate::kind::MapValues;
use crate::shared::{ReadCell, SharedCell};
use crate::spec::{MapFlags, MapSpec};
use crate::sys;
use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

impl<S: MapSpec> Map<S>
where
    S::Kind: MapValues,
{
    /// The values in memory, to read and write without a system call (Linux 5.5). The map's spec has
    /// [`MapFlags::MMAPABLE`], or this does not compile.
    ///
    /// The kernel keeps values 8 bytes apart, or a multiple of it: the view has them one by one. It holds the map, and
    /// keeps it from being frozen.
    ///
    /// ```no_run
    /// # use bpfmap::{Map, MapFlags, MapSpec, kind, layout::Layout};
    /// # use std::sync::atomic::Ordering;
    /// /// Packets by protocol.
    /// pub enum Packets {}
    ///
    /// impl MapSpec for Packets {
    ///     type Kind = kind::Array;
    ///     type Key = u32;
    ///     type Value = u64;
    ///     const NAME: &'static str = "packets";
    ///     const MAX_ENTRIES: Option<u32> = Some(256);
    ///     const FLAGS: MapFlags = MapFlags::MMAPABLE;
    ///     const KEY_LAYOUT: &'static Layout = Layout::U32;
    ///     const VALUE_LAYOUT: &'static Layout = Layout::U64;
    /// }
    ///
    /// # fn main() -> bpfmap::Result<()> {
    /// let packets = Map::<Packets>::create()?;
    /// let values = packets.map_values()?;
    /// values[6].as_atomic().fetch_add(1, Ordering::Relaxed);
    /// let total: u64 = values.iter().map(|cell| cell.load()).sum();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `EPERM`: the map is frozen or the descriptor read-only: see [`map_values_read_only`](Self::map_values_read_only).
    /// `EACCES`: the map has [`MapFlags::RDONLY_PROG`]. `ENOMEM`: no address range is left.
    pub fn map_values(&self) -> Result<MappedValues<S>> {
        Memory::of_values::<S>(self.as_fd(), self.max_entries, libc::PROT_READ | libc::PROT_WRITE)
            .map(|memory| MappedValues { memory, spec: PhantomData })
    }

    /// The values in memory, to read without a system call: of a frozen map too (Linux 5.5).
    ///
    /// # Errors
    /// `EPERM`: the descriptor is write-only. `ENOMEM`: no address range is left.
    pub fn map_values_read_only(&self) -> Result<ReadOnlyValues<S>> {
        Memory::of_values::<S>(self.as_fd(), self.max_entries, libc::PROT_READ)
            .map(|memory| ReadOnlyValues { memory, spec: PhantomData })
    }
}

/// The values of an array in memory, see [`Map::map_values`].
pub struct MappedValues<S: MapSpec> {
    memory: Memory,
    spec: PhantomData<fn() -> S>,
}

/// The values of an array in memory, to read only; see [`Map::map_values_read_only`].
pub struct ReadOnlyValues<S: MapSpec> {
    memory: Memory,
    spec: PhantomData<fn() -> S>,
}

macro_rules! view {
    ($view:ident, $cell:ident) => {
        impl<S: MapSpec> $view<S> {
            /// The value of an index; `None` beyond the last.
            #[inline]
            #[must_use]
            pub fn get(&self, index: u32) -> Option<&$cell<S::Value>> {
                let cell = self.memory.value::<S>(index)?.cast();
                // SAFETY: the value of an index that there is, aligned as its stride is, mapped as long as this lives.
                Some(unsafe { cell.as_ref() })
            }

            /// How many values there are.
            #[inline]
            #[must_use]
            pub fn len(&self) -> u32 {
                self.memory.values
            }

            /// There is none; the kernel makes no such map.
            #[inline]
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// All values, by index.
            pub fn iter(&self) -> impl ExactSizeIterator<Item = &$cell<S::Value>> {
                let values = usize::try_from(self.len()).unwrap_or(usize::MAX);
                (0..values).map(|index| &self[u32::try_from(index).unwrap_or(u32::MAX)])
            }
        }

        impl<S: MapSpec> core::ops::Index<u32> for $view<S> {
            type Output = $cell<S::Value>;

            /// # Panics
            /// The index is beyond the last.
            #[inline]
            fn index(&self, index: u32) -> &$cell<S::Value> {
                self.get(index).unwrap_or_else(|| {
                    panic!("index {index} of {}, which has {} values", S::NAME, self.len())
                })
            }
        }

        impl<S: MapSpec> fmt::Debug for $view<S> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($view))
                    .field("map", &S::NAME)
                    .field("values", &self.len())
                    .finish()
            }
        }
    };
}
view!(MappedValues, SharedCell);
view!(ReadOnlyValues, ReadCell);

/// Memory that is shared with the kernel, until this is dropped.
pub(super) struct Memory {
    start: NonNull<u8>,
    len: usize,
    /// How many values of a map lie in it.
    values: u32,
    /// Whether somebody else unmaps it.
    lent: bool,
}

// SAFETY: an address range of the process, which no thread owns.
unsafe impl Send for Memory {}
// SAFETY: what lies in it is handed out as cells only, which any thread may use.
unsafe impl Sync for Memory {}

impl Memory {
    /// Maps `len` bytes of a map at `address`, or where the kernel likes.
    pub(super) fn map(
        fd: BorrowedFd<'_>,
        (address, len): (*mut u8, usize),
        access: i32,
    ) -> core::result::Result<Self, sys::Errno> {
        let fixed = if address.is_null() { 0 } else { libc::MAP_FIXED_NOREPLACE };
        let flags = libc::MAP_SHARED | fixed;
        // SAFETY: a new mapping, which replaces none.
        let start = unsafe { libc::mmap(address.cast(), len, access, flags, fd.as_raw_fd(), 0) };
        if start == libc::MAP_FAILED {
            return Err(sys::last_errno());
        }
        let start = NonNull::new(start.cast()).ok_or(sys::Errno(libc::ENOMEM))?;
        Ok(Self { start, len, values: 0, lent: false })
    }

    /// Memory that somebody else has mapped.
    ///
    /// # Safety
    /// It is a map's, has `len` bytes to read and write, and stays until this is dropped.
    #[cfg(feature = "libbpf-rs")]
    pub(super) unsafe fn lent(start: NonNull<u8>, len: usize) -> Self {
        Self { start, len, values: 0, lent: true }
    }

    fn of_values<S: MapSpec>(fd: BorrowedFd<'_>, values: u32, access: i32) -> Result<Self> {
        const {
            assert!(
                S::FLAGS.contains(MapFlags::MMAPABLE),
                "the map can't be mapped into memory: give it the flag `mmapable` in its schema"
            );
            assert!(align_of::<S::Value>() <= STRIDE_ALIGN, "values lie 8 bytes apart");
        };
        let len = stride::<S>().checked_mul(values as usize);
        let failed = |errno| Error::from_errno(Operation::Mmap, S::NAME, errno);
        let len = len.ok_or_else(|| failed(sys::Errno(libc::ENOMEM)))?;
        let memory = Self::map(fd, (core::ptr::null_mut(), len), access).map_err(failed)?;
        Ok(memory.holding(values))
    }

    fn holding(mut self, values: u32) -> Self {
        self.values = values;
        self
    }

    /// Where it starts.
    pub(super) fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// How many bytes it has.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    fn value<S: MapSpec>(&self, index: u32) -> Option<NonNull<u8>> {
        // SAFETY: the memory has `values` strides.
        (index < self.values).then(|| unsafe { self.start.add(index as usize * stride::<S>()) })
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if self.lent {
            return;
        }
        // SAFETY: the mapping of `map`, of which nobody has a reference any more: they borrow this.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}

/// The kernel rounds the room of a value up to a multiple of this (`kernel/bpf/arraymap.c`, `array_map_alloc`).
const STRIDE_ALIGN: usize = 8;

const fn stride<S: MapSpec>() -> usize {
    size_of::<S::Value>().next_multiple_of(STRIDE_ALIGN)
}
