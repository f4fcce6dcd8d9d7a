//! Walking over a map while it may change.
//!
//! Two kinds of places: a hash walked in batches stands at a bucket, and entries come and go without harm. Everything
//! else stands at a key (the batched walk of other types, and the one-by-one way of all): when that key is gone, the
//! kernel starts again at the first one. So here the entries that follow are always fetched before the last one of
//! those at hand is given out: deleting what was just given out can't take the place away. When the place is gone all
//! the same, because someone else deleted it, the walk goes on behind the last key that is still there, and only when
//! none of those at hand is does it start again.

use super::Map;
use super::batch::{Entries, capacity, is_missing};
use crate::error::{Error, ErrorKind, Operation, Result};
use crate::kind::Kind;
use crate::spec::MapSpec;
use crate::sys::{self, Command, Errno};
use bpfmap_core::map_type::BatchCursor;
use core::ptr::{from_mut, from_ref, null};

/// Calls of one step that may be disturbed before the walk gives up.
const RETRIES: u32 = 1000;

impl<S: MapSpec> Map<S> {
    /// The key that follows one, or the first; `None` after the last.
    pub(super) fn key_after(&self, key: Option<&S::Key>) -> Result<Option<S::Key>, Errno> {
        let mut next = crate::zeroed::<S::Key>();
        let after = key.map_or(null(), from_ref);
        let mut attr = self.element(after, from_mut(&mut next).cast(), 0);
        // SAFETY: the key is borrowed, or null, and read; `next` has room for a key, whose size opening or creating
        // compared.
        match unsafe { sys::bpf(Command::GetNextKey, &mut attr) } {
            Ok(_) => Ok(Some(next)),
            Err(Errno(libc::ENOENT)) => Ok(None),
            Err(errno) => Err(errno),
        }
    }
}

impl<S: MapSpec> Map<S> {
    /// Reads the value of a key to the first place; `false`: `ENOENT`.
    pub(super) fn read_first(&self, key: &S::Key, into: &mut Entries) -> Result<bool, Errno> {
        let mut attr = self.element(key, into.first_value(), 0);
        // SAFETY: the key is borrowed and read; the first place has room for an entry's value, of the size that opening
        // or creating compared: `Entries::new` makes room for one entry at least.
        match unsafe { sys::bpf(Command::LookupElem, &mut attr) } {
            Ok(_) => Ok(true),
            Err(Errno(libc::ENOENT)) => Ok(false),
            Err(errno) => Err(errno),
        }
    }
}

/// What a walk fetches.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fetch {
    Keys,
    Entries,
    /// Entries, which leave the map; only batched.
    Take,
}

/// How the entries are fetched.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Batch,
    OneByOne,
}

/// A walk, at some place of the map: fetches what the iterators give out.
pub(super) struct Fetcher<'a, S: MapSpec> {
    map: &'a Map<S>,
    fetch: Fetch,
    way: Way,
    /// Entries at hand, and the next of them to be given out.
    now: Entries,
    at: usize,
    /// Those that follow, once fetched.
    ahead: Option<Entries>,
    /// A buffer that is free for the next ones.
    spare: Option<Entries>,
    /// Where the batched walk stands, as the kernel keeps it.
    cursor: Vec<u8>,
    started: bool,
    ended: bool,
    /// What fetching failed with, while there still was an entry to give out.
    failed: Option<Error>,
    /// The last key but one, and the first: in the one-by-one way.
    before_last: Option<S::Key>,
    first: Option<S::Key>,
    /// Entries fetched, and how many are believed.
    fetched: u64,
    limit: u64,
}

