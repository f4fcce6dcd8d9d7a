//! Arenas: memory that programs and user space share, with pointers that mean the same to both.

use super::Map;
use crate::error::{Error, ErrorKind, Operation, Result};
use crate::kind::MapArena;
use crate::mapping::{Access, Mapping, page_size};
use crate::plain::Plain;
use crate::scalars::KernelPtr;
use crate::shared::SharedCell;
use crate::source::ArenaSource;
use crate::spec::MapSpec;
use crate::sys;
use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;
use std::os::fd::AsFd;

impl<S: MapSpec> Map<S>
where
    S::Kind: MapArena,
{
    /// The arena in memory (Linux 6.9, x86-64 and arm64): at `MAP_EXTRA` where the spec says one, else where the kernel
    /// likes. Every process that maps it has it at the same address, which is how a pointer that a program stored means
    /// something here. The kernel tells nobody which address it chose, so an arena without `MAP_EXTRA` is mapped once:
    /// no other process can map it, nor this one again.
    ///
    /// A page that nobody touched yet comes when it is read or written, filled with zeros; with
    /// [`MapFlags::SEGV_ON_FAULT`](crate::MapFlags::SEGV_ON_FAULT) that is a signal (`SIGSEGV`) unless a program
    /// allocated the page before.
    ///
    /// ```no_run
    /// # use bpfmap::{MapDef, Map, MapFlags, MapSpec, kind, TypeDesc};
    /// /// Memory of the scheduler.
    /// pub enum Pool {}
    ///
    /// impl MapSpec for Pool {
    ///     type Kind = kind::Arena;
    ///     type Key = ();
    ///     type Value = ();
    ///     const DEF: MapDef<'static> = kind::Arena::def("pool", TypeDesc::VOID, TypeDesc::VOID)
    ///         .max_entries(16)
    ///         .flags(MapFlags::MMAPABLE);
    /// }
    ///
    /// # fn main() -> bpfmap::Result<()> {
    /// let pool = Map::<Pool>::create()?;
    /// let arena = pool.map_arena()?;
    /// let counter = arena.at::<u64>(64).expect("the arena has 16 pages");
    /// counter.store(1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// A process has an arena in memory once: libbpf has it there already for the object that it loaded, see
    /// [`arena_in`](Self::arena_in).
    ///
    /// # Errors
    /// `EBUSY`, `EINVAL`: this process has the arena in memory, somebody had it where the kernel chose, or the address is
    /// no multiple of a page. `EEXIST`: something else lies at the address. `ENOMEM`: no address range is left.
    pub fn map_arena(&self) -> Result<Arena<'static, S>> {
        let failed = |errno| Error::from_errno(Operation::Mmap, S::DEF.name, errno);
        let address =
            usize::try_from(S::DEF.map_extra).map_err(|_| failed(sys::Errno(libc::EINVAL)))?;
        let address = core::ptr::with_exposed_provenance_mut(address);
        let len = self.arena_len()?;
        let memory = Mapping::at_address(self.as_fd(), address, 0, len, Access::ReadWrite);
        let memory = Memory::Own(memory.map_err(failed)?);
        Ok(Arena { memory, spec: PhantomData, stays: PhantomData })
    }

    /// Returns the arena where the object's loader has it in memory, for as long as the object lives (Linux 6.9).
    ///
    /// Libbpf maps the arenas that it makes. One that it did not make for this object, such as one that was pinned
    /// before, it does not map: then this method does, as [`map_arena`](Self::map_arena), which takes
    /// `map_extra` of [`MapSpec::DEF`] if the arena was mapped before.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound): the object has no such map. [`Mismatch`](ErrorKind::Mismatch): the object's is
    /// another map than this one. Those of [`map_arena`](Self::map_arena), of an arena that the loader did not map.
    pub fn arena_in<'o>(&self, object: &'o impl ArenaSource) -> Result<Arena<'o, S>> {
        let own = self.info()?.id;
        if Self::from_object(object)?.info()?.id != own {
            let text = "the object has another map of this name".to_owned();
            return Err(Error::told(Operation::Mmap, S::DEF.name, ErrorKind::Mismatch, 0, text));
        }
        let Some(start) = object.arena_start(S::DEF.name) else { return self.map_arena() };
        let memory = Memory::Loader { start, len: self.arena_len()? };
        Ok(Arena { memory, spec: PhantomData, stays: PhantomData })
    }

    fn arena_len(&self) -> Result<usize> {
        let pages = usize::try_from(self.max_entries()).unwrap_or(usize::MAX);
        let failed = || Error::from_errno(Operation::Mmap, S::DEF.name, sys::Errno(libc::ENOMEM));
        pages.checked_mul(page_size()).ok_or_else(failed)
    }
}

/// An arena in memory, see [`Map::map_arena`]; `'m` is how long it stays there.
pub struct Arena<'m, S: MapSpec> {
    memory: Memory,
    spec: PhantomData<fn() -> S>,
    stays: PhantomData<&'m ()>,
}

