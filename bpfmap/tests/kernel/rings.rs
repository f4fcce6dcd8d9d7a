//! Rings that another process or library also uses. Safe code notices this, and stays sound.

use crate::common;
use crate::programs::{SOCKET_FILTER, load};
use crate::spec;
use bpfmap::TypeDesc;
use bpfmap::{Error, ErrorKind, EventSpec, Map, MapFlags, RingBuf, UserRingBuf};
use core::sync::atomic::{AtomicU64, Ordering};
use std::ffi::c_long;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// The size of the rings in bytes.
const RING: usize = 4096;
const PAGE: usize = 4096;

/// An event needs 32 bytes with its header, so 128 events fill the ring.
type Event = [u64; 3];
const EVENT: &TypeDesc<'static> = &TypeDesc::Array { element: TypeDesc::U64, len: 3 };

macro_rules! ring {
    ($name:ident: $kind:ident, $event:ty as $layout:expr $(, $field:ident = $content:expr)*) => {
        spec!($name: $kind, () as TypeDesc::VOID => () as TypeDesc::VOID, max 4096,
            event = $layout $(, $field = $content)*);
        impl EventSpec for $name {
            type Event = $event;
        }
    };
}
ring!(Events: Ringbuf, Event as EVENT);
ring!(Large: Ringbuf, [u64; 511] as &TypeDesc::Array { element: TypeDesc::U64, len: 511 });
ring!(Overwritten: Ringbuf, Event as EVENT, flags = MapFlags::RB_OVERWRITE);
ring!(Orders: UserRingbuf, Event as EVENT);
ring!(LargeOrders: UserRingbuf, [u64; 512] as &TypeDesc::Array { element: TypeDesc::U64, len: 512 });

/// Returns a program that sends an event, which contains the same number three times.
fn sender(ring: RawFd, number: i32) -> OwnedFd {
    let instruction = |code: u8, registers: u8, offset: i16, operand: i32| {
        let [low, high] = offset.to_le_bytes();
        let [a, b, c, d] = operand.to_le_bytes();
        u64::from_le_bytes([code, registers, low, high, a, b, c, d])
    };
    let program = [
        // *(u64 *)(r10 - …) = number
        instruction(0x7a, 0x0a, -8, number),
        instruction(0x7a, 0x0a, -16, number),
        instruction(0x7a, 0x0a, -24, number),
        // r1 = the map
        instruction(0x18, 0x11, 0, ring),
        0,
        // r2 = r10 - 24; r3 = 24; r4 = 0; bpf_ringbuf_output
        instruction(0xbf, 0xa2, 0, 0),
        instruction(0x07, 0x02, 0, -24),
        instruction(0xb7, 0x03, 0, 24),
        instruction(0xb7, 0x04, 0, 0),
        instruction(0x85, 0, 0, 130),
        // r0 = 0; exit
        instruction(0xb7, 0, 0, 0),
        instruction(0x95, 0, 0, 0),
    ];
    load(SOCKET_FILTER, &program)
}

/// Runs a program this many times.
fn run(program: &OwnedFd, times: u32) {
    /// `struct { prog_fd; … } test` of `union bpf_attr`.
    #[repr(C)]
    struct Attr {
        program: u32,
        returned: u32,
        data_size_in: u32,
        data_size_out: u32,
        data_in: u64,
        data_out: u64,
        repeat: u32,
        duration: u32,
    }
    const TEST_RUN: c_long = 10;
    let packet = [0_u8; 64];
    let attr = Attr {
        program: common::fd_bits(program),
        returned: 0,
        data_size_in: 64,
        data_size_out: 0,
        data_in: packet.as_ptr().expose_provenance() as u64,
        data_out: 0,
        repeat: times,
        duration: 0,
    };
    // SAFETY: the packet has the given size.
    let done =
        unsafe { libc::syscall(libc::SYS_bpf, TEST_RUN, &raw const attr, size_of::<Attr>()) };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
}

/// A part of a ring that the test maps a second time, like another process would.
struct Foreign(*mut u8);

impl Foreign {
    fn map(ring: RawFd, offset: usize, len: usize) -> Self {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let offset = libc::off_t::try_from(offset).unwrap();
        // SAFETY: this creates a new mapping and replaces no existing one.
        let memory = unsafe {
            libc::mmap(core::ptr::null_mut(), len, access, libc::MAP_SHARED, ring, offset)
        };
        assert_ne!(memory, libc::MAP_FAILED, "{}", std::io::Error::last_os_error());
        Self(memory.cast())
    }

