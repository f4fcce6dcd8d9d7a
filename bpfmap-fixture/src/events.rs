//! Events: what a program sends user space reads, and the other way round.

use std::time::Duration;

use crate::Fixture;
use crate::pattern::{Extent, assert_same, filled_value};
use bpfmap::kind::{ReadPerCpuRecords, ReadRecords, WriteRecords};
use bpfmap::{EventSpec, PerfBuffer, RingBuf, UserRingBuf};

/// Longer than any event takes.
const LONG: Option<Duration> = Some(Duration::from_secs(20));

impl Fixture {
    /// Asserts that user space reads in each view the two events that the program sent.
    ///
    /// # Panics
    ///
    /// When a member differs, an event is missing, or the program or the kernel fails.
    pub fn reads_what_the_program_submitted<S>(&self)
    where
        S: EventSpec<Kind: ReadRecords>,
    {
        let map = self.map::<S>();
        let mut events = RingBuf::open(&map).unwrap_or_else(|error| panic!("{error}"));
        for view in 0..views::<S>() {
            self.write_in_program::<S>(view);
            for way in ["submitted", "put out"] {
                let woken = events.wait(LONG).unwrap_or_else(|error| panic!("{error}"));
                assert!(woken, "view {view}: no event was {way}");
                let read = events.read().unwrap_or_else(|error| panic!("{error}"));
                let read = read.unwrap_or_else(|| panic!("view {view}: no event was {way}"));
                assert_same(read, &event::<S>(view), S::DEF.event, || {
                    format!("view {view}: {way}")
                });
            }
            let rest = events.read().unwrap_or_else(|error| panic!("{error}"));
            assert!(rest.is_none(), "view {view}: an event too many");
            assert_eq!(events.unread(), 0, "view {view}: the discarded event still takes room");
        }
    }

    /// Asserts that user space reads in each view the event that the program sent.
    ///
    /// # Panics
    ///
    /// When a member differs, the event is missing, or the program or the kernel fails.
    pub fn reads_from_each_cpu<S>(&self)
    where
        S: EventSpec<Kind: ReadPerCpuRecords>,
    {
        let map = self.map::<S>();
        let mut events = PerfBuffer::open(&map).unwrap_or_else(|error| panic!("{error}"));
        for view in 0..views::<S>() {
            self.write_in_program::<S>(view);
            let woken = events.wait(LONG).unwrap_or_else(|error| panic!("{error}"));
            assert!(woken, "view {view}: no event came");
            let record = events.read().unwrap_or_else(|error| panic!("{error}"));
            let record = record.unwrap_or_else(|| panic!("view {view}: woken for nothing"));
            assert_same(record.event, &event::<S>(view), S::DEF.event, || {
                format!("view {view}: read")
            });
            assert_eq!(record.cpu as usize, self.cpu(), "the program ran on this CPU");
            let rest = events.read().unwrap_or_else(|error| panic!("{error}"));
            assert!(rest.is_none(), "view {view}: an event too many");
        }
        assert_eq!(events.lost(), 0);
    }

    /// Asserts that the program finds in each view the event that user space sent.
    ///
    /// # Panics
    ///
    /// When a byte differs, or the program or the kernel fails.
    pub fn sends_what_the_program_drains<S>(&self)
    where
        S: EventSpec<Kind: WriteRecords>,
    {
        let map = self.map::<S>();
        let mut events = UserRingBuf::open(&map).unwrap_or_else(|error| panic!("{error}"));
        for view in 0..views::<S>() {
            let sent = events.send(&event::<S>(view)).unwrap_or_else(|error| panic!("{error}"));
            assert!(sent, "view {view}: the buffer is full");
            self.check_in_program::<S>(view);
            assert_eq!(events.unread(), 0, "view {view}: the event still takes room");
        }
    }
}

fn event<S: EventSpec>(view: u32) -> S::Event {
    filled_value(S::DEF.event, view)
}

fn views<S: EventSpec>() -> u32 {
    Extent::of(S::DEF.event).views
}
