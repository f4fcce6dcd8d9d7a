//! Iteration over a map that may change during the iteration.
//!
//! The kernel has two kinds of positions. If a hash is read in batches, the position is a bucket.
//! Added or deleted entries do not affect this position. In all other iterations (batches of other
//! map types, and single steps of all map types), the position is a key. If that key is deleted,
//! the kernel starts again at the first key. So the iteration always fetches the following entries
//! before it returns the last fetched entry. The caller can therefore delete an entry that was just
//! returned without losing the position. If another process or a program deletes the key that is
//! the position, the iteration continues after the last fetched key that is still present. The
//! iteration starts again only if none of the fetched keys is present.

use super::Map;
use super::batch::{Entries, capacity, is_missing};
use crate::kind::Kind;
use crate::spec::MapSpec;
use crate::user_space::error::{Action, Error, ErrorKind, Result};
use crate::user_space::sys::{self, Command, Errno};
use bpfmap_core::map_type::BatchCursor;
use core::ptr::{from_mut, from_ref, null};

/// The number of times that changes of the map may disturb one step before the iteration fails.
const RETRIES: u32 = 1000;

impl<S: MapSpec> Map<S> {
    /// Returns the key after `key`, or the first key if `key` is `None`. Returns `None` after the
    /// last key.
    pub(super) fn key_after(&self, key: Option<&S::Key>) -> Result<Option<S::Key>, Errno> {
        let mut next = crate::zeroed::<S::Key>();
        let after = key.map_or(null(), from_ref);
        let mut attr = self.element(after, from_mut(&mut next).cast(), 0);
        // SAFETY: the key is borrowed or null, and is only read. `next` has space for a key, whose size opening or
        // creating compared.
        match unsafe { sys::bpf(Command::GetNextKey, &mut attr) } {
            Ok(_) => Ok(Some(next)),
            Err(Errno(libc::ENOENT)) => Ok(None),
            Err(errno) => Err(errno),
        }
    }
}

impl<S: MapSpec> Map<S> {
    /// Reads the value of a key into the first entry of `into`. Returns `false` for `ENOENT`.
    pub(super) fn read_first(&self, key: &S::Key, into: &mut Entries) -> Result<bool, Errno> {
        let mut attr = self.element(key, into.first_value(), 0);
        // SAFETY: the key is borrowed and only read. There is space for the value of an entry, because `Entries::new`
        // allocates at least one entry of the sizes that opening or creating compared.
        match unsafe { sys::bpf(Command::LookupElem, &mut attr) } {
            Ok(_) => Ok(true),
            Err(Errno(libc::ENOENT)) => Ok(false),
            Err(errno) => Err(errno),
        }
    }
}

/// The parts of the entries that an iteration fetches.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fetch {
    Keys,
    Entries,
    /// Entries, which the kernel also removes from the map. This needs batches.
    Take,
}

/// How the iteration fetches entries.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Batch,
    OneByOne,
}

/// An iteration with its position in the map. It fetches the entries that the iterators return.
pub(super) struct Fetcher<'a, S: MapSpec> {
    map: &'a Map<S>,
    fetch: Fetch,
    way: Way,
    /// The fetched entries, and the index of the next entry to return.
    now: Entries,
    at: usize,
    /// The entries after `now`, if they have already been fetched.
    ahead: Option<Entries>,
    /// A free buffer for the next entries.
    spare: Option<Entries>,
    /// The kernel's position in a batched iteration.
    cursor: Vec<u8>,
    started: bool,
    ended: bool,
    /// The error of a fetch that failed while there was still an entry to return.
    failed: Option<Error>,
    /// The second-to-last key and the first key of an iteration in single steps.
    before_last: Option<S::Key>,
    first: Option<S::Key>,
    /// The number of fetched entries, and the number at which the iteration fails.
    fetched: u64,
    limit: u64,
}

impl<'a, S: MapSpec> Fetcher<'a, S> {
    pub(super) fn new(map: &'a Map<S>, fetch: Fetch) -> Result<Self> {
        let entry_size =
            size_of::<S::Key>() + <super::Value<S> as crate::user_space::held::Held>::size()?;
        let max_entries = map.max_entries as usize;
        let way = if fetch != Fetch::Take
            && (matches!(S::Kind::FACTS.batch_cursor, BatchCursor::None)
                || map.lacks.knows(Command::LookupBatch))
        {
            Way::OneByOne
        } else {
            Way::Batch
        };
        let room = match way {
            Way::Batch => capacity(entry_size, max_entries),
            Way::OneByOne => 1,
        };
        Ok(Self {
            map,
            fetch,
            way,
            now: Entries::new::<S>(room)?,
            at: 0,
            ahead: None,
            spare: None,
            cursor: vec![0; size_of::<S::Key>().max(4)],
            started: false,
            ended: false,
            failed: None,
            before_last: None,
            first: None,
            fetched: 0,
            limit: u64::from(map.max_entries) * 4 + 64,
        })
    }

