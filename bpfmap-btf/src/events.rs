//! Finds the type of a map's records in the definition of the map.
//!
//! The BTF definition of a map declares the map type with `__uint(type, N)`, which is a pointer to an array of `N`
//! integers. Loaders only read the length of the array. So the elements of the array can be records instead of
//! integers, as in `struct exec (*type)[27]`.

use crate::{Btf, Int, Kind, TypeId};

impl Btf<'_> {
    /// Returns the type of the records of the map with the name `map`. Returns `None` if the BTF does not define such a
    /// map, or if the definition does not declare the type of its records.
    #[must_use]
    pub fn map_event(&self, map: &str) -> Option<TypeId> {
        self.event_of(self.map_variable(map)?)
    }

    /// Returns the type of the records of the map that the struct `definition` defines. Returns `None` if the
    /// definition does not declare the type of its records.
    #[must_use]
    pub fn event_of(&self, definition: TypeId) -> Option<TypeId> {
        let kind = |id| self.resolve(id).ok().flatten().map(|ty| &ty.kind);
        let Kind::Struct(body) = kind(definition)? else { return None };
        let member = body.members.iter().find(|member| member.name == "type")?;
        let Kind::Pointer(array) = kind(member.ty)? else { return None };
        let Kind::Array(array) = kind(*array)? else { return None };
        let (id, element) = self.unqualified(array.element).ok()?;
        let element = element?;
        // Without a type for the records, the elements are integers: `int` in C, or `i32` in a map that is defined in
        // Rust. An `i32` in a schema can't be confused with them, because it is the typedef `__s32`.
        let is_number = matches!(element.kind, Kind::Int(Int { size: 4, is_signed: true, .. }))
            && matches!(element.name, "int" | "i32");
        (!is_number).then_some(id)
    }
}
