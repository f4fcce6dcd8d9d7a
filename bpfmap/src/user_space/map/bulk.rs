//! Operations that write, delete or take many entries.

use super::batch::{Entries, capacity};
use super::walk::{Fetch, Fetcher};
use super::{Keys, Map, UpdateMode, Value};
use crate::kind::{
    DeleteBatch, DeleteElement, Iterate, Kind as _, LookupElement, UpdateBatch, UpdateElement,
};
use crate::spec::MapSpec;
use crate::user_space::error::{Action, Error, Result};
use crate::user_space::held::Held;
use crate::user_space::oldest_kernel::Needs;
use crate::user_space::sys::{Command, Errno};
use core::fmt;
use core::iter::FusedIterator;

impl<S: MapSpec> Map<S> {
    /// Writes many entries in one system call. Each entry is written as with [`UpdateMode::Any`].
    ///
    /// [`extend`](Self::extend) writes the entries of an iterator. That method accepts any number
    /// of entries, and also works on kernels without batch operations.
    ///
    /// ```
    /// # #[cfg(feature = "derive")] fn main() -> bpfmap::Result<()> {
    /// use bpfmap::{BpfMap, Map};
    ///
    /// #[derive(BpfMap)]
    /// #[bpf_map(hash, max_entries = 8)]
    /// struct Counters {
    ///     key: u32,
    ///     value: u64,
    /// }
    ///
    /// let counters = Map::<Counters>::create()?;
    /// counters.update_batch(&[1, 2, 3], &[10, 20, 30])?;
    /// assert_eq!(counters.lookup(&3)?, Some(30));
    ///
    /// assert_eq!(counters.delete_batch(&[1, 7, 3])?, 2, "7 is absent");
    /// assert_eq!(counters.keys().collect::<Result<Vec<_>, _>>()?, [2]);
    /// # Ok(()) }
    /// # #[cfg(not(feature = "derive"))] fn main() {}
    /// ```
    ///
    /// # Errors
    /// `EINVAL`: the numbers of keys and values differ, so nothing was written. `ENOTSUPP`: this
    /// kernel has no batch operations for the map type (hash types and `array` have them from Linux
    /// 5.6 on, `percpu_array` and `lpm_trie` from Linux 5.13 on). Otherwise, the method stops at
    /// the first entry that can't be written, and returns the error that [`update`](Self::update)
    /// would return. The message says how many entries were written before the error.
    pub fn update_batch(&self, keys: &[S::Key], values: &[Value<S>]) -> Result<()>
    where
        S::Kind: UpdateBatch + UpdateElement,
    {
        let () = Needs::<S>::UPDATE_BATCH;
        self.write_entries(keys, values.len(), &Value::<S>::as_batch(values))
    }

    /// Writes entries in one system call. `bytes` contains `values` values in the kernel's layout.
    pub(super) fn write_entries(&self, keys: &[S::Key], values: usize, bytes: &[u8]) -> Result<()> {
        if keys.len() != values {
            let text = format!(
                "expected as many values as keys, found {} keys and {values} values",
                keys.len()
            );
            let errno = Errno(libc::EINVAL);
            return Err(Error::refused(Action::UpdateBatch, S::DEF.name, errno, text));
        }
        if keys.is_empty() {
            return Ok(());
        }
        // SAFETY: there are as many values as keys.
        let done = unsafe {
            self.write_batch(Command::UpdateBatch, keys.as_ptr(), Some(bytes.as_ptr()), keys.len())
        };
        match done.errno {
            None => Ok(()),
            Some(errno) if done.missing => Err(Self::failed(Action::UpdateBatch, errno)),
            Some(errno) => Err(partly::<S>(Action::UpdateBatch, errno, done.count)),
        }
    }
}

