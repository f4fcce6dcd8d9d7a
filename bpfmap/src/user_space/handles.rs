//! The field types of a struct with `#[derive(BpfMaps)]`: handles, and `Option`s of handles.

use crate::user_space::error::Result;
use crate::{Map, MapDef, MapSource, MapSpec};
use bpfmap_core::map_type::{Architecture, Requirements};
use bpfmap_core::{KernelVersion, rule};

/// A field type of a struct with [`derive(BpfMaps)`](derive@crate::BpfMaps).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the handle of a map",
    label = "expected `Map<…>`",
    note = "each field of a struct with `#[derive(BpfMaps)]` is a `Map<…>`, or an `Option<Map<…>>` if the map is `optional`"
)]
pub trait Handle: Sized {
    /// The definition of the map.
    const DEF: MapDef<'static>;
    /// Whether the field can represent a map that was not created.
    const IS_OPTIONAL: bool;

    /// Opens the map.
    ///
    /// # Errors
    /// Fails in the same cases as [`Map::from_object`].
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

/// Checks that the field is an `Option` if and only if the map is optional.
///
/// # Panics
/// Panics at compile time if the field and the schema differ.
#[track_caller]
pub const fn fits_schema<H: Handle>() {
    rule::holds(rule::handle(H::DEF.name, H::DEF.optional, H::IS_OPTIONAL));
}

/// Returns the oldest kernel version that can create all of these maps on the architecture for which
/// this crate is compiled, except for optional maps.
#[must_use]
pub const fn min_kernel(maps: &[MapDef<'_>]) -> KernelVersion {
    let (mut newest, mut index) = (KernelVersion::new(0, 0), 0);
    while index < maps.len() {
        let requirements = requirements(&maps[index], Architecture::TARGET);
        if let (false, Some(requirements)) = (maps[index].optional, requirements) {
            newest = newest.newest(requirements.newest());
        }
        index += 1;
    }
    newest
}

/// Returns the requirements of a map on an architecture. On an architecture that the facts do not
/// describe, they are those for x86-64.
pub(super) const fn requirements(
    map: &MapDef<'_>,
    architecture: Option<Architecture>,
) -> Option<Requirements> {
    match (map.requirements(), architecture) {
        (Some(requirements), Some(architecture)) => Some(requirements.on(architecture)),
        (requirements, _) => requirements,
    }
}

/// Calls [`preflight`](crate::preflight) with all of these maps, except for optional maps.
///
/// # Errors
/// Fails in the same cases as [`preflight`](crate::preflight).
pub fn preflight(maps: &[MapDef<'_>]) -> Result<()> {
    let needed: Vec<MapDef<'_>> = maps.iter().filter(|map| !map.optional).copied().collect();
    crate::user_space::preflight(&needed)
}
