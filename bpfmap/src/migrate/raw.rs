//! A map as bytes: its entries, a batch at a time where the kernel can, else one by one.

use crate::error::{Error, ErrorKind, Operation, Result};
use crate::kind::MapType;
use crate::map::Info;
use crate::map::batch::{capacity, is_missing};
use crate::sys::{self, BatchAttr, Command, Errno};
use bpfmap_core::map_type::BatchCursor;
use core::ptr::null;
use std::os::fd::{AsFd as _, AsRawFd, OwnedFd};

/// Calls of one step that may be disturbed before the walk gives up.
const RETRIES: u32 = 1000;

/// A map of plain keys and values.
pub(super) struct RawMap {
    pub(super) fd: OwnedFd,
    pub(super) info: Info,
    facts: &'static MapType,
    pub(super) key_size: usize,
    /// Bytes between the values of two CPUs, or of the one value.
    pub(super) stride: usize,
    /// Values in an entry.
    pub(super) copies: usize,
    /// The schema's name of it.
    name: String,
    reads_batches: bool,
    writes_batches: bool,
}

/// Entries as the batch commands lay them out.
pub(super) struct Entries {
    pub(super) keys: Vec<u8>,
    pub(super) values: Vec<u8>,
    /// How many there are.
    pub(super) len: usize,
    capacity: usize,
}

impl RawMap {
    /// `batches`: whether to use them where the kernel has them.
    pub(super) fn new(fd: OwnedFd, info: Info, name: &str, batches: bool) -> Result<Self> {
        let facts = MapType::by_number(info.map_type).ok_or_else(|| unknown(name, &info))?;
        let (stride, copies) = if facts.per_cpu {
            (info.value_size.next_multiple_of(8), crate::possible_cpus()?)
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

    /// Bytes of the value of an entry, of all CPUs.
    pub(super) fn value_size(&self) -> usize {
        self.stride * self.copies
    }

    /// Whether what is walked over are indices, all there.
    pub(super) fn is_array(&self) -> bool {
        self.facts.is_array()
    }

    /// Room for a batch.
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

    /// Hands all entries to `each`, a batch at a time. One that appears or vanishes meanwhile may be among them, be
    /// left out, or be there twice.
    pub(super) fn for_each_batch(
        &mut self,
        mut each: impl FnMut(&Entries) -> Result<()>,
    ) -> Result<()> {
        // A walk that others disturb may begin again and again.
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
                    return done.map_err(|errno| self.failed(Operation::LookupBatch, errno));
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
            // SAFETY: keys and values have room for `count` entries of the sizes that the kernel gave, the cursor for
            // what the map type keeps there: a key, or a number of 4 bytes.
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
                // A short batch is not the end: this is.
                Some(Errno(libc::ENOENT)) => {
                    entries.len = len;
                    walk.ended = true;
                    return Ok(());
                }
                // One bucket of a hash holds more than there is room for.
                Some(Errno(libc::ENOSPC)) if len > 0 => {
                    walk.started = true;
                    entries.len = len;
                    return Ok(());
                }
                Some(Errno(libc::ENOSPC)) if entries.capacity < self.info.max_entries as usize => {
                    *entries = self.entries_of(entries.capacity * 2);
                }
                // Linux before 6.14, when entries of a trie vanish while it reads them.
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
            // SAFETY: the last key, or null; the next one goes to a slice of the keys' size.
            match unsafe { self.element(Command::GetNextKey, after, key.as_mut_ptr()) } {
                Ok(()) => {}
                Err(Errno(libc::ENOENT)) => {
                    walk.ended = true;
                    return Ok(());
                }
                Err(errno) => return Err(self.failed(Operation::NextKey, errno)),
            }
            walk.last = Some(key.to_vec());
            let key = key.as_ptr();
            let value = &mut entries.values[entries.len * self.value_size()..];
            // SAFETY: the key is in the entries; of the values the rest from this one on is borrowed, which is one at
            // least, as `entries.len` is below the capacity.
            match unsafe { self.element(Command::LookupElem, key, value.as_mut_ptr()) } {
                Ok(()) => entries.len += 1,
                // It vanished between the two calls.
                Err(Errno(libc::ENOENT)) => {}
                Err(errno) => return Err(self.failed(Operation::Lookup, errno)),
            }
        }
        Ok(())
    }

    /// Writes entries, over those that are there. `full`: what to say when there is no room.
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
            // SAFETY: there are `count` keys and values of the sizes that the kernel gave; they are read only.
            match unsafe { sys::bpf(Command::UpdateBatch, &mut attr) } {
                Ok(_) => return Ok(()),
                // The count still is what was asked for: the call didn't begin.
                Err(errno) if attr.count == asked && is_missing(errno) => {
                    self.writes_batches = false;
                }
                Err(errno) if attr.count == asked => {
                    return Err(self.failed(Operation::UpdateBatch, errno));
                }
                // What the entry itself is answered comes below.
                Err(_) => done = attr.count as usize,
            }
        }
        let value_size = self.value_size();
        for index in done..entries.len {
            let key = entries.keys[index * self.key_size..].as_ptr();
            let value = entries.values[index * value_size..].as_mut_ptr();
            // SAFETY: key and value of an entry below `entries.len`, which are read only.
            let written = unsafe { self.element(Command::UpdateElem, key, value) };
            written.map_err(|errno| match errno.0 {
                libc::E2BIG | libc::ENOSPC => {
                    let text = full.to_owned();
                    Error::told(Operation::Migrate, &self.name, ErrorKind::Full, errno.0, text)
                }
                _ => self.failed(Operation::Update, errno),
            })?;
        }
        Ok(())
    }

    /// A command on one element.
    ///
    /// # Safety
    /// As [`sys::element`].
    unsafe fn element(
        &self,
        command: Command,
        key: *const u8,
        value: *mut u8,
    ) -> Result<(), Errno> {
        // SAFETY: the caller's promise.
        unsafe { sys::element(command, self.fd.as_fd(), key, value) }
    }

    fn failed(&self, operation: Operation, errno: Errno) -> Error {
        Error::refused(operation, &self.name, errno, String::new())
    }

    pub(super) fn disturbed(&self) -> Error {
        let text = "the map changes so much that the walk doesn't reach its end".to_owned();
        Error::told(Operation::NextKey, &self.name, ErrorKind::Disturbed, 0, text)
    }
}

fn unknown(name: &str, info: &Info) -> Error {
    let text = format!("this version of bpfmap doesn't know map type {}", info.map_type);
    Error::told(Operation::Migrate, name, ErrorKind::Unsupported, 0, text)
}

/// Where a walk stands.
struct Walk {
    /// Of the batched way, as the kernel keeps it.
    cursor: Vec<u8>,
    started: bool,
    ended: bool,
    /// Of the one-by-one way: the last key.
    last: Option<Vec<u8>>,
}
