//! Tests of rings in ordinary memory. The tests use all kinds of contents that programs and other
//! processes can write to a ring.

use super::drive::{Own, drive};
use super::{BUSY, DISCARDED, Fault, Found, Reader};
use crate::plain::{Plain, zeroed};
use core::sync::atomic::Ordering;

const SIZE: usize = 64;

/// Writes the header of a record at a position.
fn header(own: &Own, position: u64, len: u32) {
    own.write(usize::try_from(position / 8).unwrap(), u64::from(len));
}

fn consumer(own: &Own, position: u64) {
    own.consumer[0].store(position, Ordering::Relaxed);
}

fn producer(own: &Own, position: u64) {
    own.producer[0].store(position, Ordering::Relaxed);
}

fn oldest(own: &Own, position: u64) {
    own.producer[2].store(position, Ordering::Relaxed);
}

/// Reads the next event with `take_quickly`, or with `take` if that fails.
fn take<E: Plain>(reader: &mut Reader<E>) -> Result<Option<(Found, E)>, Fault> {
    let mut event = zeroed();
    if reader.take_quickly(&mut event) {
        return Ok(Some((Found::Event, event)));
    }
    take_any(reader)
}

/// Reads the next event with `take`, which also works for a ring that overwrites.
fn take_any<E: Plain>(reader: &mut Reader<E>) -> Result<Option<(Found, E)>, Fault> {
    let mut event = zeroed();
    Ok(reader.take(&mut event)?.map(|found| (found, event)))
}

fn event<E: Plain>(event: E) -> (Found, E) {
    (Found::Event, event)
}

#[test]
fn records_are_read_in_order_and_their_space_is_released() {
    let own = Own::new(SIZE);
    header(&own, 0, 8);
    own.write(1, 7);
    header(&own, 16, 8 | DISCARDED);
    header(&own, 32, 3);
    header(&own, 48, 8 | BUSY);
    producer(&own, 64);
    let mut reader = own.reader::<u64>(false).unwrap();
    assert_eq!(reader.unread(), 64);
    assert_eq!(take(&mut reader), Ok(Some(event(7))));
    assert_eq!(
        own.consumer[0].load(Ordering::Relaxed),
        16,
        "the space of a copied event is released"
    );
    assert_eq!(take(&mut reader).map(|it| it.unwrap().0), Ok(Found::WrongSize(3)));
    assert_eq!(take(&mut reader), Ok(None), "the last one is not submitted");
    header(&own, 48, 8);
    own.write(7, 9);
    assert_eq!(take(&mut reader), Ok(Some(event(9))));
    assert_eq!(take(&mut reader), Ok(None));
    assert_eq!(reader.unread(), 0);
}

#[test]
fn an_event_whose_size_is_not_a_multiple_of_eight_is_copied_completely() {
    let own = Own::new(SIZE);
    header(&own, 0, 11);
    own.write(1, u64::from_ne_bytes(*b"abcdefgh"));
    own.write(2, u64::from_ne_bytes(*b"ijk?????"));
    producer(&own, 24);
    let mut reader = own.reader::<[u8; 11]>(false).unwrap();
    assert_eq!(take(&mut reader), Ok(Some(event(*b"abcdefghijk"))));
}

#[test]
fn an_event_larger_than_the_ring_is_refused() {
    let own = Own::new(SIZE);
    assert_eq!(
        own.reader::<[u64; 8]>(false).err(),
        Some(Fault::Size { record: 72, ring: 64, room: 64 })
    );
    // The kernel never fills a ring for records from programs to its last byte, but user space can
    // fill its ring completely.
    assert_eq!(
        own.reader::<[u64; 7]>(false).err(),
        Some(Fault::Size { record: 64, ring: 64, room: 56 })
    );
    assert!(own.writer::<[u64; 7]>().is_ok());
    assert!(own.writer::<[u64; 8]>().is_err());
    assert!(own.reader::<[u64; 6]>(false).is_ok());
}

#[test]
fn a_position_that_is_not_a_multiple_of_eight_is_refused() {
    let own = Own::new(SIZE);
    for position in [1, 4, 12, u64::MAX] {
        consumer(&own, position);
        producer(&own, position);
        let fault = Some(Fault::Unaligned { position });
        assert_eq!(own.reader::<u32>(false).err(), fault);
        assert_eq!(own.reader::<u32>(true).err(), fault);
        assert_eq!(own.writer::<u32>().err(), fault);
    }
    consumer(&own, 8);
    producer(&own, 12);
    assert_eq!(own.reader::<u32>(false).err(), Some(Fault::Unaligned { position: 12 }));
}