    /// Maps the page with the position of a `ringbuf`'s reader.
    fn reader(ring: RawFd) -> Self {
        Self::map(ring, 0, PAGE)
    }

    /// Maps the position of a `user_ringbuf`'s writer, and the data.
    fn writer(ring: RawFd) -> Self {
        Self::map(ring, PAGE, PAGE + 2 * RING)
    }

    fn word(&self, offset: usize) -> &AtomicU64 {
        // SAFETY: the tests access only words that are mapped, and all accesses are atomic.
        unsafe { AtomicU64::from_ptr(self.0.add(offset).cast()) }
    }

    fn position(&self) -> u64 {
        self.word(0).load(Ordering::SeqCst)
    }

    fn go_to(&self, position: u64) {
        self.word(0).store(position, Ordering::SeqCst);
    }
}

#[track_caller]
fn kind<T: core::fmt::Debug>(result: Result<T, Error>) -> ErrorKind {
    result.expect_err("should be refused").kind()
}

#[test]
fn a_second_reader_is_noticed_and_its_position_is_kept() {
    let map: Map<Events> = common::create();
    let other = Foreign::reader(map.as_raw_fd());
    let mut events = RingBuf::open(&map).unwrap();
    let one = sender(map.as_raw_fd(), 1);
    run(&one, 4);
    assert_eq!(events.read().unwrap(), Some(&[1; 3]));
    assert_eq!(other.position(), 32, "the space of a read event is released immediately");
    other.go_to(64);
    let error = events.read().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Contended);
    assert_eq!(
        error.to_string(),
        "can't read from map `Events`: another process or library uses this ring: expected the position 32, found 64: use the ring from only one process, and through only one handle"
    );
    assert_eq!(kind(events.wait(None)), ErrorKind::Contended);
    let found: Vec<_> = events.records().collect();
    assert_eq!(found.len(), 1, "the iterator ends after a permanent error");
    drop(events);
    assert_eq!(other.position(), 64, "the position of the other side is unchanged");
    let mut events = RingBuf::open(&map).unwrap();
    assert_eq!(events.consume(|event| assert_eq!(*event, [1; 3])).unwrap(), 2);
}

#[test]
fn events_are_passed_in_place() {
    let map: Map<Events> = common::create();
    let other = Foreign::reader(map.as_raw_fd());
    let mut events = RingBuf::open(&map).unwrap();
    let one = sender(map.as_raw_fd(), 1);
    run(&one, 3);
    let mut places = vec![];
    let mut show = |event: &[u64; 3]| {
        assert_eq!(*event, [1; 3]);
        places.push(core::ptr::from_ref(event).addr());
    };
    // SAFETY: nothing else reads the ring during the call.
    assert_eq!(unsafe { events.consume_in_place(&mut show) }.unwrap(), 3);
    assert_eq!(other.position(), 96, "the space of the passed events is released");
    assert_eq!(
        [places[1] - places[0], places[2] - places[1]],
        [32, 32],
        "the events are in the ring, with a header between them"
    );

    // An event whose handler panics is passed again.
    run(&one, 1);
    let panicked = std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| {
        // SAFETY: as above.
        unsafe { events.consume_in_place(|_| panic!("on purpose")) }
    }));
    assert!(panicked.is_err());
    assert_eq!(events.read().unwrap(), Some(&[1; 3]));
    assert_eq!(events.read().unwrap(), None);
}

#[test]
fn another_process_that_reads_the_ring_is_noticed() {
    let map: Map<Events> = common::create();
    let mut events = RingBuf::open(&map).unwrap();
    run(&sender(map.as_raw_fd(), 1), 2);
    let other = Foreign::reader(map.as_raw_fd());
    // SAFETY: the child only writes to memory and ends.
    match unsafe { libc::fork() } {
        0 => {
            other.go_to(32);
            // SAFETY: this ends the child without running the exit handlers of the parent.
            unsafe { libc::_exit(0) }
        }
        child => {
            let mut status = 0;
            // SAFETY: there is space for the status.
            assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
            assert_eq!(status, 0);
        }
    }
    assert_eq!(kind(events.read()), ErrorKind::Contended);
}