    /// Returns whether the error shows that the kernel lacks the command that this iteration uses.
    /// Only the first command of an iteration can show this.
    pub(super) fn is_missing(&self, error: &Error) -> bool {
        !self.started && error.errno().is_some_and(|errno| is_missing(Errno(errno)))
    }

    /// Returns the index in [`Self::entries`] of the next entry to return, or `None` at the end.
    #[inline]
    pub(super) fn advance(&mut self) -> Result<Option<usize>> {
        if self.at + 1 >= self.now.len && !self.turn()? {
            return Ok(None);
        }
        let index = self.at;
        self.at += 1;
        Ok(Some(index))
    }

    /// Skips all fetched entries and returns their number. If no fetched entry is left, first
    /// fetches the following entries. Returns `None` at the end.
    pub(super) fn skip(&mut self) -> Result<Option<usize>> {
        Ok(self.advance()?.map(|index| {
            let passed = self.now.len - index;
            self.at = self.now.len;
            passed
        }))
    }

    /// Returns the fetched entries.
    #[inline]
    pub(super) fn entries(&self) -> &Entries {
        &self.now
    }

    /// Fetches the following entries if at most one fetched entry is left. Returns `false` at the
    /// end.
    #[cold]
    fn turn(&mut self) -> Result<bool> {
        loop {
            if self.at < self.now.len {
                // One entry is left. The iteration must not lose its position if that entry is
                // deleted.
                if self.stands_at_key() && self.ahead.is_none() && !self.ended {
                    match self.fill() {
                        Ok(next) => self.ahead = Some(next),
                        Err(error) => self.failed = Some(error),
                    }
                }
                return Ok(true);
            }
            if let Some(error) = self.failed.take() {
                return Err(error);
            }
            let next = match self.ahead.take() {
                Some(next) => next,
                None if self.ended => return Ok(false),
                None => self.fill()?,
            };
            self.spare = Some(core::mem::replace(&mut self.now, next));
            self.at = 0;
        }
    }

    fn stands_at_key(&self) -> bool {
        self.way == Way::OneByOne || matches!(S::Kind::FACTS.batch_cursor, BatchCursor::Key)
    }

    /// Fetches the entries after the last fetched entry.
    fn fill(&mut self) -> Result<Entries> {
        let mut into = match self.spare.take() {
            Some(spare) => spare,
            None => Entries::new::<S>(self.now.capacity)?,
        };
        if self.way == Way::Batch {
            match self.fill_batch(&mut into) {
                Err(error) if self.fetch != Fetch::Take && self.is_missing(&error) => {
                    self.map.lacks.remember(Command::LookupBatch);
                    self.way = Way::OneByOne;
                    self.now = Entries::new::<S>(1)?;
                    into = Entries::new::<S>(1)?;
                    self.fill_one(&mut into)?;
                }
                done => done?,
            }
        } else {
            self.fill_one(&mut into)?;
        }
        self.started = true;
        self.fetched += into.len as u64;
        if self.stands_at_key() && self.fetched > self.limit {
            return Err(disturbed::<S>());
        }
        Ok(into)
    }

    fn fill_batch(&mut self, into: &mut Entries) -> Result<()> {
        self.fetch_batch(into, !self.started)?;
        if matches!(S::Kind::FACTS.batch_cursor, BatchCursor::Key) && self.started && into.len > 0 {
            self.find_place(into)?;
        }
        Ok(())
    }

