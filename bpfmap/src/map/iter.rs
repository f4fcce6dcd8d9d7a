//! Iterators over keys and entries.

use super::walk::{Fetch, Fetcher};
use super::{Map, Value};
use crate::error::{Operation, Result};
use crate::held::Held as _;
use crate::kind::{Iterate, LookupElement};
use crate::spec::MapSpec;
use core::fmt;
use core::iter::FusedIterator;

impl<S: MapSpec> Map<S> {
    /// The key that follows `key` in the kernel's order; the first for `None`; `None` after the last.
    ///
    /// The kernel's walk as it is: after a key that is absent, a hash and an LPM trie begin again at the first key (an
    /// array answers index + 1, and 0 behind its end). [`iter`](Self::iter) and [`keys`](Self::keys) don't.
    ///
    /// # Errors
    /// `EPERM`: the descriptor is write-only.
    #[inline]
    pub fn next_key(&self, key: Option<&S::Key>) -> Result<Option<S::Key>>
    where
        S::Kind: Iterate,
    {
        self.key_after(key).map_err(|errno| Self::failed(Operation::NextKey, errno))
    }

    /// All keys. See [`iter`](Self::iter).
    pub fn keys(&self) -> Keys<'_, S>
    where
        S::Kind: Iterate,
    {
        Keys { walk: State::new(self, Fetch::Keys) }
    }
}

impl<S: MapSpec> Map<S> {
    /// All entries, in the kernel's order. In batches where the kernel has them for the map type (hash types and array
    /// from Linux 5.6, `percpu_array` and `lpm_trie` from 5.13), else one by one.
    ///
    /// While the map changes, every entry that is there from the walk's beginning to its end is seen at least once;
    /// one that comes or goes meanwhile may be seen or not. Deleting entries that have been seen, also the last one,
    /// never makes the walk begin again. Entries are read some thousands ahead, so one that has just been deleted can
    /// still be seen.
    ///
    /// # Errors
    /// An item is an error, and the last, when the kernel refuses (`EPERM`: the descriptor is write-only), and when
    /// others change the map so much that the walk can't reach its end
    /// ([`Disturbed`](crate::ErrorKind::Disturbed)): never for a hash walked in batches, as its walk can't be thrown
    /// back.
    pub fn iter(&self) -> Iter<'_, S>
    where
        S::Kind: Iterate + LookupElement,
    {
        Iter { walk: State::new(self, Fetch::Entries) }
    }
}

impl<S: MapSpec> Map<S> {
    /// Returns a walk over all entries, as [`iter`](Self::iter), that lends each of them until the next.
    ///
    /// It reads every value to the same memory on the heap, so it allocates for its batches and never for an entry, and
    /// no value is on the stack: use it for per-CPU maps with many entries, and for large values.
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
    /// Of a per-CPU map, that the number of possible CPUs can't be learnt: see
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

/// Where an iterator is.
pub(super) enum State<'a, S: MapSpec> {
    Walking(Box<Fetcher<'a, S>>),
    /// To be told by the next item, which is the last.
    Failed(crate::Error),
    Ended,
}

impl<'a, S: MapSpec> State<'a, S> {
    pub(super) fn new(map: &'a Map<S>, fetch: Fetch) -> Self {
        Fetcher::new(map, fetch).map_or_else(Self::Failed, |walk| Self::Walking(Box::new(walk)))
    }

    /// The next item, made of the walk and a place among its entries.
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

/// Iterator over the entries of a map: see [`Map::iter`].
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

/// Walk over the entries of a map that lends each: see [`Map::walk`].
pub struct Walk<'a, S: MapSpec> {
    /// `None` after the end.
    fetcher: Option<Fetcher<'a, S>>,
    value: Box<Value<S>>,
}

impl<S: MapSpec> Walk<'_, S> {
    /// Returns the next entry: its key, and its value until the next call. `None` after the last.
    ///
    /// # Errors
    /// Those of the items of [`Map::iter`]. The walk ends with an error.
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

/// Iterator over the keys of a map: see [`Map::keys`].
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

/// Says which map an iterator walks over, and nothing of where it is.
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
