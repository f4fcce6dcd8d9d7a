//! Iterators over the keys and entries of a map.

use super::walk::{Fetch, Fetcher};
use super::{Map, Value};
use crate::kind::{Iterate, LookupElement};
use crate::spec::MapSpec;
use crate::user_space::error::{Action, Result};
use crate::user_space::held::Held as _;
use core::fmt;
use core::iter::FusedIterator;

impl<S: MapSpec> Map<S> {
    /// Returns the key after `key` in the kernel's order, or the first key if `key` is `None`.
    /// Returns `None` if `key` is the last key.
    ///
    /// This method returns the result of the kernel's command unchanged. If `key` is absent, a hash
    /// or an LPM trie returns the first key again. An array returns the next index, or 0 if `key`
    /// is out of range. The iterators from [`iter`](Self::iter) and [`keys`](Self::keys) don't
    /// restart in this case.
    ///
    /// ```
    /// # #[cfg(feature = "derive")] fn main() -> bpfmap::Result<()> {
    /// use bpfmap::{BpfMap, Map, UpdateMode};
    ///
    /// #[derive(BpfMap)]
    /// #[bpf_map(array, max_entries = 3)]
    /// struct Slots {
    ///     value: u64,
    /// }
    ///
    /// let slots = Map::<Slots>::create()?;
    /// assert_eq!(slots.next_key(None)?, Some(0));
    /// assert_eq!(slots.next_key(Some(&1))?, Some(2));
    /// assert_eq!(slots.next_key(Some(&2))?, None);
    /// # Ok(()) }
    /// # #[cfg(not(feature = "derive"))] fn main() {}
    /// ```
    ///
    /// # Errors
    /// `EPERM`: the descriptor is write-only.
    #[inline]
    pub fn next_key(&self, key: Option<&S::Key>) -> Result<Option<S::Key>>
    where
        S::Kind: Iterate,
    {
        self.key_after(key).map_err(|errno| Self::failed(Action::NextKey, errno))
    }

    /// Returns an iterator over all keys. If the map changes during the iteration, this iterator
    /// behaves like [`iter`](Self::iter).
    ///
    /// ```
    /// # #[cfg(feature = "derive")] fn main() -> bpfmap::Result<()> {
    /// use bpfmap::{BpfMap, Map};
    ///
    /// #[derive(BpfMap)]
    /// #[bpf_map(hash, max_entries = 4)]
    /// struct Sessions {
    ///     key: u32,
    ///     value: [u8; 256],
    /// }
    ///
    /// let sessions = Map::<Sessions>::create()?;
    /// sessions.extend([(3, [0; 256]), (5, [1; 256])])?;
    /// // The iterator does not read the large values.
    /// let mut open: Vec<u32> = sessions.keys().collect::<Result<_, _>>()?;
    /// open.sort();
    /// assert_eq!(open, [3, 5]);
    /// # Ok(()) }
    /// # #[cfg(not(feature = "derive"))] fn main() {}
    /// ```
    pub fn keys(&self) -> Keys<'_, S>
    where
        S::Kind: Iterate,
    {
        Keys { walk: State::new(self, Fetch::Keys) }
    }
}

impl<S: MapSpec> Map<S> {
    /// Returns an iterator over all entries in the kernel's order. The iterator reads batches of
    /// entries if the kernel supports them for the map type (hash types and `array` from Linux 5.6
    /// on, `percpu_array` and `lpm_trie` from Linux 5.13 on). Otherwise, the iterator reads single
    /// entries.
    ///
    /// If the map changes during the iteration, every entry that is present from beginning to end
    /// is returned at least once. An entry that is added or deleted during the iteration may or may
    /// not be returned. You can delete any entry that has been returned, even the most recent one,
    /// without restarting the iteration. The iterator reads a few thousand entries ahead, so it can
    /// return an entry that has just been deleted.
    ///
    /// An `rhash` (Linux 7.2) is an exception. After many entries are added or deleted, the kernel
    /// takes some time to resize the table of an `rhash`. During that time, an iteration can miss
    /// entries and return other entries twice, without an error.
    ///
    /// # Errors
    /// An item is an error if the kernel refuses the operation (`EPERM`: the descriptor is
    /// write-only), or if the map changes so often that the iteration can't reach its end
    /// ([`Disturbed`](crate::ErrorKind::Disturbed)). The iteration ends after an error. If the
    /// iterator reads a hash in batches, it never returns `Disturbed`, because changes don't affect
    /// the kernel's position.
    pub fn iter(&self) -> Iter<'_, S>
    where
        S::Kind: Iterate + LookupElement,
    {
        Iter { walk: State::new(self, Fetch::Entries) }
    }
}

