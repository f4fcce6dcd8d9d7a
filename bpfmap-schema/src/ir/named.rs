//! Finds the types to which types and maps refer.

use std::collections::BTreeSet;

use super::{Composite, MapDecl, MemberType, Type, TypeDef, TypeDefKind};

impl TypeDef {
    /// Returns the names of the types that this type contains or points to.
    #[must_use]
    pub fn named_types(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        match &self.kind {
            TypeDefKind::Struct(body) | TypeDefKind::Union(body) => in_body(body, &mut names),
            TypeDefKind::Alias(target) => in_type(&target.value, &mut names),
            TypeDefKind::Enum(_) => {}
        }
        names
    }
}

impl MapDecl {
    /// Returns the names of the types in the key, the value and the event of this map and of its template.
    #[must_use]
    pub fn named_types(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        for ty in [self].into_iter().chain(self.template()).flat_map(Self::types) {
            in_type(&ty.value, &mut names);
        }
        names
    }
}

fn in_body<'a>(body: &'a Composite, names: &mut BTreeSet<&'a str>) {
    for member in &body.members {
        match &member.ty {
            MemberType::Type(ty) => in_type(&ty.value, names),
            MemberType::Struct(body) | MemberType::Union(body) => in_body(body, names),
        }
    }
}

fn in_type<'a>(ty: &'a Type, names: &mut BTreeSet<&'a str>) {
    match ty {
        Type::Array(element, _) => in_type(&element.value, names),
        Type::Pointer(Some(target)) => in_type(&target.value, names),
        Type::Named(name) => {
            names.insert(name);
        }
        Type::Special(_, Some(target)) => {
            names.insert(&target.name.value);
        }
        _ => {}
    }
}
