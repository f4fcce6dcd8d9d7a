//! Steps for program arrays: a program makes a tail call to the program that user space stored.

use std::os::fd::AsFd as _;

use crate::handle::{HoldPrograms, ShowIds};
use crate::program::program_of;
use crate::{Fixture, MapFixture, index};

/// Checks that a tail call runs the program that the slot contains initially, and later the program
/// that user space stores in the slot. Also checks that a tail call fails if the slot is empty or
/// does not exist.
pub(crate) fn jumps_where_user_space_says(
    fixture: &Fixture,
    map: &(impl HoldPrograms + ShowIds),
    description: &MapFixture<'_>,
) {
    let name = map.name();
    let (jump, land) = (program_of("jump", name), program_of("land", name));
    // If the map has few slots, the test also tries the index after the last slot.
    for slot in 0..=map.max_entries().min(64) {
        let known = description.contents.iter().find(|content| content.key == slot);
        let landed = known.map_or(NOWHERE, |content| content.returns);
        assert_eq!(fixture.run(&jump, slot), landed, "slot {slot} of {name}, at first");
        let held = map.id(&index(slot));
        assert_eq!(held.is_some(), known.is_some(), "the id in slot {slot} of {name}");
    }

    let last = map.max_entries() - 1;
    map.set_program(&index(last), fixture.program_fd(&land).as_fd());
    assert_eq!(fixture.run(&jump, last), LANDED, "slot {last} of {name}, once filled");
    assert!(map.delete(&index(last)), "slot {last} of {name} was filled");
    assert_eq!(fixture.run(&jump, last), NOWHERE, "slot {last} of {name}, once emptied");
}

/// The result of a program whose tail call failed: `-ENOENT`.
const NOWHERE: i32 = -libc::ENOENT;
/// The result of the program that user space stores.
const LANDED: i32 = 0;