impl<'a, S: MapSpec> Fetcher<'a, S> {
    pub(super) fn new(map: &'a Map<S>, fetch: Fetch) -> Result<Self> {
        let entry_size = size_of::<S::Key>() + <super::Value<S> as crate::held::Held>::size()?;
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

    /// The kernel turned out to lack what this walk began with.
    pub(super) fn is_missing(&self, error: &Error) -> bool {
        !self.started && error.errno().is_some_and(|errno| is_missing(Errno(errno)))
    }

    /// The place among [`Self::entries`] of the next entry to be given out; `None` at the end.
    #[inline]
    pub(super) fn advance(&mut self) -> Result<Option<usize>> {
        if self.at + 1 >= self.now.len && !self.turn()? {
            return Ok(None);
        }
        let index = self.at;
        self.at += 1;
        Ok(Some(index))
    }

    /// Passes over the entries at hand, or those that follow, and says how many; `None` at the end.
    pub(super) fn skip(&mut self) -> Result<Option<usize>> {
        Ok(self.advance()?.map(|index| {
            let passed = self.now.len - index;
            self.at = self.now.len;
            passed
        }))
    }

    /// The entries at hand.
    #[inline]
    pub(super) fn entries(&self) -> &Entries {
        &self.now
    }

    /// Called when one entry is left at hand, or none: fetches what follows. `false` at the end.
    #[cold]
    fn turn(&mut self) -> Result<bool> {
        loop {
            if self.at < self.now.len {
                // One is left: the walk must not lose its place when it is deleted.
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

    /// Fetches the entries that follow the last one at hand.
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

    /// One batch, from the cursor on.
    fn fetch_batch(&mut self, into: &mut Entries, from_start: bool) -> Result<()> {
        let (command, operation) = match self.fetch {
            Fetch::Take => (Command::LookupAndDeleteBatch, Operation::TakeBatch),
            Fetch::Keys | Fetch::Entries => (Command::LookupBatch, Operation::LookupBatch),
        };
        let mut from_start = from_start;
        for _ in 0..RETRIES {
            match self.map.read_batch(command, from_start, &mut self.cursor, into) {
                None => {
                    if into.len > 0 {
                        return Ok(());
                    }
                    // Nothing, and not the end: the place is in the cursor now.
                    from_start = false;
                }
                // A short batch is not the end: this is.
                Some(Errno(libc::ENOENT)) => {
                    self.ended = true;
                    return Ok(());
                }
                // One bucket of a hash holds more than there is room for.
                Some(Errno(libc::ENOSPC)) if into.len > 0 => return Ok(()),
                Some(errno @ Errno(libc::ENOSPC)) => {
                    if into.capacity as u64 > self.limit {
                        return Err(Map::<S>::failed(operation, errno));
                    }
                    *into = Entries::new::<S>(into.capacity * 2)?;
                }
                // Linux before 6.14, when entries of a trie vanish while it reads them.
                Some(Errno(libc::EINTR | libc::EAGAIN)) => {}
                Some(errno) => return Err(Map::<S>::failed(operation, errno)),
            }
        }
        Err(disturbed::<S>())
    }

    /// A batch that begins with the map's first key shows that the key the walk stood at is gone. Then goes on behind
    /// the last of the keys at hand that is still there.
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

    /// One entry, behind the last one at hand.
    fn fill_one(&mut self, into: &mut Entries) -> Result<()> {
        let mut last =
            if self.now.len > 0 { Some(self.now.key::<S>(self.now.len - 1)) } else { None };
        into.len = 0;
        // An array of objects has empty slots, which are no disturbance.
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
            // It vanished between the two calls.
            last = Some(key);
        }
        Err(disturbed::<S>())
    }

    /// The kernel says that the first key follows `place`: either it does, or `place` is gone. The key before tells.
    fn behind(&self, place: S::Key, first: S::Key) -> Result<Option<S::Key>> {
        let Some(before) = self.before_last else { return Ok(Some(first)) };
        Ok(match self.key_after(Some(&before))? {
            Some(next) if same(&next, &place) || same(&next, &first) => Some(first),
            other => other,
        })
    }

    fn read_value(&self, key: &S::Key, into: &mut Entries) -> Result<bool> {
        self.map.read_first(key, into).map_err(|errno| Map::<S>::failed(Operation::Lookup, errno))
    }

    fn key_after(&self, key: Option<&S::Key>) -> Result<Option<S::Key>> {
        self.map.key_after(key).map_err(|errno| Map::<S>::failed(Operation::NextKey, errno))
    }
}

fn disturbed<S: MapSpec>() -> Error {
    let text = "the map changes so much that the walk doesn't reach its end".to_owned();
    Error::told(Operation::NextKey, S::DEF.name, ErrorKind::Disturbed, 0, text)
}

fn same<K: crate::Plain>(one: &K, other: &K) -> bool {
    crate::bytes_of(one) == crate::bytes_of(other)
}
