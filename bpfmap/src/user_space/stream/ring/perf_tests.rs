//! Tests of perf event rings in ordinary memory.

use super::{Fault, PerfFound, PerfReader};
use crate::plain::Plain;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};

/// The number of words in the page that contains the positions, and the indices of these positions
/// in the page.
const PAGE: usize = 4096 / 8;
const HEAD: usize = 1024 / 8;
const TAIL: usize = 1032 / 8;

const LOST: u32 = 2;
const THROTTLE: u32 = 5;
const SAMPLE: u32 = 9;

/// The size of the ring in bytes.
const SIZE: usize = 64;

struct Own {
    page: Vec<AtomicU64>,
    data: Vec<AtomicU64>,
}

impl Own {
    fn new() -> Self {
        let words = |count| (0..count).map(|_| AtomicU64::new(0)).collect();
        Self { page: words(PAGE), data: words(SIZE / 8) }
    }

    fn reader_of<E: Plain>(&self, size: u64) -> Result<PerfReader<E>, Fault> {
        let start = |words: &[AtomicU64]| NonNull::from(words).cast();
        // SAFETY: both are aligned words, at least this many. They outlive the reader in all tests, and are written
        // only between its calls.
        unsafe { PerfReader::new(start(&self.page), start(&self.data), size) }
    }

    /// Returns a reader of the data between two positions.
    fn reader<E: Plain>(&self, from: u64, to: u64) -> PerfReader<E> {
        let mut reader = self.reader_of(SIZE as u64).unwrap();
        // Fills the data up to `from` with meaningless records.
        let mut at = 0;
        while at < from {
            self.header(at, THROTTLE, 8);
            at += 8;
        }
        self.head(from);
        assert_eq!(reader.look(), Ok(from > 0));
        assert_eq!(reader.take(), Ok(None));
        self.head(to);
        reader
    }

    fn head(&self, position: u64) {
        self.page[HEAD].store(position, Ordering::Relaxed);
    }

    fn word(&self, position: u64, bytes: [u8; 8]) {
        let index = usize::try_from(position / 8).unwrap() % self.data.len();
        self.data[index].store(u64::from_ne_bytes(bytes), Ordering::Relaxed);
    }

    /// `struct perf_event_header`
    fn header(&self, position: u64, kind: u32, size: u16) {
        let mut header = [0; 8];
        header[..4].copy_from_slice(&kind.to_ne_bytes());
        header[6..].copy_from_slice(&size.to_ne_bytes());
        self.word(position, header);
    }

    /// Writes a sample with these sizes and these first four bytes.
    fn sample(&self, position: u64, record: u16, size: u32, first: [u8; 4]) {
        self.header(position, SAMPLE, record);
        let mut word = [0; 8];
        word[..4].copy_from_slice(&size.to_ne_bytes());
        word[4..].copy_from_slice(&first);
        self.word(position + 8, word);
    }
}

#[test]
fn a_ring_whose_size_is_not_a_power_of_two_is_refused() {
    let own = Own::new();
    for size in [0, 4, 24, 63] {
        let fault = Fault::Size { record: 8, ring: size, room: size };
        assert_eq!(own.reader_of::<u32>(size).err(), Some(fault));
    }
}

#[test]
fn a_head_beyond_the_ring_is_refused() {
    let own = Own::new();
    for head in [72, u64::MAX, 1 << 63] {
        own.head(head);
        let mut reader = own.reader_of::<u32>(64).unwrap();
        assert_eq!(reader.look(), Err(Fault::Apart { consumer: 0, producer: head, ring: 64 }));
    }
}

#[test]
fn events_are_returned_in_place_or_copied_if_necessary() {
    let own = Own::new();
    // Events of 12 bytes: first aligned to 4 and contiguous, then with a larger alignment, then
    // across the ring's end.
    own.sample(0, 24, 12, *b"abcd");
    own.word(16, *b"efghijkl");
    let mut reader = own.reader::<[u8; 12]>(0, 24);
    assert_eq!(reader.look(), Ok(true));
    assert_eq!(reader.take(), Ok(Some(PerfFound::Event)));
    assert_eq!(reader.event(), b"abcdefghijkl");
    assert_eq!(own.page[TAIL].load(Ordering::Relaxed), 0, "it is not released yet");
    assert_eq!(reader.take(), Ok(None));
    assert_eq!(own.page[TAIL].load(Ordering::Relaxed), 24);

    // The kernel rounds 8 bytes up to 12, so that a record is a multiple of eight.
    let mut reader = own.reader::<u64>(0, 24);
    let number = u64::from_ne_bytes(*b"abcdefgh");
    assert_eq!((reader.look(), reader.take()), (Ok(true), Ok(Some(PerfFound::Event))));
    assert_eq!(*reader.event(), number);
    assert!(core::ptr::from_ref(reader.event()).is_aligned());

    let mut reader = own.reader::<[u8; 12]>(48, 72);
    own.sample(48, 24, 12, *b"abcd");
    own.word(64, *b"efghijkl");
    assert_eq!((reader.look(), reader.take()), (Ok(true), Ok(Some(PerfFound::Event))));
    assert_eq!(reader.event(), b"abcdefghijkl");
}

#[test]
fn a_record_that_is_not_an_event_is_reported_or_skipped() {
    let own = Own::new();
    let mut reader = own.reader::<u32>(0, 64);
    own.header(0, THROTTLE, 8);
    own.header(8, LOST, 24);
    own.word(24, 7_u64.to_ne_bytes());
    own.sample(32, 24, 12, *b"abcd");
    own.header(56, SAMPLE, 8);
    assert_eq!(reader.look(), Ok(true));
    assert_eq!(reader.take(), Ok(Some(PerfFound::Lost(7))));
    assert_eq!(reader.take(), Ok(Some(PerfFound::WrongSize(12))));
    // A sample contains its size in a second word.
    let fault = Fault::Record { position: 56, size: 8, left: 8 };
    assert_eq!((reader.take(), reader.take()), (Err(fault), Err(fault)));
}

#[test]
fn a_record_that_does_not_fit_is_a_fault() {
    let own = Own::new();
    for (kind, size) in
        [(THROTTLE, 0), (THROTTLE, 4), (THROTTLE, 20), (THROTTLE, 32), (LOST, 16), (SAMPLE, 8)]
    {
        let mut reader = own.reader::<u32>(0, 24);
        own.header(0, kind, size);
        assert_eq!(reader.look(), Ok(true));
        let fault = Fault::Record { position: 0, size: size.into(), left: 24 };
        for _ in 0..2 {
            assert_eq!(reader.take(), Err(fault), "{kind} of {size} bytes");
        }
        assert_eq!(own.page[TAIL].load(Ordering::Relaxed), 0, "nothing was released");
    }
    // The event is larger than its record.
    let mut reader = own.reader::<[u8; 12]>(0, 24);
    own.sample(0, 16, 12, *b"abcd");
    assert_eq!(reader.look(), Ok(true));
    assert_eq!(reader.take(), Err(Fault::Record { position: 0, size: 24, left: 16 }));
}
