//! The two sides of a map: what a program writes user space finds, and the other way round.

use std::os::fd::AsFd as _;

use bpfmap::kind::{Kind, LookupElement, Pop, Push, UpdateElement};
use bpfmap::{Map, MapSpec, PerCpu, Plain, UpdateMode, Value, bytes_of, from_bytes};
use bpfmap_core::TypeDesc;
use bpfmap_core::map_type::KeyRule;

use crate::keys::{index, prefixed};
use crate::pattern::{Extent, assert_same, filled_value};
use crate::raw::{self, Buffer, Command};
use crate::{Answer, Fixture};

/// Returns what both sides write in a view.
pub(crate) fn entry<S: MapSpec>(view: u32) -> (S::Key, S::Value) {
    (key::<S>(view), filled_value(S::DEF.value, view))
}

/// Returns the key that both sides use in a view: of indices the last one, which a wrong stride would miss.
pub(crate) fn key<S: MapSpec>(view: u32) -> S::Key {
    let filled = || filled_value(S::DEF.key, view);
    match S::Kind::FACTS.key {
        KeyRule::Index => index(last_index::<S>()),
        // The whole of the data counts.
        KeyRule::LpmPrefix => {
            let bits = u32::try_from((size_of::<S::Key>() - 4) * 8).expect("at most 256 bytes");
            prefixed(filled(), bits)
        }
        KeyRule::Keyless => bpfmap::zeroed(),
        KeyRule::Any { .. } | KeyRule::Number | KeyRule::Descriptor(_) | KeyRule::CgroupStorage => {
            filled()
        }
    }
}

/// Returns the last index of a map; 0 where the loader sets the size.
pub(crate) fn last_index<S: MapSpec>() -> u32 {
    S::DEF.max_entries.map_or(0, |entries| entries.saturating_sub(1))
}

/// Returns in how many views an entry is written.
pub(crate) fn views<S: MapSpec>() -> u32 {
    Extent::of(S::DEF.key).views.max(Extent::of(S::DEF.value).views)
}

impl Fixture {
    /// Asserts that user space finds in each view what the program wrote.
    ///
    /// # Panics
    ///
    /// When a member differs, or the program or the kernel fails.
    pub fn finds_what_the_program_wrote<S>(&self)
    where
        S: MapSpec,
        S::Kind: LookupElement,
        Value<S>: OnEachCpu<S::Value>,
    {
        let map = self.map::<S>();
        for view in 0..views::<S>() {
            self.finds_what_is_written(&map, S::DEF.name, view);
        }
    }

    /// The same in one view and in this map, with the program of the map `owner`.
    pub(crate) fn finds_what_is_written<S>(&self, map: &Map<S>, owner: &str, view: u32)
    where
        S: MapSpec,
        S::Kind: LookupElement,
        Value<S>: OnEachCpu<S::Value>,
    {
        self.write_by(owner, view);
        let (key, expected) = entry::<S>(view);
        let found = map.lookup(&key).unwrap_or_else(|error| panic!("{error}"));
        let found = found.unwrap_or_else(|| {
            let key = bytes_of(&key);
            panic!("view {view}: the key that the program wrote is not this one: {key:?}")
        });
        let found = without_roots::<S>(found.on(self.cpu()));
        assert_same(&found, &expected, S::DEF.value, || format!("view {view}: found"));
        make_room(map, &key);
    }

    /// Asserts that the program finds in each view what user space wrote.
    ///
    /// # Panics
    ///
    /// When a byte differs, or the program or the kernel fails.
    pub fn writes_what_the_program_finds<S>(&self)
    where
        S: MapSpec,
        S::Kind: UpdateElement,
        Value<S>: OnEachCpu<S::Value>,
    {
        let map = self.map::<S>();
        for view in 0..views::<S>() {
            self.writes_what_is_found(&map, S::DEF.name, view);
        }
    }

    /// The same in one view and in this map, with the program of the map `owner`.
    pub(crate) fn writes_what_is_found<S>(&self, map: &Map<S>, owner: &str, view: u32)
    where
        S: MapSpec,
        S::Kind: UpdateElement,
        Value<S>: OnEachCpu<S::Value>,
    {
        let (key, value) = entry::<S>(view);
        map.update(&key, &Value::<S>::everywhere(value), UpdateMode::Any)
            .unwrap_or_else(|error| panic!("{error}"));
        self.check_by(owner, view);
        make_room(map, &key);
    }

