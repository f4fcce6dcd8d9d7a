//! Fixtures as data.
//!
//! A fixture tries a map on the running kernel and compares the answers with the facts table. The generator
//! writes a [`MapFixture`] for each map of a schema into the tests, and can make the same value while it runs.

use crate::map_type::{MapFlag, MapTraits, MapType};
use crate::{Errno, KernelVersion, SpecialField};
use core::ops::Range;

/// A map, and what a fixture has to know of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapFixture<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its type, by the name in a schema: `hash`.
    pub map_type: &'a str,
    /// Its flags, by their names in a schema.
    pub flags: &'a [&'a str],
    /// The size of a key in bytes; 0 for a map without keys.
    pub key_size: u64,
    /// The size of a value in bytes; 0 for a map without values.
    pub value_size: u64,
    /// The `max_entries` of the maps that cases are tried on, where a few entries won't do.
    pub max_entries: Option<u32>,
    /// The first kernel that takes the map, and what an older kernel answers when it is made; `None`: each kernel of the
    /// matrix takes it.
    pub creation: Option<(KernelVersion, Errno)>,
    /// The bytes of a value that belong to the kernel, in ascending order.
    pub special: &'a [SpecialBytes],
    /// What the loader puts into the map at first.
    pub contents: &'a [Content<'a>],
}

/// Bytes of a value that belong to the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecialBytes {
    /// What the kernel keeps there.
    pub field: SpecialField,
    /// The first kernel that knows the field there. An older one takes the bytes for plain data.
    pub since: KernelVersion,
    /// Which bytes of the value they are.
    pub bytes: Range<usize>,
}

/// An entry that the loader puts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content<'a> {
    /// The index or key.
    pub key: u32,
    /// The name of the program or of the map.
    pub name: &'a str,
    /// What the program returns in the fixture; 0 of a map.
    pub returns: i32,
}

impl MapFixture<'_> {
    /// Returns the row of the map's type.
    ///
    /// # Panics
    ///
    /// If the facts table has no such map type: a generator of another version wrote the fixture.
    #[must_use]
    pub fn row(&self) -> &'static MapType {
        MapType::by_name(self.map_type).expect("the facts table has a row for the map type")
    }

    /// Returns whether the map has a flag, by its name in a schema.
    #[must_use]
    pub fn has_flag(&self, name: &str) -> bool {
        self.flags.contains(&name)
    }

    /// Returns what decides what operations on the map answer.
    ///
    /// # Panics
    ///
    /// As [`Self::row`].
    #[must_use]
    pub fn traits(&self) -> MapTraits {
        let flags = self.flags.iter().filter_map(|flag| MapFlag::by_name(flag));
        let is_lock = |special: &&SpecialBytes| special.field == SpecialField::SpinLock;
        let row = self.row();
        MapTraits {
            row,
            flags: flags.fold(0, |bits, flag| bits | flag.value()),
            has_spin_lock: self.special.iter().any(|special| is_lock(&special)),
            special_since: self
                .special
                .iter()
                .filter(|special| !is_lock(special))
                .filter(|special| row.special_field_since(special.field).is_some())
                .map(|special| special.since)
                .min(),
            value_size: Some(self.value_size).filter(|size| *size > 0),
        }
    }
}
