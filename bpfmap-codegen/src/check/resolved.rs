//! A schema with its names and sizes at hand.

use std::collections::HashMap;
use std::ops::Range;

use crate::ir::{KeyValue, MemberType, Schema, SpecialField, Type, TypeDef, TypeDefKind};
use crate::layout::{Layouts, TypeLayout};
use crate::source::Span;

/// Looks up what the names of a schema mean.
#[derive(Debug, Clone, Copy)]
pub struct Resolved<'a> {
    pub(super) schema: &'a Schema,
    pub(super) layouts: &'a Layouts,
    pub(super) index: &'a TypeIndex,
}

/// The place of each type of a schema by its name; the first, where a name stands twice.
pub(super) type TypeIndex = HashMap<String, usize>;

pub(super) fn type_index(schema: &Schema) -> TypeIndex {
    let mut index = TypeIndex::with_capacity(schema.types.len());
    for (place, def) in schema.types.iter().enumerate() {
        index.entry(def.name.value.clone()).or_insert(place);
    }
    index
}

impl<'a> Resolved<'a> {
    /// The type that the schema calls `name`.
    #[must_use]
    pub fn type_def(self, name: &str) -> Option<&'a TypeDef> {
        self.index.get(name).map(|place| &self.schema.types[*place])
    }

    /// What `ty` is once its aliases are followed.
    #[must_use]
    pub fn without_aliases(self, mut ty: &'a Type) -> &'a Type {
        // An alias that leads to itself is reported elsewhere; here it must end.
        for _ in 0..=self.schema.types.len() {
            let Type::Named(name) = ty else { break };
            let Some(TypeDefKind::Alias(target)) = self.type_def(name).map(|def| &def.kind) else {
                break;
            };
            ty = &target.value;
        }
        ty
    }

    /// Size and alignment of a key or value in bytes.
    #[must_use]
    pub fn layout(self, key_or_value: &KeyValue) -> TypeLayout {
        match key_or_value {
            KeyValue::Type(ty) => self.layouts.of(&ty.value),
            KeyValue::Size(size) => TypeLayout { size: u64::from(size.value), align: 1 },
        }
    }

    /// The special fields that the kernel finds in `value`, with their names: direct members of
    /// the struct that it is.
    ///
    /// Source: `kernel/bpf/btf.c`, `btf_find_struct_field`.
    #[must_use]
    pub fn special_fields(self, value: &'a KeyValue) -> Vec<(&'a str, &'a SpecialField, Span)> {
        let KeyValue::Type(ty) = value else { return Vec::new() };
        let Type::Named(name) = self.without_aliases(&ty.value) else { return Vec::new() };
        let Some(TypeDefKind::Struct(body)) = self.type_def(name).map(|def| &def.kind) else {
            return Vec::new();
        };
        let fields = body.members.iter().filter_map(|member| match &member.ty {
            MemberType::Type(ty) => match &ty.value {
                Type::Special(field) => {
                    let name = member.name.as_ref().map_or("", |name| &name.value);
                    Some((name, field, ty.span))
                }
                _ => None,
            },
            _ => None,
        });
        fields.collect()
    }

    /// The bytes of `value` that belong to the kernel, in ascending order, with the special field
    /// that lies there.
    #[must_use]
    pub fn special_bytes(self, value: &'a KeyValue) -> Vec<(Range<u64>, &'a SpecialField)> {
        let KeyValue::Type(ty) = value else { return Vec::new() };
        let Type::Named(name) = self.without_aliases(&ty.value) else { return Vec::new() };
        let Some(TypeDefKind::Struct(body)) = self.type_def(name).map(|def| &def.kind) else {
            return Vec::new();
        };
        let Some(layout) = self.layouts.composite(name) else { return Vec::new() };
        let members = body.members.iter().zip(&layout.members);
        let fields = members.filter_map(|(member, place)| match &member.ty {
            MemberType::Type(ty) => match &ty.value {
                Type::Special(field) => {
                    Some((place.offset()..place.offset() + place.ty.size, field))
                }
                _ => None,
            },
            _ => None,
        });
        fields.collect()
    }
}
