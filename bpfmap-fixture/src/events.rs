//! Steps for events: one side sends an event, and the other side reads it. The sides are user space
//! and a program.

use crate::Fixture;
use crate::pattern::{Extent, assert_same, filled};
use crate::program::program_of;
use crate::records::{SendRecords, TakeCpuRecords, TakeRecords};
use bpfmap::MapDef;

/// Checks that user space reads, in each view, the two events that the program sent.
pub(crate) fn reads_what_the_program_submitted(fixture: &Fixture, map: &impl TakeRecords) {
    let def = map.def();
    let mut events = map.open_reader(fixture.object());
    for view in views(def) {
        fixture.write_by(def.name, view);
        for way in ["submitted", "put out"] {
            let read = events.wait_and_read();
            let read = read.unwrap_or_else(|| panic!("view {view}: no event was {way}"));
            assert_same(&read, &filled(def.event, view), def.event, || {
                format!("view {view}: {way}")
            });
        }
        assert!(events.read().is_none(), "view {view}: there is an unexpected event");
        assert_eq!(events.unread(), 0, "view {view}: the discarded event still takes space");
    }
}

/// Checks that user space reads, in each view, the event that the program sent to the ring of a CPU.
pub(crate) fn reads_from_each_cpu(fixture: &Fixture, map: &impl TakeCpuRecords) {
    let def = map.def();
    let mut events = map.open_reader(fixture.object());
    for view in views(def) {
        fixture.write_by(def.name, view);
        let record = events.wait_and_read();
        let (cpu, event) = record.unwrap_or_else(|| panic!("view {view}: there is no event"));
        assert_same(&event, &filled(def.event, view), def.event, || format!("view {view}: read"));
        assert_eq!(cpu, fixture.cpu(), "the program ran on this CPU");
        assert!(events.read().is_none(), "view {view}: there is an unexpected event");
    }
    assert_eq!(events.lost(), 0);
}

/// Checks that the program finds, in each view, the event that user space sent.
pub(crate) fn sends_what_the_program_drains(fixture: &Fixture, map: &impl SendRecords) {
    let def = map.def();
    let mut events = map.open_writer(fixture.object());
    for view in views(def) {
        assert!(events.send(&filled(def.event, view)), "view {view}: the buffer is full");
        fixture.check_by(def.name, view);
        assert_eq!(fixture.run(&program_of("check", def.name), view), -libc::ENOENT, "view {view}");
    }
}

fn views(def: &MapDef<'_>) -> std::ops::Range<u32> {
    0..Extent::of(def.event).views
}