impl<S: MapSpec> Map<S> {
    /// Deletes many entries and returns the number of deleted entries. Absent keys are skipped. The
    /// method needs one system call, and one more system call for each absent key.
    ///
    /// # Errors
    /// `ENOTSUPP`: this kernel has no batch operations for the map type (hash types have them from
    /// Linux 5.6 on, `lpm_trie` from Linux 5.13 on). Otherwise, the method stops at the first entry
    /// that can't be deleted, and returns the error that [`delete`](Self::delete) would return. The
    /// message says how many entries were deleted before the error.
    pub fn delete_batch(&self, keys: &[S::Key]) -> Result<usize>
    where
        S::Kind: DeleteBatch,
    {
        let () = Needs::<S>::DELETE_BATCH;
        let mut deleted = 0;
        let mut rest = keys;
        while !rest.is_empty() {
            // SAFETY: the command has no values.
            let done =
                unsafe { self.write_batch(Command::DeleteBatch, rest.as_ptr(), None, rest.len()) };
            deleted += done.count;
            match done.errno {
                None => break,
                Some(Errno(libc::ENOENT)) => rest = rest.get(done.count + 1..).unwrap_or_default(),
                Some(errno) if done.missing => {
                    return Err(Self::failed(Action::DeleteBatch, errno));
                }
                Some(errno) => return Err(partly::<S>(Action::DeleteBatch, errno, deleted)),
            }
        }
        Ok(deleted)
    }
}

impl<S: MapSpec> Map<S> {
    /// Writes all entries of an iterator and returns their number. Each entry is written as with
    /// [`UpdateMode::Any`]. If the kernel supports batches for the map type, the method writes
    /// batches of a few thousand entries. Otherwise, the method writes the entries one by one.
    ///
    /// ```
    /// # #[cfg(feature = "derive")] fn main() -> bpfmap::Result<()> {
    /// use bpfmap::{BpfMap, Map};
    ///
    /// #[derive(BpfMap)]
    /// #[bpf_map(hash, max_entries = 100)]
    /// struct Squares {
    ///     key: u32,
    ///     value: u64,
    /// }
    ///
    /// let squares = Map::<Squares>::create()?;
    /// let written = squares.extend((0..100).map(|n| (n, u64::from(n) * u64::from(n))))?;
    /// assert_eq!((written, squares.lookup(&99)?), (100, Some(9_801)));
    ///
    /// assert_eq!(squares.clear()?, 100);
    /// assert_eq!(squares.iter().count(), 0);
    /// # Ok(()) }
    /// # #[cfg(not(feature = "derive"))] fn main() {}
    /// ```
    ///
    /// # Errors
    /// The method stops at the first entry that can't be written, and returns the error that
    /// [`update`](Self::update) would return. The message says how many entries were written before
    /// the error.
    pub fn extend(&self, entries: impl IntoIterator<Item = (S::Key, Value<S>)>) -> Result<usize>
    where
        S::Kind: UpdateElement,
    {
        let mut entries = entries.into_iter();
        let room = capacity(
            size_of::<S::Key>() + Value::<S>::size()?,
            entries.size_hint().1.unwrap_or(usize::MAX),
        );
        let (mut keys, mut values) = (Vec::with_capacity(room), Vec::with_capacity(room));
        let mut written = 0;
        loop {
            keys.clear();
            values.clear();
            for (key, value) in entries.by_ref().take(room) {
                keys.push(key);
                values.push(value);
            }
            if keys.is_empty() {
                return Ok(written);
            }
            self.write_all(&keys, &values, written)?;
            written += keys.len();
        }
    }

    /// Writes entries in one batch or one by one. `before` is the number of entries that were
    /// written earlier. The error message contains the total number.
    fn write_all(&self, keys: &[S::Key], values: &[Value<S>], before: usize) -> Result<()>
    where
        S::Kind: UpdateElement,
    {
        if !self.lacks.knows(Command::UpdateBatch) {
            let bytes = Value::<S>::as_batch(values);
            // SAFETY: there are as many values as keys, in the kernel's layout.
            let done = unsafe {
                let values = Some(bytes.as_ptr());
                self.write_batch(Command::UpdateBatch, keys.as_ptr(), values, keys.len())
            };
            match done.errno {
                None => return Ok(()),
                Some(_) if done.missing => self.lacks.remember(Command::UpdateBatch),
                Some(errno) => {
                    return Err(partly::<S>(Action::Update, errno, before + done.count));
                }
            }
        }
        for (index, (key, value)) in keys.iter().zip(values).enumerate() {
            self.write(Some(key), value, UpdateMode::Any as u64)
                .map_err(|errno| partly::<S>(Action::Update, errno, before + index))?;
        }
        Ok(())
    }
}

/// Returns the error of an operation that failed after it had processed this many entries.
fn partly<S: MapSpec>(action: Action, errno: Errno, entries: usize) -> Error {
    Error::refused(action, S::DEF.name, errno, format!("after {entries} entries"))
}