#[test]
fn positions_that_are_too_far_apart_are_refused() {
    let own = Own::new(SIZE);
    for (first, last) in [(0, 72), (8, 0), (u64::MAX - 7, 64), (0, 1 << 63)] {
        consumer(&own, first);
        producer(&own, last);
        let fault = Some(Fault::Apart { consumer: first, producer: last, ring: 64 });
        assert_eq!(own.reader::<u64>(false).err(), fault);
        assert_eq!(own.writer::<u64>().err(), fault);
    }
    // Positions overflow.
    consumer(&own, u64::MAX - 7);
    producer(&own, 8);
    header(&own, 56, 8);
    own.write(0, 5);
    assert_eq!(take(&mut own.reader::<u64>(false).unwrap()), Ok(Some(event(5))));
}

#[test]
fn a_record_that_extends_beyond_the_end_of_the_records_is_a_fault() {
    let own = Own::new(SIZE);
    // The record has the size of an event: if a position is inside a record, an event may be at the position of a
    // header.
    header(&own, 56, 32);
    consumer(&own, 56);
    producer(&own, 64);
    let mut reader = own.reader::<[u64; 4]>(false).unwrap();
    for _ in 0..2 {
        let fault = Fault::Record { position: 56, size: 40, left: 8 };
        assert_eq!(take(&mut reader), Err(fault));
    }
    for len in [1, 1 << 29, (1 << 30) - 1] {
        header(&own, 56, len);
        assert!(matches!(take(&mut reader), Err(Fault::Record { .. })));
    }
    assert_eq!(own.consumer[0].load(Ordering::Relaxed), 56, "nothing was released");
}

#[test]
fn a_reader_notices_that_its_position_was_moved() {
    let own = Own::new(SIZE);
    for position in [0, 16, 32] {
        header(&own, position, 8);
    }
    producer(&own, 48);
    let mut reader = own.reader::<u64>(false).unwrap();
    assert_eq!(take(&mut reader), Ok(Some(event(0))));
    consumer(&own, 32);
    let fault = Fault::Moved { expected: 16, found: 32 };
    assert_eq!(take(&mut reader), Err(fault));
    assert_eq!(
        own.consumer[0].load(Ordering::Relaxed),
        32,
        "the position stays where the other process moved it"
    );
    consumer(&own, 16);
    assert_eq!(take(&mut reader), Ok(Some(event(0))), "reading continues");
    consumer(&own, 48);
    producer(&own, 32);
    assert_eq!(take(&mut reader), Err(Fault::Moved { expected: 32, found: 48 }));
    assert_eq!(reader.is_ready(), Err(Fault::Moved { expected: 32, found: 48 }));
}

#[test]
fn reading_a_ring_that_overwrites_begins_at_a_record() {
    let own = Own::new(SIZE);
    // There are records at 16 and 40. The event of the first one contains bytes that could be a
    // header.
    header(&own, 16, 16);
    own.write(3, 8);
    own.write(4, 8);
    header(&own, 40, 16);
    oldest(&own, 16);
    producer(&own, 64);
    for position in [24, 32, 48, 56] {
        consumer(&own, position);
        let fault = own.reader::<[u64; 2]>(true).err();
        assert!(matches!(fault, Some(Fault::Record { .. })), "{position}: {fault:?}");
    }
    for (position, read) in [(0, 2), (16, 2), (40, 1), (64, 0)] {
        consumer(&own, position);
        let mut reader = own.reader::<[u64; 2]>(true).unwrap();
        let lost = if position == 0 { 16 } else { 0 };
        assert_eq!(reader.overwritten(), lost);
        for _ in 0..read {
            assert!(matches!(take_any(&mut reader), Ok(Some((Found::Event, _)))));
        }
        assert_eq!(take_any(&mut reader), Ok(None));
    }
    consumer(&own, 72);
    let fault = Some(Fault::Apart { consumer: 72, producer: 64, ring: 64 });
    assert_eq!(own.reader::<[u64; 2]>(true).err(), fault);
}

#[test]
fn overwritten_records_are_skipped() {
    let own = Own::new(SIZE);
    for position in [0, 16, 32] {
        header(&own, position, 8);
        own.write(usize::try_from(position / 8).unwrap() + 1, position);
    }
    producer(&own, 48);
    let mut reader = own.reader::<u64>(true).unwrap();
    assert_eq!(take_any(&mut reader), Ok(Some(event(0))));
    // The record at 16 has been overwritten.
    header(&own, 16, 5);
    oldest(&own, 32);
    assert_eq!(take_any(&mut reader), Ok(Some(event(32))));
    assert_eq!(reader.overwritten(), 16);
    // The oldest record is never newer than all others.
    oldest(&own, 72);
    let fault = Fault::Apart { consumer: 72, producer: 48, ring: 64 };
    assert_eq!(take_any(&mut reader), Err(fault));
    oldest(&own, 33);
    assert_eq!(take_any(&mut reader), Err(Fault::Apart { consumer: 72, producer: 48, ring: 64 }));
}

