//! Values of arrays with the flag `BPF_F_MMAPABLE`, mapped into the memory of the process.

use super::Map;
use crate::kind::MapValues;
use crate::spec::MapSpec;
use crate::user_space::error::{Action, Error, Result};
use crate::user_space::mapping::{Access, Mapping};
use crate::user_space::shared::{ReadCell, SharedCell};
use crate::user_space::sys::Errno;
use bpfmap_core::MapFlags;
use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;
use std::os::fd::AsFd;

impl<S: MapSpec> Map<S>
where
    S::Kind: MapValues,
{
    /// Maps the values of the array into memory for reading and writing (Linux 5.5). Accesses to
    /// the mapped values need no system calls. This method compiles only if the map's spec has the
    /// flag [`MapFlags::MMAPABLE`].
    ///
    /// The result is a view, which returns references to single values. The kernel aligns each
    /// value to 8 bytes. The view keeps the map alive. While the view exists, the map can't be
    /// frozen.
    ///
    /// ```no_run
    /// # use bpfmap::{MapDef, Map, MapFlags, MapSpec, kind, TypeDesc};
    /// # use std::sync::atomic::Ordering;
    /// /// Packets by protocol.
    /// pub enum Packets {}
    ///
    /// impl MapSpec for Packets {
    ///     type Kind = kind::Array;
    ///     type Key = u32;
    ///     type Value = u64;
    ///     const DEF: MapDef<'static> = kind::Array::def("packets", TypeDesc::U32, TypeDesc::U64)
    ///         .max_entries(256)
    ///         .flags(MapFlags::MMAPABLE);
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
    /// `EPERM`: the map is frozen. For a frozen map, use
    /// [`map_values_read_only`](Self::map_values_read_only). `EACCES`: the map has
    /// [`MapFlags::RDONLY_PROG`], or the descriptor is read-only or write-only. `ENOMEM`: no
    /// address range is free.
    pub fn map_values(&self) -> Result<MappedValues<S>> {
        let values = Values::new(self, Access::ReadWrite)?;
        Ok(MappedValues { values, spec: PhantomData })
    }

    /// Maps the values of the array into memory for reading only (Linux 5.5). Reading the mapped
    /// values needs no system calls. This method also works for a frozen map.
    ///
    /// ```
    /// # #[cfg(feature = "derive")] fn main() -> bpfmap::Result<()> {
    /// use bpfmap::{BpfMap, Map, UpdateMode};
    ///
    /// #[derive(BpfMap)]
    /// #[bpf_map(array, max_entries = 4, flags(mmapable))]
    /// struct Config {
    ///     value: u64,
    /// }
    ///
    /// let config = Map::<Config>::create()?;
    /// config.update(&1, &7, UpdateMode::Any)?;
    /// config.freeze()?;
    /// assert!(config.map_values().is_err(), "a frozen map can't be mapped for writing");
    ///
    /// let values = config.map_values_read_only()?;
    /// assert_eq!((values[1].load(), values.len(), values.is_empty()), (7, 4, false));
    /// assert!(values.get(4).is_none());
    /// assert_eq!(values.iter().map(|cell| cell.load()).sum::<u64>(), 7);
    /// # Ok(()) }
    /// # #[cfg(not(feature = "derive"))] fn main() {}
    /// ```
    ///
    /// # Errors
    /// `EACCES`: the descriptor is write-only. `EINVAL`: the descriptor is read-only
    /// ([`MapFlags::RDONLY`]). The kernel treats a mapping of such a descriptor as private, and
    /// maps don't support private mappings. `ENOMEM`: no address range is free.
    pub fn map_values_read_only(&self) -> Result<ReadOnlyValues<S>> {
        let values = Values::new(self, Access::Read)?;
        Ok(ReadOnlyValues { values, spec: PhantomData })
    }
}

