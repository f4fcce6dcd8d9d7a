//! Maps in maps: a program finds in the outer map what user space put there, at once.

use libbpf_rs::MapCore as _;

use crate::entry::{OnEachCpu, key, views};
use crate::program::{Fixture, program_of};
use crate::{Content, MapFixture};
use bpfmap::kind::{
    DeleteElement, HoldObjects, Kind, LookupElement, Pop, Push, ShowObjects, UpdateElement,
};
use bpfmap::{Map, MapId, MapSpec, OuterMapSpec, Value, from_bytes};

impl Fixture {
    /// Asserts that libbpf put these maps in: the place of each, which is its key, and its name. Takes them out: there
    /// may be no room for others beside them.
    ///
    /// # Panics
    ///
    /// When others are there.
    pub fn holds_at_first<S>(&self, fixture: &MapFixture<'_>)
    where
        S: MapSpec,
        S::Kind: ShowObjects<S, Shown = MapId> + DeleteElement,
    {
        let map = self.map::<S>();
        for Content { key: place, name, .. } in fixture.contents {
            let key = from_bytes(&place.to_ne_bytes()).expect("libbpf writes 4 bytes");
            let mut maps = self.object().maps();
            let content = maps.find(|map| map.name() == *name).expect("the object has the map");
            let id = content.info().expect("a map has an info").info.id;
            let held = map.get(&key).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(held.map(MapId::get), Some(id), "{place} of {}", S::DEF.name);
            map.delete(&key).unwrap_or_else(|error| panic!("{error}"));
        }
    }

    /// Asserts that an entry goes both ways through a map that user space put in, that a second one
    /// takes its place at once, and that nothing is found where nothing is.
    ///
    /// # Panics
    ///
    /// When something else is found, or the program or the kernel fails.
    pub fn meets_in_the_map_within<S>(&self)
    where
        S: OuterMapSpec,
        S::Kind: HoldsInner<S> + DeleteElement,
        <S::Inner as MapSpec>::Kind: LookupElement + UpdateElement,
        Value<S::Inner>: OnEachCpu<<S::Inner as MapSpec>::Value>,
    {
        self.within::<S>(|inner| {
            for view in 0..views::<S::Inner>() {
                self.finds_what_is_written(inner, S::DEF.name, view);
                self.writes_what_is_found(inner, S::DEF.name, view);
            }
        });
    }

    /// As [`Self::meets_in_the_map_within`], for queues and stacks.
    ///
    /// # Panics
    ///
    /// As there.
    pub fn meets_in_the_queue_within<S>(&self)
    where
        S: OuterMapSpec,
        S::Kind: HoldsInner<S> + DeleteElement,
        S::Inner: MapSpec<Key = ()>,
        <S::Inner as MapSpec>::Kind:
            Push + Pop + Kind<Value<<S::Inner as MapSpec>::Value> = <S::Inner as MapSpec>::Value>,
    {
        self.within::<S>(|inner| {
            for view in 0..views::<S::Inner>() {
                self.pops_what_is_pushed(inner, S::DEF.name, view);
                self.pushes_what_is_popped(inner, S::DEF.name, view);
            }
        });
    }

    /// As [`Self::meets_in_the_map_within`], for maps in which no entry can go both ways: the program finds the map.
    ///
    /// # Panics
    ///
    /// As there.
    pub fn finds_the_map_within<S>(&self)
    where
        S: OuterMapSpec,
        S::Kind: HoldsInner<S> + DeleteElement,
    {
        let map = self.map::<S>();
        let key = key::<S>(0);
        let ask = program_of("ask", S::DEF.name);
        map.delete(&key).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(self.run(&ask, 0), -libc::ENOENT, "{}: nothing is there", S::DEF.name);
        S::Kind::hold(&map, &key, &inner::<S>());
        assert_eq!(self.run(&ask, 0), 0, "{}: a map is there", S::DEF.name);
    }

    /// Tries two maps, one after the other, under a key.
    fn within<S>(&self, attempt: impl Fn(&Map<S::Inner>))
    where
        S: OuterMapSpec,
        S::Kind: HoldsInner<S> + DeleteElement,
    {
        let map = self.map::<S>();
        let key = &key::<S>(0);
        let check = program_of("check", S::DEF.name);
        map.delete(key).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(self.run(&check, 0), -libc::ENOENT, "{}: nothing is there", S::DEF.name);
        for inner in [inner::<S>(), inner::<S>()] {
            S::Kind::hold(&map, key, &inner);
            attempt(&inner);
        }
        assert!(map.delete(key).unwrap_or_else(|error| panic!("{error}")), "it was there");
        assert_eq!(self.run(&check, 0), -libc::ENOENT, "{}: nothing is there again", S::DEF.name);
    }
}

/// A kind of maps of maps.
pub trait HoldsInner<S: OuterMapSpec>: Kind {
    /// Puts a map in.
    fn hold(map: &Map<S>, key: &S::Key, inner: &Map<S::Inner>);
}

impl<S, K> HoldsInner<S> for K
where
    S: OuterMapSpec<Kind = K>,
    K: for<'a> HoldObjects<S, Object<'a> = &'a Map<S::Inner>>,
{
    fn hold(map: &Map<S>, key: &S::Key, inner: &Map<S::Inner>) {
        map.set(key, inner).unwrap_or_else(|error| panic!("{error}"));
    }
}

fn inner<S: OuterMapSpec>() -> Map<S::Inner> {
    Map::create().unwrap_or_else(|error| panic!("{error}"))
}
