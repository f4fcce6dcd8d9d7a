//! Reads and writes the entries of a map as bytes, in batches if the kernel supports them,
//! otherwise one by one.

use crate::kind::MapType;
use crate::user_space::error::{Action, Error, ErrorKind, Result};
use crate::user_space::map::Info;
use crate::user_space::map::batch::{capacity, is_missing};
use crate::user_space::sys::{self, BatchAttr, Command, Errno};
use bpfmap_core::map_type::BatchCursor;
use core::ptr::null;
use std::os::fd::{AsFd as _, AsRawFd, OwnedFd};

/// The number of times that changes of the map may disturb one step before the iteration fails.
const RETRIES: u32 = 1000;

/// A map with plain keys and values.
pub(super) struct RawMap {
    pub(super) fd: OwnedFd,
    pub(super) info: Info,
    facts: &'static MapType,
    pub(super) key_size: usize,
    /// The distance in bytes between the values of two CPUs, or the size of the only value.
    pub(super) stride: usize,
    /// The number of values in an entry.
    pub(super) copies: usize,
    /// The name of the map in the schema.
    name: String,
    reads_batches: bool,
    writes_batches: bool,
}

/// Entries in the layout of the batch commands.
pub(super) struct Entries {
    pub(super) keys: Vec<u8>,
    pub(super) values: Vec<u8>,
    /// The number of entries.
    pub(super) len: usize,
    capacity: usize,
}

impl RawMap {
    /// Wraps an open map. The map uses batches if `batches` is true and the kernel supports them.
    pub(super) fn new(fd: OwnedFd, info: Info, name: &str, batches: bool) -> Result<Self> {
        let facts = MapType::by_number(info.map_type).ok_or_else(|| unknown(name, &info))?;
        let (stride, copies) = if facts.per_cpu {
            (info.value_size.next_multiple_of(8), crate::user_space::possible_cpus()?)
        } else {
            (info.value_size, 1)
        };
        Ok(Self {
            fd,
            facts,
            key_size: info.key_size as usize,
            stride: stride as usize,
            copies,
            info,
            name: name.to_owned(),
            reads_batches: batches && facts.batch_cursor != BatchCursor::None,
            writes_batches: batches,
        })
    }

    /// Returns the size of an entry's value in bytes, for all CPUs.
    pub(super) fn value_size(&self) -> usize {
        self.stride * self.copies
    }

    /// Returns whether the map is an array. In an array, the keys are indices, and all indices are
    /// present.
    pub(super) fn is_array(&self) -> bool {
        self.facts.is_array()
    }

    /// Returns an empty batch.
    pub(super) fn entries(&self) -> Entries {
        let entry = self.key_size + self.value_size();
        self.entries_of(capacity(entry, self.info.max_entries as usize))
    }

    fn entries_of(&self, capacity: usize) -> Entries {
        Entries {
            keys: vec![0; capacity * self.key_size],
            values: vec![0; capacity * self.value_size()],
            len: 0,
            capacity,
        }
    }

    /// Passes all entries to `each`, one batch at a time. An entry that is added or deleted during
    /// the iteration may be included, be left out, or occur twice.
    pub(super) fn for_each_batch(
        &mut self,
        mut each: impl FnMut(&Entries) -> Result<()>,
    ) -> Result<()> {
        // Limits the number of entries, because other processes can make the iteration start again
        // and again.
        let limit = u64::from(self.info.max_entries) * 4 + 64;
        let mut walk = Walk {
            cursor: vec![0; self.key_size.max(4)],
            started: false,
            ended: false,
            last: None,
        };
        let mut entries = self.entries();
        let mut seen = 0_u64;
        while !walk.ended {
            self.fill(&mut walk, &mut entries)?;
            if entries.len > 0 {
                each(&entries)?;
            }
            seen += entries.len.max(1) as u64;
            if seen > limit {
                return Err(self.disturbed());
            }
        }
        Ok(())
    }

    fn fill(&mut self, walk: &mut Walk, entries: &mut Entries) -> Result<()> {
        entries.len = 0;
        if self.reads_batches {
            match self.fill_batch(walk, entries) {
                Err(errno) if !walk.started && is_missing(errno) => self.reads_batches = false,
                done => {
                    walk.started = true;
                    return done.map_err(|errno| self.failed(Action::LookupBatch, errno));
                }
            }
        }
        self.fill_one_by_one(walk, entries)
    }

    fn fill_batch(&self, walk: &mut Walk, entries: &mut Entries) -> Result<(), Errno> {
        for _ in 0..RETRIES {
            let cursor = sys::address(walk.cursor.as_mut_ptr());
            let mut attr = BatchAttr {
                in_batch: if walk.started { cursor } else { 0 },
                out_batch: cursor,
                keys: sys::address(entries.keys.as_mut_ptr()),
                values: sys::address(entries.values.as_mut_ptr()),
                count: u32::try_from(entries.capacity).unwrap_or(u32::MAX),
                map_fd: sys::fd_bits(self.fd.as_raw_fd()),
                elem_flags: 0,
                flags: 0,
            };
            // SAFETY: keys and values have space for `count` entries of the sizes that the kernel
            // reported. The cursor has space for a key and for a number of 4 bytes, and the map
            // type stores one of these there.
            let errno = unsafe { sys::bpf(Command::LookupBatch, &mut attr) }.err();
            let len = entries.capacity.min(attr.count as usize);
            match errno {
                None => {
                    walk.started = true;
                    entries.len = len;
                    if len > 0 {
                        return Ok(());
                    }
                }
                // Only this errno means the end of the map. A batch with fewer entries than
                // requested does not.
                Some(Errno(libc::ENOENT)) => {
                    entries.len = len;
                    walk.ended = true;
                    return Ok(());
                }
                // A bucket of a hash has more entries than fit into the buffer.
                Some(Errno(libc::ENOSPC)) if len > 0 => {
                    walk.started = true;
                    entries.len = len;
                    return Ok(());
                }
                Some(Errno(libc::ENOSPC)) if entries.capacity < self.info.max_entries as usize => {
                    *entries = self.entries_of(entries.capacity * 2);
                }
                // Linux before 6.14 returns this when entries of a trie vanish during the read.
                Some(Errno(libc::EINTR | libc::EAGAIN)) => {}
                Some(errno) => return Err(errno),
            }
        }
        Err(Errno(libc::EAGAIN))
    }