impl<S: MapSpec> Map<S> {
    /// Returns a lending iterator over all entries. It works like the iterator from
    /// [`iter`](Self::iter), but returns a reference to each value. The reference is valid until
    /// the next call.
    ///
    /// This iterator reads all values into the same memory on the heap. It allocates memory for
    /// batches but not for each entry, and does not store values on the stack. Use this iterator
    /// for per-CPU maps with many entries, and for large values.
    ///
    /// ```no_run
    /// # fn f<S>(map: &bpfmap::Map<S>) -> bpfmap::Result<()>
    /// # where S: bpfmap::MapSpec<Kind = bpfmap::kind::PercpuHash, Key = u32, Value = u64> {
    /// let mut walk = map.walk()?;
    /// while let Some((key, packets)) = walk.next_entry()? {
    ///     println!("{key}: {}", packets.iter().sum::<u64>());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Fails for a per-CPU map if the number of possible CPUs is not available: see
    /// [`possible_cpus`](crate::possible_cpus).
    pub fn walk(&self) -> Result<Walk<'_, S>>
    where
        S::Kind: Iterate + LookupElement,
    {
        let fetcher = Fetcher::new(self, Fetch::Entries)?;
        Ok(Walk { fetcher: Some(fetcher), value: Value::<S>::boxed()? })
    }
}

impl<'a, S: MapSpec> IntoIterator for &'a Map<S>
where
    S::Kind: Iterate + LookupElement,
{
    type Item = Result<(S::Key, Value<S>)>;
    type IntoIter = Iter<'a, S>;

    fn into_iter(self) -> Iter<'a, S> {
        self.iter()
    }
}

/// The position of an iterator.
pub(super) enum State<'a, S: MapSpec> {
    Walking(Box<Fetcher<'a, S>>),
    /// The error that the iterator returns as its next and last item.
    Failed(crate::Error),
    Ended,
}

impl<'a, S: MapSpec> State<'a, S> {
    pub(super) fn new(map: &'a Map<S>, fetch: Fetch) -> Self {
        Fetcher::new(map, fetch).map_or_else(Self::Failed, |walk| Self::Walking(Box::new(walk)))
    }

    /// Returns the next item. `item` creates this item from the fetcher and the index of an entry
    /// in the fetcher.
    #[inline]
    pub(super) fn next<T>(
        &mut self,
        item: impl FnOnce(&Fetcher<'a, S>, usize) -> Result<T>,
    ) -> Option<Result<T>> {
        if let Self::Walking(walk) = self {
            match walk.advance() {
                Ok(Some(index)) => return Some(item(walk, index)),
                Ok(None) => *self = Self::Ended,
                Err(error) => *self = Self::Failed(error),
            }
        }
        match core::mem::replace(self, Self::Ended) {
            Self::Failed(error) => Some(Err(error)),
            _ => None,
        }
    }
}

/// An iterator over the entries of a map: see [`Map::iter`].
pub struct Iter<'a, S: MapSpec> {
    walk: State<'a, S>,
}

impl<S: MapSpec> Iterator for Iter<'_, S> {
    type Item = Result<(S::Key, Value<S>)>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.walk.next(|walk, index| {
            let entries = walk.entries();
            Ok((entries.key::<S>(index), entries.value::<S>(index)?))
        })
    }
}

impl<S: MapSpec> FusedIterator for Iter<'_, S> {}

/// A lending iterator over the entries of a map: see [`Map::walk`].
pub struct Walk<'a, S: MapSpec> {
    /// The source of the entries, or `None` after the last entry.
    fetcher: Option<Fetcher<'a, S>>,
    value: Box<Value<S>>,
}

impl<S: MapSpec> Walk<'_, S> {
    /// Returns the key and the value of the next entry, or `None` after the last entry. The
    /// reference to the value is valid until the next call.
    ///
    /// # Errors
    /// Fails in the same cases as an item of [`Map::iter`]. The iteration ends after an error.
    #[inline]
    pub fn next_entry(&mut self) -> Result<Option<(S::Key, &Value<S>)>> {
        let Some(fetcher) = &mut self.fetcher else { return Ok(None) };
        match fetcher.advance() {
            Ok(Some(index)) => {
                let entries = fetcher.entries();
                entries.copy_value::<S>(index, &mut self.value);
                Ok(Some((entries.key::<S>(index), &self.value)))
            }
            ended => {
                self.fetcher = None;
                ended.map(|_| None)
            }
        }
    }
}

/// An iterator over the keys of a map: see [`Map::keys`].
pub struct Keys<'a, S: MapSpec> {
    walk: State<'a, S>,
}

impl<S: MapSpec> Iterator for Keys<'_, S> {
    type Item = Result<S::Key>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.walk.next(|walk, index| Ok(walk.entries().key::<S>(index)))
    }
}

impl<S: MapSpec> FusedIterator for Keys<'_, S> {}

/// Implements `Debug` for an iterator. The output contains the name of the map but not the
/// position.
macro_rules! debug_names_the_map {
    ($($name:ident)*) => { $(
        impl<S: MapSpec> fmt::Debug for $name<'_, S> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("map", &S::DEF.name).finish_non_exhaustive()
            }
        }
    )* };
}
pub(super) use debug_names_the_map;
debug_names_the_map!(Iter Walk Keys);