/// A view of an array's values in memory: see [`Map::map_values`].
///
/// ```
/// # #[cfg(feature = "derive")] fn main() -> bpfmap::Result<()> {
/// use bpfmap::{BpfMap, Map};
///
/// #[derive(BpfMap)]
/// #[bpf_map(array, max_entries = 4, flags(mmapable))]
/// struct Packets {
///     value: u64,
/// }
///
/// let packets = Map::<Packets>::create()?;
/// let values = packets.map_values()?;
/// assert_eq!((values.len(), values.is_empty()), (4, false));
/// values.get(2).expect("there are four").store(9);
/// assert_eq!(packets.lookup(&2)?, Some(9));
/// # Ok(()) }
/// # #[cfg(not(feature = "derive"))] fn main() {}
/// ```
pub struct MappedValues<S: MapSpec> {
    values: Values,
    spec: PhantomData<fn() -> S>,
}

/// A read-only view of an array's values in memory: see [`Map::map_values_read_only`].
pub struct ReadOnlyValues<S: MapSpec> {
    values: Values,
    spec: PhantomData<fn() -> S>,
}

macro_rules! view {
    ($view:ident, $cell:ident) => {
        impl<S: MapSpec> $view<S> {
            /// Returns the value at an index, or `None` if the index is out of range.
            #[inline]
            #[must_use]
            pub fn get(&self, index: u32) -> Option<&$cell<S::Value>> {
                let cell = self.values.get::<S>(index)?.cast();
                // SAFETY: the index is valid, the value is aligned like its stride, and the mapping lives as long as
                // this view.
                Some(unsafe { cell.as_ref() })
            }

            /// Returns the number of values.
            #[inline]
            #[must_use]
            pub fn len(&self) -> u32 {
                self.values.len
            }

            /// Returns whether the array has no values. The result is always `false`, because the
            /// kernel does not allow an empty array.
            #[inline]
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// Returns an iterator over all values in the order of their indices.
            pub fn iter(&self) -> impl ExactSizeIterator<Item = &$cell<S::Value>> {
                let values = usize::try_from(self.len()).unwrap_or(usize::MAX);
                (0..values).map(|index| &self[u32::try_from(index).unwrap_or(u32::MAX)])
            }
        }

        impl<S: MapSpec> core::ops::Index<u32> for $view<S> {
            type Output = $cell<S::Value>;

            /// # Panics
            /// Panics if the index is out of range.
            #[inline]
            fn index(&self, index: u32) -> &$cell<S::Value> {
                self.get(index).unwrap_or_else(|| {
                    panic!(
                        "index {index} is out of range: `{}` has {} values",
                        S::DEF.name,
                        self.len()
                    )
                })
            }
        }

        impl<S: MapSpec> fmt::Debug for $view<S> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($view))
                    .field("map", &S::DEF.name)
                    .field("values", &self.len())
                    .finish()
            }
        }
    };
}
view!(MappedValues, SharedCell);
view!(ReadOnlyValues, ReadCell);

/// The values of an array in memory.
struct Values {
    mapping: Mapping,
    len: u32,
}

impl Values {
    fn new<S: MapSpec>(map: &Map<S>, access: Access) -> Result<Self> {
        const {
            assert!(
                S::DEF.flags.contains(MapFlags::MMAPABLE),
                "the map can't be mapped into memory: give it the flag `mmapable` in its schema"
            );
            assert!(align_of::<S::Value>() <= STRIDE_ALIGN, "values are aligned to 8 bytes");
        };
        let failed = |errno| Error::from_errno(Action::Mmap, S::DEF.name, errno);
        let len = stride::<S>().checked_mul(map.max_entries as usize);
        let len = len.ok_or_else(|| failed(Errno(libc::ENOMEM)))?;
        let mapping = Mapping::new(map.as_fd(), 0, len, access).map_err(failed)?;
        Ok(Self { mapping, len: map.max_entries })
    }

    #[inline]
    fn get<S: MapSpec>(&self, index: u32) -> Option<NonNull<u8>> {
        // SAFETY: the mapping has one stride for each value.
        (index < self.len).then(|| unsafe { self.mapping.at(index as usize * stride::<S>()) })
    }
}

/// The kernel rounds the size of a value up to a multiple of this number (`kernel/bpf/arraymap.c`,
/// `array_map_alloc`).
const STRIDE_ALIGN: usize = 8;

const fn stride<S: MapSpec>() -> usize {
    size_of::<S::Value>().next_multiple_of(STRIDE_ALIGN)
}