#[test]
fn an_event_does_not_change_when_its_space_is_reused() {
    let map: Map<Events> = common::create();
    let other = Foreign::reader(map.as_raw_fd());
    let mut events = RingBuf::open(&map).unwrap();
    let (one, two) = (sender(map.as_raw_fd(), 1), sender(map.as_raw_fd(), 2));
    run(&one, 1);
    let event = core::hint::black_box(events.read().unwrap().unwrap());
    assert_eq!(*event, [1; 3]);
    // The record is at the start of the ring, so programs must fill the whole ring before they
    // overwrite it.
    run(&two, 127);
    other.go_to(128 * 32);
    run(&two, 127);
    assert_eq!(*core::hint::black_box(event), [1; 3]);
    assert_eq!(kind(events.read()), ErrorKind::Contended);
}

#[test]
fn an_impossible_position_of_the_reader_is_refused() {
    let map: Map<Events> = common::create();
    let other = Foreign::reader(map.as_raw_fd());
    // This number can be read as an event, and as the header of a record of 24 bytes.
    run(&sender(map.as_raw_fd(), 24), 1);
    for position in [4, 33, 40, 1 << 40, u64::MAX] {
        other.go_to(position);
        let error = RingBuf::open(&map).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupted, "{position}: {error}");
    }
    // The position is inside a record, so the last apparent header has a size that is too large.
    other.go_to(8);
    let mut events = RingBuf::open(&map).unwrap();
    let error = events.read().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupted);
    assert_eq!(
        error.to_string(),
        "can't read from map `Events`: the record at position 8 needs 32 bytes, but only 24 bytes are left: the position is inside a record: another process wrote to the ring: recreate the map"
    );
    drop(events);
    other.go_to(0);
    assert_eq!(RingBuf::open(&map).unwrap().read().unwrap(), Some(&[24; 3]));
}

#[test]
fn an_event_that_never_fits_is_refused() {
    let map: Map<Large> = common::create();
    let text = common::mismatch(RingBuf::open(&map));
    assert_eq!(
        text,
        "can't map the memory of map `Large`: an event needs 4096 bytes with its header, but the ring of 4096 bytes has space for only 4088 bytes: make the ring larger"
    );
    if common::kernel() >= (6, 1) {
        let map: Map<LargeOrders> = common::create();
        common::mismatch(UserRingBuf::open(&map));
    }
}

#[test]
fn an_event_is_not_mistaken_for_a_header_in_a_ring_that_overwrites() {
    if common::kernel() < (6, 19) {
        assert_eq!(common::errno(Map::<Overwritten>::create()), libc::EINVAL);
        return;
    }
    let map: Map<Overwritten> = common::create();
    let other = Foreign::reader(map.as_raw_fd());
    // The events look like records of events.
    run(&sender(map.as_raw_fd(), 24), 300);
    // A full ring contains 127 events.
    let oldest = (300 - 127) * 32;
    for position in [oldest + 8, oldest + 40, 300 * 32 - 8, 300 * 32 + 32] {
        other.go_to(position);
        let error = RingBuf::open(&map).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupted, "{position}: {error}");
    }
    for (position, left) in [(0, 127), (oldest, 127), (oldest + 32, 126), (300 * 32, 0)] {
        other.go_to(position);
        let mut events = RingBuf::open(&map).unwrap();
        assert_eq!(
            events.records().filter(|event| *event.as_ref().unwrap() == [24; 3]).count(),
            left
        );
    }
}

#[test]
fn a_second_writer_is_noticed_and_changes_no_reservation() {
    if common::kernel() < (6, 1) {
        assert_eq!(common::errno(Map::<Orders>::create()), libc::EINVAL);
        return;
    }
    let map: Map<Orders> = common::create();
    let other = Foreign::writer(map.as_raw_fd());
    let mut orders = UserRingBuf::open(&map).unwrap();
    assert!(orders.send(&[1; 3]).unwrap());
    let mut order = orders.reserve().unwrap().unwrap();
    order[1] = 7;
    for word in 0..3 {
        other.word(PAGE + 32 + 8 + word * 8).store(9, Ordering::SeqCst);
    }
    assert_eq!(*core::hint::black_box(&*order), [0, 7, 0]);
    other.go_to(64);
    assert_eq!(kind(order.submit()), ErrorKind::Contended);
    assert_eq!(kind(orders.send(&[1; 3])), ErrorKind::Contended);
    assert_eq!(kind(orders.reserve()), ErrorKind::Contended);
    assert_eq!(other.position(), 64, "the position of the other side is unchanged");
    drop(orders);
    for position in [4, 8000] {
        other.go_to(position);
        assert_eq!(kind(UserRingBuf::open(&map)), ErrorKind::Corrupted, "{position}");
    }
}
