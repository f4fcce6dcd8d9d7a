//! Steps for entries: one side writes an entry, and the other side reads it. The sides are user
//! space and a program.

use bpfmap::MapDef;
use bpfmap_core::TypeDesc;
use bpfmap_core::map_type::{KeyRule, MapType};

use crate::handle::{GiveUp, Handle, LookUp, TakeIn, Update};
use crate::keys::{index, prefixed};
use crate::pattern::{Extent, assert_same, filled};
use crate::raw::{self, Buffer, Command};
use crate::{Answer, Fixture};

/// Returns the entry that both sides write in a view.
pub(crate) fn entry(def: &MapDef<'_>, view: u32) -> (Vec<u8>, Vec<u8>) {
    (key(def, view), filled(def.value, view))
}

/// Returns the key that both sides use in a view. If keys are indices, this is the last index,
/// because access to the last element fails if the distance between elements is wrong.
pub(crate) fn key(def: &MapDef<'_>, view: u32) -> Vec<u8> {
    let row = MapType::by_number(def.map_type).expect("the facts table has each map type");
    match row.key {
        KeyRule::Index => index(last_index(def)).to_vec(),
        // The prefix covers all of the data.
        KeyRule::LpmPrefix => {
            let bits = u32::try_from((def.key_size() - 4) * 8).expect("at most 256 bytes");
            prefixed(filled(def.key, view), bits)
        }
        KeyRule::Keyless => vec![],
        KeyRule::Any { .. } | KeyRule::Number | KeyRule::Descriptor(_) | KeyRule::CgroupStorage => {
            filled(def.key, view)
        }
    }
}

/// Returns the last index of a map, or 0 if the loader sets the size.
pub(crate) fn last_index(def: &MapDef<'_>) -> u32 {
    def.max_entries.map_or(0, |entries| entries.saturating_sub(1))
}

/// Returns the views in which an entry is written.
pub(crate) fn views(def: &MapDef<'_>) -> std::ops::Range<u32> {
    0..Extent::of(def.key).views.max(Extent::of(def.value).views)
}

/// Checks that user space reads, in each view, the entry that the program wrote.
pub(crate) fn finds_what_the_program_wrote(fixture: &Fixture, map: &impl LookUp) {
    for view in views(map.def()) {
        finds_what_is_written(fixture, map, map.name(), view);
    }
}

/// Checks that user space reads the entry that the program of the map `owner` wrote in one view.
pub(crate) fn finds_what_is_written(fixture: &Fixture, map: &impl LookUp, owner: &str, view: u32) {
    fixture.write_by(owner, view);
    let (key, expected) = entry(map.def(), view);
    let found = map.lookup(&key, fixture.cpu()).unwrap_or_else(|| {
        panic!("view {view}: the program did not write an entry with the key {key:?}")
    });
    let found = without_roots(map.def(), found);
    assert_same(&found, &expected, map.def().value, || format!("view {view}: found"));
    make_room(map, &key);
}

/// Checks that the program reads, in each view, the entry that user space wrote.
pub(crate) fn writes_what_the_program_finds(fixture: &Fixture, map: &impl Update) {
    for view in views(map.def()) {
        writes_what_is_found(fixture, map, map.name(), view);
    }
}

/// Checks that the program of the map `owner` reads the entry that user space wrote in one view.
pub(crate) fn writes_what_is_found(fixture: &Fixture, map: &impl Update, owner: &str, view: u32) {
    let (key, value) = entry(map.def(), view);
    map.update(&key, &value);
    fixture.check_by(owner, view);
    make_room(map, &key);
}

/// Checks that user space pops, in each view, the value that the program pushed.
pub(crate) fn pops_what_the_program_pushed(fixture: &Fixture, map: &impl GiveUp) {
    for view in views(map.def()) {
        pops_what_is_pushed(fixture, map, map.name(), view);
    }
}

/// Checks that user space pops the value that the program of the map `owner` pushed in one view.
pub(crate) fn pops_what_is_pushed(fixture: &Fixture, map: &impl GiveUp, owner: &str, view: u32) {
    fixture.write_by(owner, view);
    let popped = map.pop().unwrap_or_else(|| panic!("view {view}: there is nothing to pop"));
    let expected = entry(map.def(), view).1;
    assert_same(&popped, &expected, map.def().value, || format!("view {view}: popped"));
}

/// Checks that the program pops, in each view, the value that user space pushed.
pub(crate) fn pushes_what_the_program_pops(fixture: &Fixture, map: &impl TakeIn) {
    for view in views(map.def()) {
        pushes_what_is_popped(fixture, map, map.name(), view);
    }
}

/// Checks that the program peeks, in each view, at the value that user space pushed, and that user
/// space then pops this value.
pub(crate) fn pushes_what_the_program_peeks(fixture: &Fixture, map: &(impl TakeIn + GiveUp)) {
    for view in views(map.def()) {
        pushes_what_is_popped(fixture, map, map.name(), view);
        assert!(map.pop().is_some(), "view {view}: the program has removed the value");
    }
}

/// Checks that the program of the map `owner` pops, or peeks at, the value that user space pushed in
/// one view.
pub(crate) fn pushes_what_is_popped(fixture: &Fixture, map: &impl TakeIn, owner: &str, view: u32) {
    map.push(&entry(map.def(), view).1);
    fixture.check_by(owner, view);
}

/// Deletes an entry to make room for the entry of the next view. The next view can use another key,
/// and the map can be too small for two entries.
fn make_room(map: &impl Handle, key: &[u8]) {
    let answer = raw::element(Command::DeleteElem, map.as_fd(), Some(key), Buffer::None, 0);
    // Entries of an array can't be deleted.
    assert!([Answer::OK, Answer(libc::EINVAL)].contains(&answer), "{}: {answer}", map.name());
}

/// Returns the value with the bytes of lists, trees and reference counts set to zero. These bytes
/// differ between any two values, even if the lists and trees are empty.
fn without_roots(def: &MapDef<'_>, mut value: Vec<u8>) -> Vec<u8> {
    let TypeDesc::Struct { members, .. } = def.value else { return value };
    let roots = members.iter().filter(|member| {
        let layout = member.ty.current();
        matches!(layout, TypeDesc::Root { .. }) || layout == TypeDesc::REF_COUNT
    });
    for root in roots {
        let start = root.bit_offset as usize / 8;
        let size = usize::try_from(root.ty.size()).expect("a few bytes");
        value[start..start + size].fill(0);
    }
    value
}