/// In a ring that overwrites, the position of the oldest record comes from the kernel or from another process.
#[test]
fn an_impossible_position_of_the_oldest_record_is_refused() {
    let own = Own::new(SIZE);
    producer(&own, 64);
    // Once before the reader's position, and once after it.
    for (next, fault) in [
        (0, Fault::Unaligned { position: 33 }),
        (40, Fault::Record { position: 33, size: 8, left: 7 }),
    ] {
        consumer(&own, next);
        oldest(&own, 33);
        assert_eq!(own.reader::<u64>(true).err(), Some(fault));
    }
}

#[test]
fn a_reader_whose_position_was_moved_skips_no_records() {
    let own = Own::new(SIZE);
    producer(&own, 48);
    let mut reader = own.reader::<u64>(true).unwrap();
    consumer(&own, 16);
    oldest(&own, 32);
    assert_eq!(take_any(&mut reader), Err(Fault::Moved { expected: 0, found: 16 }));
    assert_eq!(
        own.consumer[0].load(Ordering::Relaxed),
        16,
        "the position stays where the other process moved it"
    );
}

#[test]
fn a_writer_sends_events_that_fit_and_notices_another_writer() {
    let own = Own::new(SIZE);
    let mut writer = own.writer::<[u8; 9]>().unwrap();
    assert_eq!(writer.publish(b"abcdefghi"), Ok(true));
    assert_eq!(own.data[0].load(Ordering::Relaxed), 9);
    assert_eq!(own.data[1].load(Ordering::Relaxed).to_ne_bytes(), *b"abcdefgh");
    assert_eq!(own.data[2].load(Ordering::Relaxed).to_ne_bytes(), *b"i\0\0\0\0\0\0\0");
    assert_eq!(own.producer[0].load(Ordering::Relaxed), 24);
    assert_eq!(writer.publish(&[1; 9]), Ok(true));
    assert_eq!(writer.publish(&[2; 9]), Ok(false), "48 of 64 bytes are in use");
    consumer(&own, 24);
    assert_eq!(writer.has_room(), Ok(true));
    producer(&own, 56);
    assert_eq!(writer.submit(&[2; 9]), Err(Fault::Moved { expected: 48, found: 56 }));
    assert_eq!(own.producer[0].load(Ordering::Relaxed), 56);
    producer(&own, 48);
    consumer(&own, 56);
    let apart = Fault::Apart { consumer: 56, producer: 48, ring: 64 };
    assert_eq!(writer.publish(&[2; 9]), Err(apart));
    assert_eq!(writer.unread(), 0);
}

/// The writer checks its position before it copies an event. After that, one atomic step checks the
/// position again and moves it past the event.
#[test]
fn a_position_that_moves_while_an_event_is_copied_is_not_lost() {
    /// The event is so large that copying takes nearly all the time.
    const WORDS: usize = 500;
    for _ in 0..if cfg!(miri) { 2 } else { 20 } {
        let own = Own::new(1 << 13);
        let mut writer = own.writer::<[u64; WORDS]>().unwrap();
        std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                while own.producer[0].load(Ordering::Relaxed) < 64 {
                    std::hint::spin_loop();
                }
                own.producer[0].fetch_add(8, Ordering::Relaxed);
            });
            let mut sent = 0;
            loop {
                let was_over = other.is_finished();
                match writer.publish(&[7; WORDS]) {
                    Ok(is_sent) => assert!(is_sent),
                    Err(fault) => break assert!(matches!(fault, Fault::Moved { .. }), "{fault}"),
                }
                assert!(!was_over, "the position of the other writer was overwritten");
                sent += 8 * (WORDS as u64 + 1);
                consumer(&own, sent);
            }
        });
    }
}

#[test]
fn a_second_thread_that_writes_to_a_ring_is_noticed_and_does_no_harm() {
    let own = Own::new(SIZE);
    let mut reader = own.reader::<[u64; 3]>(false).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for turn in 0..200 {
                for word in 0..8 {
                    own.write(word, if word == 0 || word == 4 { 24 } else { turn });
                }
                producer(&own, turn % 3 * 32);
                consumer(&own, turn % 2 * 32);
            }
        });
        let mut event = [0; 3];
        for _ in 0..200 {
            let _ = reader.take_quickly(&mut event) || reader.take(&mut event).is_ok();
        }
    });
}

/// Returns pseudo-random numbers that are the same in each run.
fn numbers(seed: u64) -> impl Iterator<Item = u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    })
}

#[test]
fn no_contents_of_the_memory_cause_an_access_outside_of_it() {
    let inputs = if cfg!(miri) { 200 } else { 20_000 };
    for seed in 1..=inputs {
        let input: Vec<u8> = numbers(seed).take(300).collect();
        drive(&input);
    }
}
