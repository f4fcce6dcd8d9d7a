//! Arenas: memory that programs and user space share. A pointer into an arena is valid for both.

use super::Map;
use crate::kind::MapArena;
use crate::plain::Plain;
use crate::scalars::KernelPtr;
use crate::spec::MapSpec;
use crate::user_space::error::{Action, Error, ErrorKind, Result};
use crate::user_space::mapping::{Access, Mapping, page_size};
use crate::user_space::shared::SharedCell;
use crate::user_space::source::ArenaSource;
use crate::user_space::sys;
use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;
use std::os::fd::AsFd;

impl<S: MapSpec> Map<S>
where
    S::Kind: MapArena,
{
    /// Maps the arena into memory (Linux 6.9, x86-64 and arm64). The mapping begins at the address
    /// in the `map_extra` of [`MapSpec::DEF`]. If `map_extra` is 0, the kernel chooses the address.
    ///
    /// Every process must map the arena at the same address, because the pointers that programs
    /// store are valid only at this address. The kernel does not reveal an address that it has
    /// chosen. An arena without `map_extra` can therefore be mapped only once, by only one process.
    ///
    /// When a page is first read or written, the kernel allocates the page and fills it with zeros.
    /// With the flag [`MapFlags::SEGV_ON_FAULT`](crate::MapFlags::SEGV_ON_FAULT), an access to a
    /// page that no program has allocated raises `SIGSEGV` instead.
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
    /// A process can map an arena only once. For an object that libbpf has loaded, use
    /// [`arena_in`](Self::arena_in), because libbpf has already mapped the arenas of the object.
    ///
    /// # Errors
    /// `EBUSY`, `EINVAL`: this process has already mapped the arena, the arena was mapped before at
    /// an address that the kernel chose, or the address is not a multiple of the page size.
    /// `EEXIST`: the address is in use. `ENOMEM`: no address range is free.
    pub fn map_arena(&self) -> Result<Arena<'static, S>> {
        let failed = |errno| Error::from_errno(Action::Mmap, S::DEF.name, errno);
        let address =
            usize::try_from(S::DEF.map_extra).map_err(|_| failed(sys::Errno(libc::EINVAL)))?;
        let address = core::ptr::with_exposed_provenance_mut(address);
        let len = self.arena_len()?;
        let memory = Mapping::at_address(self.as_fd(), address, 0, len, Access::ReadWrite);
        let memory = Memory::Own(memory.map_err(failed)?);
        Ok(Arena { memory, spec: PhantomData, stays: PhantomData })
    }

    /// Returns the arena that the loader of an object has already mapped into memory (Linux 6.9).
    /// The result borrows the object, because the arena stays mapped only as long as the object
    /// exists.
    ///
    /// libbpf maps the arenas that it creates. libbpf does not map an arena that existed before,
    /// such as a pinned arena. If libbpf has not mapped the arena, this method maps the arena like
    /// [`map_arena`](Self::map_arena). If another process has mapped the arena before, the spec
    /// must have a `map_extra` in [`MapSpec::DEF`].
    ///
    /// ```no_run
    /// use bpfmap::{ArenaSource, Map, MapSpec, kind};
    ///
    /// /// Returns the counter at the start of an arena. Pass a `libbpf_rs::Object` whose arena
    /// /// libbpf has mapped.
    /// fn counted<Pool: MapSpec<Kind = kind::Arena>>(object: &impl ArenaSource) -> bpfmap::Result<u64> {
    ///     let pool = Map::<Pool>::from_object(object)?;
    ///     let arena = pool.arena_in(object)?;
    ///     Ok(arena.at::<u64>(0).expect("an arena has a page").load())
    /// }
    /// ```
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound): the object has no map with this name.
    /// [`Mismatch`](ErrorKind::Mismatch): the object's map with this name is not the map of this
    /// handle. For an arena that the loader did not map, also fails in the same cases as
    /// [`map_arena`](Self::map_arena).
    pub fn arena_in<'o>(&self, object: &'o impl ArenaSource) -> Result<Arena<'o, S>> {
        let own = self.info()?.id;
        if Self::from_object(object)?.info()?.id != own {
            let text = "the object has a different map with this name".to_owned();
            return Err(Error::told(Action::Mmap, S::DEF.name, ErrorKind::Mismatch, 0, text));
        }
        let Some(start) = object.arena_start(S::DEF.name) else { return self.map_arena() };
        let memory = Memory::Loader { start, len: self.arena_len()? };
        Ok(Arena { memory, spec: PhantomData, stays: PhantomData })
    }

    fn arena_len(&self) -> Result<usize> {
        let pages = usize::try_from(self.max_entries()).unwrap_or(usize::MAX);
        let failed = || Error::from_errno(Action::Mmap, S::DEF.name, sys::Errno(libc::ENOMEM));
        pages.checked_mul(page_size()).ok_or_else(failed)
    }
}

