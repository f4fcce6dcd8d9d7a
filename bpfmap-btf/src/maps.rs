//! Reads the map definitions in the BTF of an object. Each map is a variable in the section `.maps`. The type of this
//! variable is a struct with a member for each attribute.

use crate::{Btf, Kind, TypeId};

/// The attributes of a map definition that bpfmap compares with a live map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MapDefinition {
    /// The type of the key, or `None` if the definition does not contain `key`.
    pub key: Option<TypeId>,
    /// The type of the value, or `None` if the definition does not contain `value`.
    pub value: Option<TypeId>,
    /// The maximum number of entries, or `None` if the definition does not contain `max_entries`.
    pub max_entries: Option<u32>,
}

impl Btf<'_> {
    /// Returns the definition of the map with this name, or `None` if the BTF does not define such a map.
    #[must_use]
    pub fn map_definition(&self, map: &str) -> Option<MapDefinition> {
        let Kind::Struct(body) = &self.resolve(self.map_variable(map)?).ok()??.kind else {
            return None;
        };
        // Each attribute is a pointer. The target of the pointer is a type, or an array whose length is the number.
        let pointee = |name: &str| {
            let member = body.members.iter().find(|member| member.name == name)?;
            match self.resolve(member.ty).ok()??.kind {
                Kind::Pointer(target) => Some(target),
                _ => None,
            }
        };
        let max_entries =
            pointee("max_entries").and_then(|target| match &self.resolve(target).ok()??.kind {
                Kind::Array(array) => Some(array.len),
                _ => None,
            });
        Some(MapDefinition { key: pointee("key"), value: pointee("value"), max_entries })
    }

    /// Returns the type of the variable that defines the map with this name, or `None` if there is no such variable.
    pub(crate) fn map_variable(&self, map: &str) -> Option<TypeId> {
        let sections = self.iter().filter_map(|(_, ty)| match &ty.kind {
            Kind::DataSection { variables, .. } if ty.name == ".maps" => Some(variables),
            _ => None,
        });
        sections.flatten().find_map(|variable| {
            let ty = self.get(variable.variable).filter(|ty| ty.name == map)?;
            match ty.kind {
                Kind::Variable { ty, .. } => Some(ty),
                _ => None,
            }
        })
    }
}
