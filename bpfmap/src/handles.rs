//! What the fields of a struct with `#[derive(BpfMaps)]` are: handles, and `Option`s of handles.

use crate::error::Result;
use crate::{Map, MapDef, MapSource, MapSpec};
use bpfmap_core::rule;

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
