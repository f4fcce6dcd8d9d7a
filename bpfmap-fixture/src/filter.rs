//! Filters: what one side adds, the other finds.

use crate::Fixture;
use crate::entry::{entry, views};
use crate::program::program_of;
use bpfmap::MapSpec;
use bpfmap::kind::{Filter, Kind};

impl Fixture {
    /// Asserts that user space finds in each view what the program added, and nothing before.
    ///
    /// # Panics
    ///
    /// When it does not, or the program or the kernel fails.
    pub fn finds_what_the_program_added<S>(&self)
    where
        S: MapSpec<Key = (), Kind: Filter + Kind<Value<S::Value> = S::Value>>,
    {
        let map = self.map::<S>();
        for view in 0..views::<S>() {
            let value = entry::<S>(view).1;
            let contains = || map.may_contain(&value).unwrap_or_else(|error| panic!("{error}"));
            assert!(view > 0 || !contains(), "an empty filter contains a value");
            self.write_in_program::<S>(view);
            assert!(contains(), "view {view}: the program added another value");
        }
    }

    /// Asserts that the program finds in each view what user space added, and nothing before.
    ///
    /// # Panics
    ///
    /// When it does not, or the kernel fails.
    pub fn adds_what_the_program_finds<S>(&self)
    where
        S: MapSpec<Key = (), Kind: Filter + Kind<Value<S::Value> = S::Value>>,
    {
        let map = self.map::<S>();
        let check = program_of("check", S::DEF.name);
        for view in 0..views::<S>() {
            let found = self.run(&check, view);
            assert!(view > 0 || found == -libc::ENOENT, "an empty filter answers {found}");
            map.add(&entry::<S>(view).1).unwrap_or_else(|error| panic!("{error}"));
            self.check_in_program::<S>(view);
        }
    }
}
