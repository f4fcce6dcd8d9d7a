//! Maps in maps: a program immediately finds in the outer map what user space stored there.

use libbpf_rs::MapCore as _;

use crate::entry::{
    finds_what_is_written, key, pops_what_is_pushed, pushes_what_is_popped, views,
    writes_what_is_found,
};
use crate::handle::{Delete, GiveUp, Handle as _, HoldMaps, LookUp, ShowIds, TakeIn, Update};
use crate::index;
use crate::program::{Fixture, program_of};
use crate::{Content, MapFixture};

/// Checks that libbpf inserted these maps, and removes them, because the map may have no space for
/// more.
pub(crate) fn holds_at_first(
    fixture: &Fixture,
    map: &(impl ShowIds + Delete),
    description: &MapFixture<'_>,
) {
    for Content { key: place, name, .. } in description.contents {
        // libbpf writes a key of 4 bytes.
        let key = index(*place);
        let mut maps = fixture.object().maps();
        let content = maps.find(|map| map.name() == *name).expect("the object has the map");
        let id = content.info().expect("a map has an info").info.id;
        assert_eq!(map.id(&key), Some(id), "{place} of {}", map.name());
        map.delete(&key);
    }
}

/// Checks that both sides exchange an entry through a map that user space inserted.
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

/// Does the same for queues and stacks.
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

/// Does the same for maps that can't exchange entries: only checks that the program finds the map.
pub(crate) fn finds_the_map_within(fixture: &Fixture, map: &impl HoldMaps) {
    let key = key(map.def(), 0);
    let ask = program_of("ask", map.name());
    map.delete(&key);
    assert_eq!(fixture.run(&ask, 0), -libc::ENOENT, "{}: nothing is there", map.name());
    map.set_map(&key, &map.create_inner());
    assert_eq!(fixture.run(&ask, 0), 0, "{}: a map is there", map.name());
}

/// Tries two maps under a key, one after the other.
fn within<M: HoldMaps>(fixture: &Fixture, map: &M, attempt: impl Fn(&M::Inner)) {
    let key = key(map.def(), 0);
    let check = program_of("check", map.name());
    map.delete(&key);
    assert_eq!(fixture.run(&check, 0), -libc::ENOENT, "{}: nothing is there", map.name());
    for inner in [map.create_inner(), map.create_inner()] {
        map.set_map(&key, &inner);
        attempt(&inner);
    }
    assert!(map.delete(&key), "it was there");
    assert_eq!(fixture.run(&check, 0), -libc::ENOENT, "{}: nothing is there again", map.name());
}
