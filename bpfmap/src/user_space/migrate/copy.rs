//! Copies the entries of one map into another, and compares the two maps.

use super::raw::{Entries, RawMap};
use crate::user_space::error::Result;
use bpfmap_core::MigrationPlan;
use bpfmap_core::migration::apply;
use std::hash::{BuildHasher, Hasher, RandomState};

/// Two maps, and the conversion of an entry of the first map into an entry of the second map.
pub(super) struct Copy<'a> {
    pub(super) old: RawMap,
    pub(super) new: RawMap,
    pub(super) plan: MigrationPlan<'a>,
    pub(super) hasher: RandomState,
}

/// A fingerprint of a set of entries. It consists of the number of entries and the sum of their
/// hashes, so it does not depend on their order. Two different sets have the same sum with a
/// probability of 2^-64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fingerprint {
    pub(super) entries: u64,
    sum: u64,
}

impl Copy<'_> {
    /// Writes each old entry to the new map, and returns the fingerprint of the written entries.
    /// Calls `passed` with the number of entries that have been processed so far.
    pub(super) fn copy(&mut self, mut passed: impl FnMut(u64)) -> Result<Fingerprint> {
        let Self { old, new, plan, hasher } = self;
        let full = full(new);
        let mut written = Fingerprint::default();
        let sizes = Sizes::of(old, new);
        let mut converted = old.entries();
        old.for_each_batch(|entries| {
            sizes.convert(plan, entries, &mut converted);
            sizes.add(hasher, &converted, &mut written);
            new.write(&mut converted, &full)?;
            passed(written.entries);
            Ok(())
        })?;
        Ok(written)
    }

    /// Reads the old map again. Returns the fingerprint of the entries that a new copy would write.
    pub(super) fn old_now(&mut self, mut passed: impl FnMut(u64)) -> Result<Fingerprint> {
        let Self { old, new, plan, hasher } = self;
        let mut seen = Fingerprint::default();
        let sizes = Sizes::of(old, new);
        let mut converted = old.entries();
        old.for_each_batch(|entries| {
            sizes.convert(plan, entries, &mut converted);
            sizes.add(hasher, &converted, &mut seen);
            passed(seen.entries);
            Ok(())
        })?;
        Ok(seen)
    }

    /// Returns the fingerprint of the new map. For an array, the fingerprint includes only the
    /// indices that the old map also has.
    pub(super) fn new_now(&mut self, mut passed: impl FnMut(u64)) -> Result<Fingerprint> {
        let Self { old, new, hasher, .. } = self;
        let mut seen = Fingerprint::default();
        let sizes = Sizes::of(old, new);
        let (is_array, indices) = (new.is_array(), u64::from(old.info.max_entries));
        new.for_each_batch(|entries| {
            // A walk over indices is in ascending order.
            let rest = if is_array { indices - seen.entries } else { u64::MAX };
            let len = entries.len.min(usize::try_from(rest).unwrap_or(usize::MAX));
            sizes.add_first(hasher, entries, len, &mut seen);
            passed(seen.entries);
            Ok(())
        })?;
        Ok(seen)
    }
}

/// Returns the message of the error for a new map that has no space left.
fn full(new: &RawMap) -> String {
    format!(
        "the new map has a max_entries of {}, but the old map has more entries: use a larger max_entries",
        new.info.max_entries
    )
}

/// The layout of keys and values in the entries of both maps.
struct Sizes {
    key: (usize, usize),
    value: (usize, usize),
    stride: (usize, usize),
    copies: usize,
}

impl Sizes {
    fn of(old: &RawMap, new: &RawMap) -> Self {
        Self {
            key: (old.key_size, new.key_size),
            value: (old.info.value_size as usize, new.info.value_size as usize),
            stride: (old.stride, new.stride),
            copies: old.copies,
        }
    }

    /// Converts entries of the old map to entries of the new map.
    fn convert(&self, plan: &MigrationPlan<'_>, old: &Entries, new: &mut Entries) {
        new.keys.clear();
        new.keys.resize(old.len * self.key.1, 0);
        new.values.clear();
        new.values.resize(old.len * self.copies * self.stride.1, 0);
        new.len = old.len;
        let keys = old.keys.chunks_exact(self.key.0).take(old.len);
        for (old, new) in keys.zip(new.keys.chunks_exact_mut(self.key.1)) {
            apply(plan.key, old, new);
        }
        let values = old.values.chunks_exact(self.stride.0).take(old.len * self.copies);
        for (old, new) in values.zip(new.values.chunks_exact_mut(self.stride.1)) {
            apply(plan.value, &old[..self.value.0], &mut new[..self.value.1]);
        }
    }

    fn add(&self, hasher: &RandomState, entries: &Entries, to: &mut Fingerprint) {
        self.add_first(hasher, entries, entries.len, to);
    }

    /// Adds the first `len` of these entries of the new map to the fingerprint `to`.
    fn add_first(&self, hasher: &RandomState, entries: &Entries, len: usize, to: &mut Fingerprint) {
        let keys = entries.keys.chunks_exact(self.key.1).take(len);
        for (key, values) in keys.zip(entries.values.chunks_exact(self.copies * self.stride.1)) {
            let mut hash = hasher.build_hasher();
            hash.write(key);
            for value in values.chunks_exact(self.stride.1) {
                hash.write(&value[..self.value.1]);
            }
            to.sum = to.sum.wrapping_add(hash.finish());
        }
        to.entries += len as u64;
    }
}