    /// Asserts that user space pops in each view what the program pushed.
    ///
    /// # Panics
    ///
    /// When a member differs, or the program or the kernel fails.
    pub fn pops_what_the_program_pushed<S>(&self)
    where
        S: MapSpec<Key = ()>,
        S::Kind: Pop + Kind<Value<S::Value> = S::Value>,
    {
        let map = self.map::<S>();
        for view in 0..views::<S>() {
            self.pops_what_is_pushed(&map, S::DEF.name, view);
        }
    }

    /// The same in one view and in this map, with the program of the map `owner`.
    pub(crate) fn pops_what_is_pushed<S>(&self, map: &Map<S>, owner: &str, view: u32)
    where
        S: MapSpec<Key = ()>,
        S::Kind: Pop + Kind<Value<S::Value> = S::Value>,
    {
        self.write_by(owner, view);
        let popped = map.pop().unwrap_or_else(|error| panic!("{error}"));
        let popped = popped.unwrap_or_else(|| panic!("view {view}: there is nothing to pop"));
        assert_same(&popped, &entry::<S>(view).1, S::DEF.value, || format!("view {view}: popped"));
    }

    /// Asserts that the program pops in each view what user space pushed.
    ///
    /// # Panics
    ///
    /// When a byte differs, or the program or the kernel fails.
    pub fn pushes_what_the_program_pops<S>(&self)
    where
        S: MapSpec<Key = ()>,
        S::Kind: Push + Kind<Value<S::Value> = S::Value>,
    {
        let map = self.map::<S>();
        for view in 0..views::<S>() {
            self.pushes_what_is_popped(&map, S::DEF.name, view);
        }
    }

    /// Asserts that the program sees in each view what user space pushed, which user space then pops.
    ///
    /// # Panics
    ///
    /// When a byte differs, or the program or the kernel fails.
    pub fn pushes_what_the_program_peeks<S>(&self)
    where
        S: MapSpec<Key = ()>,
        S::Kind: Push + Pop + Kind<Value<S::Value> = S::Value>,
    {
        let map = self.map::<S>();
        for view in 0..views::<S>() {
            self.pushes_what_is_popped(&map, S::DEF.name, view);
            let popped = map.pop().unwrap_or_else(|error| panic!("{error}"));
            assert!(popped.is_some(), "view {view}: the program took it");
        }
    }

    /// The same in one view and in this map, with the program of the map `owner`.
    pub(crate) fn pushes_what_is_popped<S>(&self, map: &Map<S>, owner: &str, view: u32)
    where
        S: MapSpec<Key = ()>,
        S::Kind: Push + Kind<Value<S::Value> = S::Value>,
    {
        map.push(&entry::<S>(view).1, UpdateMode::Any).unwrap_or_else(|error| panic!("{error}"));
        self.check_by(owner, view);
    }
}

/// Deletes an entry: the key of another view may be another, and the map may have room for one.
fn make_room<S: MapSpec>(map: &Map<S>, key: &S::Key) {
    let answer =
        raw::element(Command::DeleteElem, map.as_fd(), Some(bytes_of(key)), Buffer::None, 0);
    // Those of an array stay.
    assert!([Answer::OK, Answer(libc::EINVAL)].contains(&answer), "{}: {answer}", S::DEF.name);
}

/// An entry's value, of which each CPU may have a copy.
pub trait OnEachCpu<V> {
    /// The same value for all.
    fn everywhere(value: V) -> Self;
    /// The value of one CPU.
    fn on(&self, cpu: usize) -> V;
}

impl<V: Plain> OnEachCpu<V> for V {
    fn everywhere(value: V) -> V {
        value
    }

    fn on(&self, _cpu: usize) -> V {
        *self
    }
}

impl<V: Plain> OnEachCpu<V> for PerCpu<V> {
    fn everywhere(value: V) -> Self {
        Self::splat(value).unwrap_or_else(|error| panic!("{error}"))
    }

    fn on(&self, cpu: usize) -> V {
        self[cpu]
    }
}

/// The value without what the kernel shows of lists, trees and counts: no two of them are the same,
/// though nothing is in them.
fn without_roots<S: MapSpec>(value: S::Value) -> S::Value {
    let TypeDesc::Struct { members, .. } = S::DEF.value else { return value };
    let roots = members.iter().filter(|member| {
        let layout = member.ty.current();
        matches!(layout, TypeDesc::Root { .. }) || layout == TypeDesc::REF_COUNT
    });
    let mut bytes = bytes_of(&value).to_vec();
    for root in roots {
        let start = root.bit_offset as usize / 8;
        let size = usize::try_from(root.ty.size()).expect("a few bytes");
        bytes[start..start + size].fill(0);
    }
    from_bytes(&bytes).expect("as many bytes as the value has")
}
