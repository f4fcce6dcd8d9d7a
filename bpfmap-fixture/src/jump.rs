//! Tail calls: what user space puts into a slot is where a program lands.

use std::os::fd::AsFd as _;

use crate::program::program_of;
use crate::{Fixture, MapFixture, index};
use bpfmap::kind::{DeleteElement, HoldObjects, ShowObjects};
use bpfmap::{MapSpec, ProgramFd, ProgramId};

impl Fixture {
    /// Asserts that a program jumps where the map's first contents say (a slot, and what the program there
    /// returns), then where user space says, and nowhere when the slot is empty or there is none.
    ///
    /// # Panics
    ///
    /// When it lands elsewhere, or the kernel refuses something.
    pub fn jumps_where_user_space_says<S>(&self, fixture: &MapFixture<'_>)
    where
        S: MapSpec,
        S::Kind: for<'a> HoldObjects<S, Object<'a> = ProgramFd<'a>>
            + ShowObjects<S, Shown = ProgramId>
            + DeleteElement,
    {
        let (jump, land) = (program_of("jump", S::DEF.name), program_of("land", S::DEF.name));
        let map = self.map::<S>();
        // One behind the last where there are few.
        for slot in 0..=map.max_entries().min(64) {
            let known = fixture.contents.iter().find(|content| content.key == slot);
            let landed = known.map_or(NOWHERE, |content| content.returns);
            assert_eq!(self.run(&jump, slot), landed, "slot {slot} of {}, at first", S::DEF.name);
            let held = map.get(&index(slot)).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(held.is_some(), known.is_some(), "the id in slot {slot} of {}", S::DEF.name);
        }

        let last = map.max_entries() - 1;
        let program = self.program_fd(&land);
        map.set(&index(last), ProgramFd::new(program.as_fd()))
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(self.run(&jump, last), LANDED, "slot {last} of {}, once filled", S::DEF.name);
        let deleted = map.delete(&index(last)).unwrap_or_else(|error| panic!("{error}"));
        assert!(deleted, "slot {last} of {} was filled", S::DEF.name);
        assert_eq!(self.run(&jump, last), NOWHERE, "slot {last} of {}, once emptied", S::DEF.name);
    }
}

/// What the program returns that jumped nowhere, `-ENOENT`.
const NOWHERE: i32 = -libc::ENOENT;
/// What the program returns that user space puts in.
const LANDED: i32 = 0;