    fn fill_one_by_one(&self, walk: &mut Walk, entries: &mut Entries) -> Result<()> {
        for _ in 0..entries.capacity {
            let key = &mut entries.keys[entries.len * self.key_size..][..self.key_size];
            let after = walk.last.as_ref().map_or(null(), Vec::as_ptr);
            // SAFETY: the key is the last one or null. The next one is written to a slice of the
            // key size.
            match unsafe { self.element(Command::GetNextKey, after, key.as_mut_ptr()) } {
                Ok(()) => {}
                Err(Errno(libc::ENOENT)) => {
                    walk.ended = true;
                    return Ok(());
                }
                Err(errno) => return Err(self.failed(Action::NextKey, errno)),
            }
            walk.last = Some(key.to_vec());
            let key = key.as_ptr();
            let value = &mut entries.values[entries.len * self.value_size()..];
            // SAFETY: the key is in the entries. The borrowed part begins with the value of this
            // key. It contains at least one value, because `entries.len` is below the capacity.
            match unsafe { self.element(Command::LookupElem, key, value.as_mut_ptr()) } {
                Ok(()) => entries.len += 1,
                // The entry vanished between the two calls.
                Err(Errno(libc::ENOENT)) => {}
                Err(errno) => return Err(self.failed(Action::Lookup, errno)),
            }
        }
        Ok(())
    }

    /// Writes entries, and overwrites existing entries that have the same keys. `full` is the error
    /// message for a map that has no space left.
    pub(super) fn write(&mut self, entries: &mut Entries, full: &str) -> Result<()> {
        let mut done = 0;
        if self.writes_batches {
            let mut attr = BatchAttr {
                in_batch: 0,
                out_batch: 0,
                keys: sys::address(entries.keys.as_ptr()),
                values: sys::address(entries.values.as_ptr()),
                count: u32::try_from(entries.len).unwrap_or(u32::MAX),
                map_fd: sys::fd_bits(self.fd.as_raw_fd()),
                elem_flags: 0,
                flags: 0,
            };
            let asked = attr.count;
            // SAFETY: there are `count` keys and values of the sizes that the kernel reported. They are only read.
            match unsafe { sys::bpf(Command::UpdateBatch, &mut attr) } {
                Ok(_) => return Ok(()),
                // The count is unchanged, so the call did nothing.
                Err(errno) if attr.count == asked && is_missing(errno) => {
                    self.writes_batches = false;
                }
                Err(errno) if attr.count == asked => {
                    return Err(self.failed(Action::UpdateBatch, errno));
                }
                // The error of the entry itself is handled below.
                Err(_) => done = attr.count as usize,
            }
        }
        let value_size = self.value_size();
        for index in done..entries.len {
            let key = entries.keys[index * self.key_size..].as_ptr();
            let value = entries.values[index * value_size..].as_mut_ptr();
            // SAFETY: key and value belong to an entry below `entries.len` and are only read.
            let written = unsafe { self.element(Command::UpdateElem, key, value) };
            written.map_err(|errno| match errno.0 {
                libc::E2BIG | libc::ENOSPC => {
                    let text = full.to_owned();
                    Error::told(Action::Migrate, &self.name, ErrorKind::Full, errno.0, text)
                }
                _ => self.failed(Action::Update, errno),
            })?;
        }
        Ok(())
    }

    /// Runs a command on one element.
    ///
    /// # Safety
    /// The requirements are the same as for [`sys::element`].
    unsafe fn element(
        &self,
        command: Command,
        key: *const u8,
        value: *mut u8,
    ) -> Result<(), Errno> {
        // SAFETY: the caller promises this.
        unsafe { sys::element(command, self.fd.as_fd(), key, value) }
    }

    fn failed(&self, action: Action, errno: Errno) -> Error {
        Error::refused(action, &self.name, errno, String::new())
    }

    pub(super) fn disturbed(&self) -> Error {
        let text = "the map changes so often that the iteration can't reach its end".to_owned();
        Error::told(Action::NextKey, &self.name, ErrorKind::Disturbed, 0, text)
    }
}

fn unknown(name: &str, info: &Info) -> Error {
    let text = format!("this version of bpfmap doesn't know map type {}", info.map_type);
    Error::told(Action::Migrate, name, ErrorKind::Unsupported, 0, text)
}

/// The position of an iteration.
struct Walk {
    /// The kernel's position in a batched iteration.
    cursor: Vec<u8>,
    started: bool,
    ended: bool,
    /// The last key of an iteration in single steps.
    last: Option<Vec<u8>>,
}