impl<S: MapSpec> Map<S> {
    /// Returns an iterator that removes all entries from the map.
    ///
    /// For hash types, the iterator removes each batch in one step, so no update is lost. For other
    /// map types (`lpm_trie`), the iterator first reads and then deletes each entry. An update
    /// between these two steps is lost.
    ///
    /// If you drop the iterator before its end, the entries that it has not removed stay in the
    /// map. Entries that the iterator has removed as part of a batch but has not yet returned are
    /// lost.
    ///
    /// The kernel shrinks the table of an `rhash` while entries are removed. During that time, an
    /// iteration can miss entries and return other entries twice. For an `rhash`, the iterator
    /// therefore iterates over the map again until it finds no more entries. It can return an entry
    /// twice.
    ///
    /// # Errors
    /// An item is an error in the same cases as for [`iter`](Self::iter). The iteration ends after
    /// an error. `EPERM`: the map is frozen, or the descriptor is read-only.
    pub fn drain(&self) -> Drain<'_, S>
    where
        S::Kind: Iterate + LookupElement + DeleteElement,
    {
        Drain { map: self, way: DrainWay::Start, pass: Pass::default() }
    }

    /// Deletes all entries and returns their number. Entries that other processes or programs add
    /// during the call may remain in the map.
    ///
    /// For an `rhash`, the method iterates over the map again until it finds no more entries, for
    /// the same reason as [`drain`](Self::drain). The returned number can therefore count an entry
    /// twice.
    ///
    /// The method deletes batches of entries if the kernel supports them for the map type. `clear`
    /// is faster than a loop that deletes the first key until the map is empty, because such a loop
    /// searches the hash from its first bucket each time.
    ///
    /// # Errors
    /// Fails in the same cases as [`drain`](Self::drain).
    pub fn clear(&self) -> Result<usize>
    where
        S::Kind: Iterate + DeleteElement,
    {
        let mut pass = Pass::default();
        let mut deleted = 0;
        loop {
            pass.entries = self.clear_once()?;
            deleted += pass.entries;
            if !pass.starts_again::<S>() {
                return Ok(deleted);
            }
        }
    }

    /// Deletes the entries that one iteration finds, and returns their number.
    fn clear_once(&self) -> Result<usize>
    where
        S::Kind: Iterate + DeleteElement,
    {
        if let Some(mut walk) = self.taking()? {
            let mut deleted = 0;
            loop {
                match walk.skip() {
                    Ok(Some(entries)) => deleted += entries,
                    Ok(None) => return Ok(deleted),
                    Err(error) if walk.is_missing(&error) => break,
                    Err(error) => return Err(error),
                }
            }
            self.lacks.remember(Command::LookupAndDeleteBatch);
        }
        let room = capacity(size_of::<S::Key>(), self.max_entries as usize);
        let mut keys = Vec::with_capacity(room);
        let mut all = self.keys();
        let mut deleted = 0;
        loop {
            keys.clear();
            for key in all.by_ref().take(room) {
                keys.push(key?);
            }
            if keys.is_empty() {
                return Ok(deleted);
            }
            deleted += self.delete_all(&keys)?;
        }
    }

    /// Returns a fetcher that removes entries in batches, or `None` if the kernel is known to lack
    /// the batch command.
    fn taking(&self) -> Result<Option<Fetcher<'_, S>>>
    where
        S::Kind: Iterate + DeleteElement,
    {
        (!self.lacks.knows(Command::LookupAndDeleteBatch))
            .then(|| Fetcher::new(self, Fetch::Take))
            .transpose()
    }

    /// Deletes entries in batches, or one by one.
    fn delete_all(&self, keys: &[S::Key]) -> Result<usize>
    where
        S::Kind: Iterate + DeleteElement,
    {
        let mut deleted = 0;
        let mut rest = keys;
        while !rest.is_empty() && !self.lacks.knows(Command::DeleteBatch) {
            // SAFETY: the command has no values.
            let done =
                unsafe { self.write_batch(Command::DeleteBatch, rest.as_ptr(), None, rest.len()) };
            deleted += done.count;
            match done.errno {
                None => return Ok(deleted),
                Some(Errno(libc::ENOENT)) => rest = rest.get(done.count + 1..).unwrap_or_default(),
                Some(_) if done.missing => self.lacks.remember(Command::DeleteBatch),
                Some(errno) => return Err(partly::<S>(Action::Delete, errno, deleted)),
            }
        }
        for key in rest {
            deleted += usize::from(self.delete(key)?);
        }
        Ok(deleted)
    }

