//! Steps for Bloom filters: each side finds the values that the other side added.

use crate::Fixture;
use crate::entry::{entry, views};
use crate::handle::FilterValues;
use crate::program::program_of;

/// Checks that user space finds, in each view, the value that the program added. Before the first
/// value is added, user space must find nothing.
pub(crate) fn finds_what_the_program_added(fixture: &Fixture, map: &impl FilterValues) {
    for view in views(map.def()) {
        let value = entry(map.def(), view).1;
        assert!(view > 0 || !map.may_contain(&value), "an empty filter contains a value");
        fixture.write_by(map.name(), view);
        assert!(map.may_contain(&value), "view {view}: the program added another value");
    }
}

/// Checks that the program finds, in each view, the value that user space added. Before the first
/// value is added, the program must find nothing.
pub(crate) fn adds_what_the_program_finds(fixture: &Fixture, map: &impl FilterValues) {
    let check = program_of("check", map.name());
    for view in views(map.def()) {
        let found = fixture.run(&check, view);
        assert!(view > 0 || found == -libc::ENOENT, "an empty filter answers {found}");
        map.add(&entry(map.def(), view).1);
        fixture.check_by(map.name(), view);
    }
}
