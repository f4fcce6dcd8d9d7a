//! What the fields of a struct with `#[derive(BpfMaps)]` are: handles, and `Option`s of handles.

use crate::error::Result;
use crate::{Map, MapDef, MapSource, MapSpec};
use bpfmap_core::{KernelVersion, rule};

/// A field of a struct with [`derive(BpfMaps)`](derive@crate::BpfMaps).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the handle of a map",
    label = "expected `Map<…>`",
    note = "each field of a struct with `#[derive(BpfMaps)]` is a `Map<…>`, or an `Option<Map<…>>` if the map is `optional`"
)]
pub trait Handle: Sized {
    /// The definition of the map.
    const DEF: MapDef<'static>;
    /// Whether the field has a place for a map that was not created.
    const IS_OPTIONAL: bool;

    /// Opens the map.
    ///
    /// # Errors
    /// As [`Map::from_object`].
    fn open(object: &impl MapSource) -> Result<Self>;
}

impl<S: MapSpec> Handle for Map<S> {
    const DEF: MapDef<'static> = S::DEF;
    const IS_OPTIONAL: bool = false;

    fn open(object: &impl MapSource) -> Result<Self> {
        Self::from_object(object)
    }
}

impl<S: MapSpec> Handle for Option<Map<S>> {
    const DEF: MapDef<'static> = S::DEF;
    const IS_OPTIONAL: bool = true;

    fn open(object: &impl MapSource) -> Result<Self> {
        Map::from_object_if_created(object)
    }
}

/// Refuses a field that is an `Option` of a map that is not optional, and one of an optional map that is not.
///
/// # Panics
/// Where field and schema differ, at compile time.
#[track_caller]
pub const fn fits_schema<H: Handle>() {
    rule::holds(rule::handle(H::DEF.name, H::DEF.optional, H::IS_OPTIONAL));
}

/// Returns the first kernel that can create each of these maps that is not optional.
#[must_use]
pub const fn min_kernel(maps: &[MapDef<'_>]) -> KernelVersion {
    let (mut newest, mut index) = (KernelVersion::new(0, 0), 0);
    while index < maps.len() {
        if let (false, Some(requirements)) = (maps[index].optional, maps[index].requirements()) {
            newest = newest.newest(requirements.newest());
        }
        index += 1;
    }
    newest
}

/// Calls [`preflight`](crate::preflight) with those of these maps that are not optional.
///
/// # Errors
/// As there.
pub fn preflight(maps: &[MapDef<'_>]) -> Result<()> {
    let needed: Vec<MapDef<'_>> = maps.iter().filter(|map| !map.optional).copied().collect();
    crate::preflight(&needed)
}