    /// Fetches one batch, beginning at the cursor.
    fn fetch_batch(&mut self, into: &mut Entries, from_start: bool) -> Result<()> {
        let (command, action) = match self.fetch {
            Fetch::Take => (Command::LookupAndDeleteBatch, Action::TakeBatch),
            Fetch::Keys | Fetch::Entries => (Command::LookupBatch, Action::LookupBatch),
        };
        let mut from_start = from_start;
        for _ in 0..RETRIES {
            match self.map.read_batch(command, from_start, &mut self.cursor, into) {
                None => {
                    if into.len > 0 {
                        return Ok(());
                    }
                    // Nothing was fetched, but this is not the end. The next call continues at the
                    // cursor.
                    from_start = false;
                }
                // Only this errno is the end. A short batch is not.
                Some(Errno(libc::ENOENT)) => {
                    self.ended = true;
                    return Ok(());
                }
                // A bucket of a hash has more entries than fit into the buffer.
                Some(Errno(libc::ENOSPC)) if into.len > 0 => return Ok(()),
                Some(errno @ Errno(libc::ENOSPC)) => {
                    if into.capacity as u64 > self.limit {
                        return Err(Map::<S>::failed(action, errno));
                    }
                    *into = Entries::new::<S>(into.capacity * 2)?;
                }
                // Linux before 6.14 returns this when entries of a trie vanish during the read.
                Some(Errno(libc::EINTR | libc::EAGAIN)) => {}
                Some(errno) => return Err(Map::<S>::failed(action, errno)),
            }
        }
        Err(disturbed::<S>())
    }

    /// Detects whether the kernel has lost the position. In that case, the batch begins with the
    /// first key of the map, and the function continues after the last fetched key that is still
    /// present.
    fn find_place(&mut self, into: &mut Entries) -> Result<()> {
        let Some(first) = self.key_after(None)? else { return Ok(()) };
        if !same(&into.key::<S>(0), &first) {
            return Ok(());
        }
        for index in (0..self.now.len.saturating_sub(1)).rev() {
            let key = self.now.key::<S>(index);
            match self.key_after(Some(&key))? {
                Some(next) if same(&next, &first) => {}
                Some(_) => {
                    self.cursor[..size_of::<S::Key>()].copy_from_slice(crate::bytes_of(&key));
                    self.ended = false;
                    return self.fetch_batch(into, false);
                }
                None => {
                    into.len = 0;
                    self.ended = true;
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Fetches the next entry after the last fetched entry.
    fn fill_one(&mut self, into: &mut Entries) -> Result<()> {
        let mut last =
            if self.now.len > 0 { Some(self.now.key::<S>(self.now.len - 1)) } else { None };
        into.len = 0;
        // An array of objects has empty slots, which do not count as a disturbance.
        let slots =
            if matches!(S::Kind::FACTS.batch_cursor, BatchCursor::None) { self.limit } else { 0 };
        for _ in 0..slots.max(u64::from(RETRIES)) {
            let mut next = self.key_after(last.as_ref())?;
            if let (Some(key), Some(first), Some(place)) = (next, self.first, last) {
                if same(&key, &first) {
                    next = self.behind(place, key)?;
                }
            }
            let Some(key) = next else {
                self.ended = true;
                return Ok(());
            };
            self.first.get_or_insert(key);
            into.set_key::<S>(&key);
            if self.fetch == Fetch::Keys || self.read_value(&key, into)? {
                self.before_last = last;
                into.len = 1;
                return Ok(());
            }
            // The entry vanished between the two calls.
            last = Some(key);
        }
        Err(disturbed::<S>())
    }

    /// Determines the key after `place` if the kernel returned the first key of the map. Either
    /// this key does come after `place`, or `place` was deleted. The key before `place` shows which
    /// of the two is the case.
    fn behind(&self, place: S::Key, first: S::Key) -> Result<Option<S::Key>> {
        let Some(before) = self.before_last else { return Ok(Some(first)) };
        Ok(match self.key_after(Some(&before))? {
            Some(next) if same(&next, &place) || same(&next, &first) => Some(first),
            other => other,
        })
    }

    fn read_value(&self, key: &S::Key, into: &mut Entries) -> Result<bool> {
        self.map.read_first(key, into).map_err(|errno| Map::<S>::failed(Action::Lookup, errno))
    }

    fn key_after(&self, key: Option<&S::Key>) -> Result<Option<S::Key>> {
        self.map.key_after(key).map_err(|errno| Map::<S>::failed(Action::NextKey, errno))
    }
}

fn disturbed<S: MapSpec>() -> Error {
    let text = "the map changes so often that the iteration can't reach its end".to_owned();
    Error::told(Action::NextKey, S::DEF.name, ErrorKind::Disturbed, 0, text)
}

fn same<K: crate::Plain>(one: &K, other: &K) -> bool {
    crate::bytes_of(one) == crate::bytes_of(other)
}
