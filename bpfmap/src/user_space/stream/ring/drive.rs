//! Rings in ordinary memory with arbitrary contents, for the tests and for `fuzz/`.

use super::{Fault, Found, PerfFound, PerfReader, Reader, Writer};
use crate::plain::{Plain, zeroed};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};

/// The memory of a ring: the words of the consumer's position, the words of the producer's
/// position, and the data twice. Each of the three parts is a separate allocation, so that a
/// sanitizer detects accesses outside of the part.
pub(super) struct Own {
    pub(super) consumer: Box<[AtomicU64]>,
    pub(super) producer: Box<[AtomicU64]>,
    pub(super) data: Box<[AtomicU64]>,
}

impl Own {
    /// Returns a ring of this many bytes, which are all zero.
    pub(super) fn new(size: usize) -> Self {
        let words = |count| (0..count).map(|_| AtomicU64::new(0)).collect();
        Self { consumer: words(1), producer: words(3), data: words(size / 8 * 2) }
    }

    pub(super) fn size(&self) -> u64 {
        self.data.len() as u64 * 4
    }

    /// Returns a reader of events of type `E`. The memory must outlive the reader.
    pub(super) fn reader<E: Plain>(&self, overwrites: bool) -> Result<Reader<E>, Fault> {
        let (consumer, producer) = (start(&self.consumer), start(&self.producer));
        // SAFETY: the memory has these sizes, is aligned and is accessed atomically. The callers ensure that it
        // outlives the reader.
        unsafe { Reader::new(consumer, producer, start(&self.data), self.size(), overwrites) }
    }

    /// Returns a writer of events of type `E`. The memory must outlive the writer.
    pub(super) fn writer<E: Plain>(&self) -> Result<Writer<E>, Fault> {
        let (consumer, producer) = (start(&self.consumer), start(&self.producer));
        // SAFETY: as in `reader`.
        unsafe { Writer::new(consumer, producer, start(&self.data), self.size()) }
    }

    /// Writes a word of the data, in both copies.
    pub(super) fn write(&self, word: usize, content: u64) {
        let half = self.data.len() / 2;
        for copy in [0, half] {
            self.data[copy + word % half].store(content, Ordering::Relaxed);
        }
    }

    /// Fills the memory from an input: first the positions, then the data.
    fn fill(&self, input: &mut Input<'_>) {
        self.consumer[0].store(input.position(0), Ordering::Relaxed);
        let consumer = self.consumer[0].load(Ordering::Relaxed);
        for word in &self.producer {
            word.store(input.position(consumer), Ordering::Relaxed);
        }
        for word in 0..self.data.len() / 2 {
            self.write(word, input.word());
        }
    }

    /// Changes the memory as another process could change it.
    fn disturb(&self, what: u8, input: &mut Input<'_>) {
        let near = self.consumer[0].load(Ordering::Relaxed);
        match what % 8 {
            0 => self.consumer[0].store(input.position(near), Ordering::Relaxed),
            1 | 2 => self.producer[0].store(input.position(near), Ordering::Relaxed),
            3 => self.producer[2].store(input.position(near), Ordering::Relaxed),
            _ => self.write(usize::from(input.byte()), input.word()),
        }
    }
}

fn start(words: &[AtomicU64]) -> NonNull<u8> {
    NonNull::from(words).cast()
}

/// The unread bytes of the input. After its end, the input consists of zeros.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        let (now, rest) = self.0.split_at(N.min(self.0.len()));
        bytes[..now.len()].copy_from_slice(now);
        self.0 = rest;
        bytes
    }

    fn byte(&mut self) -> u8 {
        u8::from_ne_bytes(self.take())
    }

    /// Returns a word. In most cases, the word is the header of a small record.
    fn word(&mut self) -> u64 {
        match self.byte() {
            byte @ 0..0x40 => u64::from(byte),
            byte @ 0x40..0x80 => u64::from(byte & 0x3f) | 1 << 30,
            byte @ 0x80..0x90 => u64::from(byte & 0xf) | 1 << 31,
            // This is the header of a record in a perf ring: kind and size.
            byte @ 0x90..0xd0 => 9 << (byte & 1) >> 1 | u64::from(byte & 0x3e) << 50,
            _ => u64::from_ne_bytes(self.take()),
        }
    }

    /// Returns a position. In most cases, the position is slightly after `near`.
    fn position(&mut self, near: u64) -> u64 {
        match self.byte() {
            0xff => u64::from_ne_bytes(self.take()),
            0xfe => near.wrapping_add(u64::from(self.byte())),
            0xfd => near.wrapping_sub(u64::from(self.byte()) * 8),
            byte => near.wrapping_add(u64::from(byte) * 8),
        }
    }
}