impl<S: MapSpec> Arena<'_, S> {
    /// The value at an offset from the arena's start; `None` when it does not lie in the arena as a whole, or the
    /// offset is not aligned for it.
    ///
    /// Read and write a place by one type, or from one thread at a time: the processor does accesses of different sizes
    /// that overlap one by one, but the memory model of Rust does not define them when they race.
    #[must_use]
    pub fn at<T: Plain>(&self, offset: usize) -> Option<&SharedCell<T>> {
        let end = offset.checked_add(size_of::<T>())?;
        if end > self.memory.len() {
            return None;
        }
        // SAFETY: within the memory, or at its end where `T` has no bytes.
        let place = unsafe { self.memory.start().add(offset) }.cast::<SharedCell<T>>();
        // The start is aligned to a page, and a type may ask for more.
        if !place.is_aligned() {
            return None;
        }
        // SAFETY: aligned, and within the memory, which is mapped as long as this lives: by this, or by the loader, which
        // promises (`ArenaSource`) that it is as long as the object is borrowed. Others write to it at any time, and a cell
        // is accessed by atomics alone.
        Some(unsafe { place.as_ref() })
    }

    /// What a pointer points to that a program or a process put into the arena; `None` for the null pointer and for
    /// one that leads out of the arena or is not aligned.
    ///
    /// Programs store the address as user space knows it; the upper half may be missing, since they need but 32 bits.
    #[must_use]
    pub fn follow<T: Plain>(&self, pointer: impl Into<ArenaPtr<T>>) -> Option<&SharedCell<T>> {
        let address = pointer.into().address;
        if address == 0 {
            return None;
        }
        // An arena crosses no 4 GiB boundary, so 32 bits tell where in it an address is.
        let start = self.address();
        if address >> 32 != 0 && address >> 32 != start >> 32 {
            return None;
        }
        self.at(usize::try_from(lower_half(address).checked_sub(lower_half(start))?).ok()?)
    }

    /// The pointer to the value at an offset, to be stored where a program follows it.
    #[must_use]
    pub fn pointer<T: Plain>(&self, offset: usize) -> Option<ArenaPtr<T>> {
        self.at::<T>(offset)?;
        Some(ArenaPtr { address: self.address() + offset as u64, points_to: PhantomData })
    }

    /// The address of the arena's start, the same in every process.
    #[must_use]
    pub fn address(&self) -> u64 {
        sys::address(self.memory.start().as_ptr())
    }

    /// How many bytes the arena has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.memory.len()
    }

    /// It has none; the kernel makes no such arena.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Who has mapped an arena.
enum Memory {
    Own(Mapping),
    Loader { start: NonNull<u8>, len: usize },
}

// SAFETY: an address range of the process, which no thread owns; what lies in it is handed out as cells only.
unsafe impl Send for Memory {}
// SAFETY: all that is shared is where the range is; the cells in it are made for access from several threads.
unsafe impl Sync for Memory {}

impl Memory {
    fn start(&self) -> NonNull<u8> {
        match self {
            Self::Own(mapping) => mapping.start(),
            Self::Loader { start, .. } => *start,
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Own(mapping) => mapping.len(),
            Self::Loader { len, .. } => *len,
        }
    }
}

impl<S: MapSpec> fmt::Debug for Arena<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arena")
            .field("map", &S::DEF.name)
            .field("address", &format_args!("{:#x}", self.address()))
            .field("len", &self.len())
            .finish()
    }
}

/// What 32 bits keep of an address.
const fn lower_half(address: u64) -> u64 {
    address & 0xffff_ffff
}

/// A pointer into an arena, as both sides store it: 8 bytes, the address in user space.
#[repr(C)]
pub struct ArenaPtr<T> {
    address: u64,
    points_to: PhantomData<*const T>,
}

impl<T> ArenaPtr<T> {
    /// Points nowhere.
    pub const NULL: Self = Self { address: 0, points_to: PhantomData };

    /// The address in user space.
    #[must_use]
    pub const fn address(self) -> u64 {
        self.address
    }
}

impl<T> From<KernelPtr> for ArenaPtr<T> {
    fn from(pointer: KernelPtr) -> Self {
        Self { address: pointer.address(), points_to: PhantomData }
    }
}

impl<T> Copy for ArenaPtr<T> {}

impl<T> Clone for ArenaPtr<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> PartialEq for ArenaPtr<T> {
    fn eq(&self, other: &Self) -> bool {
        self.address == other.address
    }
}

impl<T> Eq for ArenaPtr<T> {}

impl<T> fmt::Debug for ArenaPtr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.address)
    }
}

// SAFETY: eight bytes that may have any value; no safe code follows the address but `Arena::follow`, which checks it.
unsafe impl<T: 'static> Plain for ArenaPtr<T> {}
// SAFETY: an address, which is followed by `Arena::follow` alone.
unsafe impl<T> Send for ArenaPtr<T> {}
// SAFETY: an address, which nothing changes through a reference.
unsafe impl<T> Sync for ArenaPtr<T> {}