/// An arena that is mapped into memory: see [`Map::map_arena`]. The arena stays mapped for the
/// lifetime `'m`.
///
/// ```no_run
/// use bpfmap::{Arena, ArenaPtr, KernelPtr, Map, MapSpec, kind};
///
/// /// A node of a list that a program builds in the arena.
/// #[derive(Clone, Copy)]
/// #[repr(C)]
/// struct Node {
///     next: KernelPtr,
///     number: u64,
/// }
/// bpfmap::plain!(Node { next: KernelPtr, number: u64 });
///
/// /// Adds up the numbers of the list that begins at the start of the arena.
/// fn sum<Pool: MapSpec>(arena: &Arena<'_, Pool>) -> u64 {
///     let mut sum = 0;
///     let mut next: Option<ArenaPtr<Node>> = arena.pointer(0);
///     // Visits at most as many nodes as fit in the memory, because the list may be circular.
///     for _ in 0..arena.len() / size_of::<Node>() {
///         // The list ends at a null pointer or at a pointer outside the arena.
///         let Some(cell) = arena.follow(next.unwrap_or(ArenaPtr::NULL)) else { break };
///         let node = cell.load();
///         sum += node.number;
///         next = Some(node.next.into());
///     }
///     sum
/// }
///
/// fn print<Pool: MapSpec<Kind = kind::Arena>>(pool: &Map<Pool>) -> bpfmap::Result<()> {
///     let arena = pool.map_arena()?;
///     assert!(!arena.is_empty());
///     let first = arena.pointer::<Node>(0).expect("an arena has a page");
///     assert_eq!(first.address(), arena.address());
///     println!("{} bytes at {:#x} with the sum {}", arena.len(), arena.address(), sum(&arena));
///     Ok(())
/// }
/// ```
pub struct Arena<'m, S: MapSpec> {
    memory: Memory,
    spec: PhantomData<fn() -> S>,
    stays: PhantomData<&'m ()>,
}

impl<S: MapSpec> Arena<'_, S> {
    /// Returns the value at an offset from the arena's start, or `None` if a part of the value is
    /// outside the arena or if the offset is not aligned for `T`.
    ///
    /// Always access a memory location as the same type, or access it from only one thread at a
    /// time. If several threads access overlapping values of different sizes at the same time, the
    /// processor performs each access atomically, but Rust's memory model does not define the
    /// result.
    #[must_use]
    pub fn at<T: Plain>(&self, offset: usize) -> Option<&SharedCell<T>> {
        let end = offset.checked_add(size_of::<T>())?;
        if end > self.memory.len() {
            return None;
        }
        // SAFETY: the address is within the memory, or at its end if `T` has size zero.
        let place = unsafe { self.memory.start().add(offset) }.cast::<SharedCell<T>>();
        // The start is aligned to a page, but a type may have a larger alignment.
        if !place.is_aligned() {
            return None;
        }
        // SAFETY: the address is aligned and within the memory. The memory is mapped as long as this value lives: by
        // this value, or by the loader, which promises (`ArenaSource`) that it stays mapped as long as the object is
        // borrowed. Others can write to it at any time, and a cell uses only atomic accesses.
        Some(unsafe { place.as_ref() })
    }

    /// Returns the target of a pointer that a program or a process has stored in the arena, or `None` if the pointer is
    /// null, points outside the arena or is not aligned.
    ///
    /// Programs store the address that is valid in user space. The upper 32 bits of a stored
    /// address can be zero, because programs need only the lower 32 bits.
    #[must_use]
    pub fn follow<T: Plain>(&self, pointer: impl Into<ArenaPtr<T>>) -> Option<&SharedCell<T>> {
        let address = pointer.into().address;
        if address == 0 {
            return None;
        }
        // An arena crosses no 4 GiB boundary, so 32 bits determine the offset.
        let start = self.address();
        if address >> 32 != 0 && address >> 32 != start >> 32 {
            return None;
        }
        self.at(usize::try_from(lower_half(address).checked_sub(lower_half(start))?).ok()?)
    }

    /// Returns a pointer to the value at an offset. You can store this pointer in the arena so that
    /// programs can use it. Returns `None` in the same cases as [`at`](Self::at).
    #[must_use]
    pub fn pointer<T: Plain>(&self, offset: usize) -> Option<ArenaPtr<T>> {
        self.at::<T>(offset)?;
        Some(ArenaPtr { address: self.address() + offset as u64, points_to: PhantomData })
    }

    /// Returns the address of the arena's start, which is the same in every process.
    #[must_use]
    pub fn address(&self) -> u64 {
        sys::address(self.memory.start().as_ptr())
    }

    /// Returns the size of the arena in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.memory.len()
    }

    /// Returns whether the size of the arena is 0. The result is always `false`, because the kernel
    /// does not allow an empty arena.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The owner of an arena's mapping.
enum Memory {
    Own(Mapping),
    Loader { start: NonNull<u8>, len: usize },
}

// SAFETY: no thread owns the address range. Its contents are accessible only through cells.
unsafe impl Send for Memory {}
// SAFETY: only the address of the range is shared, and cells allow access from several threads.
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

/// Returns the low 32 bits of an address.
const fn lower_half(address: u64) -> u64 {
    address & 0xffff_ffff
}

/// A pointer into an arena, as programs and user space store it. It has 8 bytes, which contain the
/// address in user space.
#[repr(C)]
pub struct ArenaPtr<T> {
    address: u64,
    points_to: PhantomData<*const T>,
}

impl<T> ArenaPtr<T> {
    /// The null pointer.
    pub const NULL: Self = Self { address: 0, points_to: PhantomData };

    /// Returns the address in user space.
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

// SAFETY: eight bytes that may have any value. The only safe code that dereferences the address is
// `Arena::follow`, which checks it.
unsafe impl<T: 'static> Plain for ArenaPtr<T> {}
// SAFETY: an address that only `Arena::follow` dereferences.
unsafe impl<T> Send for ArenaPtr<T> {}
// SAFETY: an address that can't be changed through a shared reference.
unsafe impl<T> Sync for ArenaPtr<T> {}