/// Runs a reader or a writer on memory that an input describes, and changes this memory while the
/// reader or writer works. Checks that the code does not access other memory and does not run
/// forever. Also checks that a second call reports the same fault if the memory has not changed.
pub(crate) fn drive(input: &[u8]) {
    let mut input = Input(input);
    let mode = input.byte();
    match mode >> 4 & 3 {
        0 => one_of::<[u8; 3]>(mode, &mut input),
        1 => one_of::<u64>(mode, &mut input),
        2 => one_of::<[u32; 7]>(mode, &mut input),
        _ => one_of::<[u8; 100]>(mode, &mut input),
    }
}

fn one_of<E: Plain>(mode: u8, input: &mut Input<'_>) {
    let own = Own::new(8 << (mode >> 6) << (mode >> 6));
    match mode & 3 {
        0 | 1 => read::<E>(&own, mode & 1 != 0, input),
        2 => write::<E>(&own, input),
        _ => read_perf::<E>(mode, input),
    }
}

fn read<E: Plain>(own: &Own, overwrites: bool, input: &mut Input<'_>) {
    own.fill(input);
    let Ok(mut reader) = own.reader::<E>(overwrites) else { return };
    let mut event = zeroed();
    while !input.0.is_empty() {
        // Each record needs at least 8 bytes. First the reader returns the records that it found at
        // its last check, and then those that are in the ring now.
        for turn in 0.. {
            assert!(turn <= own.size() / 8 * 2, "more records than the ring holds");
            let before = reader.position();
            if !overwrites && reader.take_quickly(&mut event) {
                continue;
            }
            match reader.take(&mut event) {
                Ok(Some(Found::Event | Found::WrongSize(_))) => {
                    assert!(reader.position().wrapping_sub(before) >= 8);
                }
                Ok(None) => break,
                Err(fault) => {
                    assert_eq!(reader.take(&mut event), Err(fault));
                    assert!(overwrites || !reader.take_quickly(&mut event));
                    break;
                }
            }
        }
        assert!(reader.unread() <= reader.size());
        let _ = reader.is_ready();
        own.disturb(input.byte(), input);
    }
}

fn write<E: Plain>(own: &Own, input: &mut Input<'_>) {
    own.fill(input);
    let Ok(mut writer) = own.writer::<E>() else { return };
    while !input.0.is_empty() {
        let event = zeroed();
        match writer.publish(&event) {
            Ok(true) => assert!(writer.unread() >= size_of::<E>() as u64),
            Ok(false) => {}
            Err(fault) => assert_eq!(writer.has_room(), Err(fault)),
        }
        own.disturb(input.byte(), input);
    }
}

fn read_perf<E: Plain>(mode: u8, input: &mut Input<'_>) {
    let size: usize = 8 << (mode >> 6) << (mode >> 6);
    let page: Box<[AtomicU64]> = (0..130).map(|_| AtomicU64::new(0)).collect();
    let data: Box<[AtomicU64]> = (0..size / 8).map(|_| AtomicU64::new(input.word())).collect();
    // SAFETY: the memory has these sizes, is aligned, and outlives the reader. Nothing is written to it while an event
    // is borrowed.
    let Ok(mut reader) = (unsafe { PerfReader::<E>::new(start(&page), start(&data), size as u64) })
    else {
        return;
    };
    while !input.0.is_empty() {
        let tail = page[129].load(Ordering::Relaxed);
        page[128].store(input.position(tail), Ordering::Relaxed);
        if reader.look().is_ok() {
            for turn in 0.. {
                assert!(turn <= size / 8, "more records than the ring holds");
                match reader.take() {
                    Ok(Some(PerfFound::Event)) => {
                        let _ = crate::plain::bytes_of(reader.event()).to_vec();
                    }
                    Ok(Some(PerfFound::Lost(_) | PerfFound::WrongSize(_))) => {}
                    Ok(None) => break,
                    Err(fault) => {
                        assert_eq!(reader.take(), Err(fault));
                        break;
                    }
                }
            }
        }
        let word = usize::from(input.byte()) % data.len();
        data[word].store(input.word(), Ordering::Relaxed);
    }
}