    /// Reads and deletes one entry. If the kernel supports it, both happen in one step.
    fn take_or_delete(&self, key: &S::Key) -> Result<Option<Value<S>>>
    where
        S::Kind: Iterate + LookupElement + DeleteElement,
    {
        if !self.lacks.knows(Command::LookupAndDeleteElem) {
            match self.read((Command::LookupAndDeleteElem, Action::Take), Some(key), 0) {
                Err(error) if error.kind() == crate::ErrorKind::Unsupported => {
                    self.lacks.remember(Command::LookupAndDeleteElem);
                }
                answer => return answer,
            }
        }
        let Some(value) = self.lookup(key)? else { return Ok(None) };
        Ok(self.delete(key)?.then_some(value))
    }
}

/// An iterator that removes the entries of a map: see [`Map::drain`].
pub struct Drain<'a, S: MapSpec> {
    map: &'a Map<S>,
    way: DrainWay<'a, S>,
    pass: Pass,
}

/// An iteration over a map that removes the entries that it finds.
#[derive(Default)]
struct Pass {
    /// The number of entries that this iteration has removed.
    entries: usize,
    /// The number of earlier iterations.
    before: u32,
}

impl Pass {
    /// Returns whether a further iteration may find entries that this iteration has missed. Resets
    /// the counters for that iteration.
    fn starts_again<S: MapSpec>(&mut self) -> bool {
        /// The maximum number of iterations. Without this limit, the iterations would not end while
        /// other processes keep adding entries. A map of 100,000 entries needed at most six
        /// iterations on Linux 7.3.
        const MOST: u32 = 64;
        let again = S::Kind::FACTS.resizes && self.entries > 0 && self.before < MOST;
        *self = Self { entries: 0, before: self.before + 1 };
        again
    }
}

super::iter::debug_names_the_map!(Drain);

enum DrainWay<'a, S: MapSpec> {
    Start,
    Batches(Box<Fetcher<'a, S>>),
    OneByOne(Keys<'a, S>),
    Ended,
}

impl<S: MapSpec> Iterator for Drain<'_, S>
where
    S::Kind: Iterate + LookupElement + DeleteElement,
{
    type Item = Result<(S::Key, Value<S>)>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut item = self.try_next();
        while matches!(item, Ok(None)) && self.pass.starts_again::<S>() {
            self.way = DrainWay::Start;
            item = self.try_next();
        }
        match item {
            Ok(Some(_)) => self.pass.entries += 1,
            _ => self.way = DrainWay::Ended,
        }
        item.transpose()
    }
}

impl<S: MapSpec> FusedIterator for Drain<'_, S> where
    S::Kind: Iterate + LookupElement + DeleteElement
{
}

impl<S: MapSpec> Drain<'_, S>
where
    S::Kind: Iterate + LookupElement + DeleteElement,
{
    fn try_next(&mut self) -> Result<Option<(S::Key, Value<S>)>> {
        loop {
            match &mut self.way {
                DrainWay::Start => {
                    self.way = match self.map.taking()? {
                        Some(walk) => DrainWay::Batches(Box::new(walk)),
                        None => DrainWay::OneByOne(self.map.keys()),
                    };
                }
                DrainWay::Batches(walk) => match walk.advance() {
                    Ok(Some(index)) => {
                        let entries: &Entries = walk.entries();
                        return Ok(Some((entries.key::<S>(index), entries.value::<S>(index)?)));
                    }
                    Ok(None) => return Ok(None),
                    Err(error) if walk.is_missing(&error) => {
                        self.map.lacks.remember(Command::LookupAndDeleteBatch);
                        self.way = DrainWay::OneByOne(self.map.keys());
                    }
                    Err(error) => return Err(error),
                },
                DrainWay::OneByOne(keys) => {
                    let Some(key) = keys.next().transpose()? else { return Ok(None) };
                    if let Some(value) = self.map.take_or_delete(&key)? {
                        return Ok(Some((key, value)));
                    }
                }
                DrainWay::Ended => return Ok(None),
            }
        }
    }
}
