//! Steps for maps of maps: a program immediately finds the inner map that user space stored in the
//! outer map.

use libbpf_rs::MapCore as _;

use crate::entry::{
    finds_what_is_written, key, pops_what_is_pushed, pushes_what_is_popped, views,
    writes_what_is_found,
};
use crate::handle::{Delete, GiveUp, Handle as _, HoldMaps, LookUp, ShowIds, TakeIn, Update};
use crate::index;
use crate::program::{Fixture, program_of};
use crate::{Content, MapFixture};

/// Checks that libbpf inserted these inner maps. Then removes them, because the outer map can be
/// too small for more maps.
pub(crate) fn holds_at_first(
    fixture: &Fixture,
    map: &(impl ShowIds + Delete),
    description: &MapFixture<'_>,
) {
    for Content { key: place, name, .. } in description.contents {
        // The key has 4 bytes, because libbpf writes a key of this size.
        let key = index(*place);
        let mut maps = fixture.object().maps();
        let content = maps.find(|map| map.name() == *name).expect("the object has the map");
        let id = content.info().expect("a map has an info").info.id;
        assert_eq!(map.id(&key), Some(id), "{place} of {}", map.name());
        map.delete(&key);
    }
}

/// Checks that both sides exchange an entry through an inner map that user space inserted.
pub(crate) fn meets_in_the_map_within<M>(fixture: &Fixture, map: &M)
where
    M: HoldMaps<Inner: LookUp + Update>,
{
    within(fixture, map, |inner| {
        for view in views(inner.def()) {
            finds_what_is_written(fixture, inner, map.name(), view);
            writes_what_is_found(fixture, inner, map.name(), view);
        }
    });
}

/// Checks that both sides exchange a value through an inner map that is a queue or a stack.
pub(crate) fn meets_in_the_queue_within<M>(fixture: &Fixture, map: &M)
where
    M: HoldMaps<Inner: GiveUp + TakeIn>,
{
    within(fixture, map, |inner| {
        for view in views(inner.def()) {
            pops_what_is_pushed(fixture, inner, map.name(), view);
            pushes_what_is_popped(fixture, inner, map.name(), view);
        }
    });
}

/// Checks that the program finds an inner map that user space inserted. This function is for inner
/// maps through which the two sides can't exchange entries.
pub(crate) fn finds_the_map_within(fixture: &Fixture, map: &impl HoldMaps) {
    let key = key(map.def(), 0);
    let ask = program_of("ask", map.name());
    map.delete(&key);
    assert_eq!(fixture.run(&ask, 0), -libc::ENOENT, "{}: nothing is there", map.name());
    map.set_map(&key, &map.create_inner());
    assert_eq!(fixture.run(&ask, 0), 0, "{}: a map is there", map.name());
}

/// Inserts two inner maps under the same key, one after the other, and calls `attempt` for each of
/// them.
fn within<M: HoldMaps>(fixture: &Fixture, map: &M, attempt: impl Fn(&M::Inner)) {
    let key = key(map.def(), 0);
    let check = program_of("check", map.name());
    map.delete(&key);
    assert_eq!(fixture.run(&check, 0), -libc::ENOENT, "{}: nothing is there", map.name());
    for inner in [map.create_inner(), map.create_inner()] {
        map.set_map(&key, &inner);
        attempt(&inner);
    }
    assert!(map.delete(&key), "the inner map was in the outer map");
    assert_eq!(fixture.run(&check, 0), -libc::ENOENT, "{}: nothing is there again", map.name());
}
