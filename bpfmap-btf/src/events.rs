//! The type of a map's records, in the definition of the map.
//!
//! A BTF-defined map declares its type with `__uint(type, N)`, a pointer to an array of `N`
//! integers. Loaders only read the length of the array. The elements of the array can therefore be
//! records instead of integers: `struct exec (*type)[27]`.

use crate::{Btf, Int, Kind, TypeId};

impl Btf<'_> {
    /// Returns the type of the records of a map, by the map's name. Returns `None` if the BTF
    /// defines no such map, or if the definition does not declare the type of its records.
    #[must_use]
    pub fn map_event(&self, map: &str) -> Option<TypeId> {
        self.event_of(self.map_variable(map)?)
    }

    /// Returns the type of the records of a map, by the struct that defines the map.
    #[must_use]
    pub fn event_of(&self, definition: TypeId) -> Option<TypeId> {
        let kind = |id| self.resolve(id).ok().flatten().map(|ty| &ty.kind);
        let Kind::Struct(body) = kind(definition)? else { return None };
        let member = body.members.iter().find(|member| member.name == "type")?;
        let Kind::Pointer(array) = kind(member.ty)? else { return None };
        let Kind::Array(array) = kind(*array)? else { return None };
        let (id, element) = self.unqualified(array.element).ok()?;
        let element = element?;
        // The elements are numbers: `int` in C, or `i32` in a map that is defined in Rust. An `i32`
        // of a schema is the typedef `__s32`, so it is not confused with them.
        let is_number = matches!(element.kind, Kind::Int(Int { size: 4, is_signed: true, .. }))
            && matches!(element.name, "int" | "i32");
        (!is_number).then_some(id)
    }
}
