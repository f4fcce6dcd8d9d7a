//! A schema with resolved names and sizes.

use std::collections::HashMap;
use std::ops::Range;

use crate::ir::{
    Composite, KeyValue, MapDecl, MemberType, Schema, Target, Type, TypeDef, TypeDefKind,
};
use crate::layout::{CompositeLayout, Layouts, TypeLayout};
use crate::source::{Span, Spanned};
use bpfmap_core::KernelVersion;
use bpfmap_core::SpecialField;
use bpfmap_core::map_type::MapType;

/// The resolved names of a schema.
#[derive(Debug, Clone, Copy)]
pub struct Resolved<'a> {
    pub(super) schema: &'a Schema,
    pub(super) layouts: &'a Layouts,
    pub(super) index: &'a TypeIndex,
}

/// The index of each type by its name. For a duplicate name, this is the index of the first type.
pub(super) type TypeIndex = HashMap<String, usize>;

pub(super) fn type_index(schema: &Schema) -> TypeIndex {
    let mut index = TypeIndex::with_capacity(schema.types.len());
    for (place, def) in schema.types.iter().enumerate() {
        index.entry(def.name.value.clone()).or_insert(place);
    }
    index
}

impl<'a> Resolved<'a> {
    /// Returns the schema.
    #[must_use]
    pub fn schema(self) -> &'a Schema {
        self.schema
    }

    /// Returns the layouts of all types.
    #[must_use]
    pub fn layouts(self) -> &'a Layouts {
        self.layouts
    }

    /// Returns the type with this name in the schema, or `None` if the schema does not declare it.
    #[must_use]
    pub fn type_def(self, name: &str) -> Option<&'a TypeDef> {
        self.index.get(name).map(|place| &self.schema.types[*place])
    }

    /// Returns `ty` with its aliases resolved.
    #[must_use]
    pub fn without_aliases(self, mut ty: &'a Type) -> &'a Type {
        // Another rule reports a cyclic alias. For such an alias, the limit ends the loop.
        for _ in 0..=self.schema.types.len() {
            let Type::Named(name) = ty else { break };
            let Some(TypeDefKind::Alias(target)) = self.type_def(name).map(|def| &def.kind) else {
                break;
            };
            ty = &target.value;
        }
        ty
    }

    /// Returns the size and alignment of a key or value in bytes.
    #[must_use]
    pub fn layout(self, key_or_value: &KeyValue) -> TypeLayout {
        match key_or_value {
            KeyValue::Type(ty) => self.layouts.of(&ty.value),
            KeyValue::Size(size) => TypeLayout { size: u64::from(size.value), align: 1 },
        }
    }

    /// Returns the special fields that the kernel finds in `value`. A special field can be a member of the value's
    /// struct, an array of special fields, or a member of a nested struct.
    ///
    /// Source: `kernel/bpf/btf.c`, `btf_find_struct_field` and `btf_find_nested_struct`.
    #[must_use]
    pub fn special_fields(self, value: &'a KeyValue) -> Vec<SpecialMember<'a>> {
        let KeyValue::Type(ty) = value else { return Vec::new() };
        let Type::Named(name) = self.without_aliases(&ty.value) else { return Vec::new() };
        self.special_fields_of(name)
    }

    /// Returns whether the map must use the same BTF object as the template if it is an inner map.
    /// This is the case if the value has a list, a tree, or a pointer to a struct of the schema,
    /// because the kernel compares the targets of these fields by address. So the kernel refuses a
    /// map that user space creates with a separate BTF object (`EINVAL`).
    ///
    /// Source: `kernel/bpf/syscall.c`, `btf_record_equal`.
    #[must_use]
    pub fn is_tied_to_its_btf(self, map: &'a MapDecl) -> bool {
        let fields = map.value.as_ref().map(|value| self.special_fields(value)).unwrap_or_default();
        fields.iter().any(|member| match (member.field, member.target) {
            (SpecialField::ListHead | SpecialField::RbRoot, _) => true,
            (field, Some(target)) if field.is_pointer() => {
                self.type_def(&target.name.value).is_some()
            }
            _ => false,
        })
    }

    /// Returns the special fields that the kernel finds in a value whose type is the struct `name` of the schema.
    #[must_use]
    pub fn special_fields_of(self, name: &str) -> Vec<SpecialMember<'a>> {
        let mut fields = vec![];
        if let Some((body, layout)) = self.structure(name) {
            self.push_fields(body, layout, StructPosition::default(), &mut fields);
        }
        fields
    }

    /// Returns the struct `name` of the schema and its layout, or `None` if there is no such struct.
    fn structure(self, name: &str) -> Option<(&'a Composite, &'a CompositeLayout)> {
        let TypeDefKind::Struct(body) = &self.type_def(name)?.kind else { return None };
        Some((body, self.layouts.composite(name)?))
    }

    fn push_fields(
        self,
        body: &'a Composite,
        layout: &'a CompositeLayout,
        place: StructPosition,
        fields: &mut Vec<SpecialMember<'a>>,
    ) {
        for (index, (member, lies)) in body.members.iter().zip(&layout.members).enumerate() {
            let start = place.start + lies.offset();
            let within = StructPosition {
                start,
                depth: place.depth + 1,
                within: Some(place.within.unwrap_or(index)),
            };
            match &member.ty {
                MemberType::Type(ty) => {
                    if let Some((field, target, count)) = special(&ty.value) {
                        fields.push(SpecialMember {
                            name: member.name.as_ref().map_or("", |name| &name.value),
                            field,
                            target,
                            count,
                            bytes: start..start + lies.ty.size,
                            span: ty.span,
                            within: place.within,
                        });
                    } else if let (Type::Named(name), true) = (&ty.value, place.depth < MAX_DEPTH) {
                        if let Some((body, layout)) = self.structure(name) {
                            self.push_fields(body, layout, within, fields);
                        }
                    }
                }
                MemberType::Struct(body) => {
                    if let Some(layout) = &lies.nested {
                        self.push_fields(body, layout, within, fields);
                    }
                }
                MemberType::Union(_) => {}
            }
        }
    }

    /// Searches the struct `name` and its nested structs for bit-fields that do not begin or end at
    /// a byte boundary. Returns the first such bit-field.
    #[must_use]
    pub(super) fn part_of_a_byte(self, name: &str) -> Option<&'a Spanned<u32>> {
        let (body, layout) = self.structure(name)?;
        self.part_of_a_byte_in(body, layout, 0)
    }

    fn part_of_a_byte_in(
        self,
        body: &'a Composite,
        layout: &'a CompositeLayout,
        depth: u32,
    ) -> Option<&'a Spanned<u32>> {
        body.members.iter().zip(&layout.members).find_map(|(member, lies)| match &member.ty {
            MemberType::Type(ty) => match (&member.bits, &ty.value) {
                // Another rule reports members that can't be bit-fields.
                (Some(bits), Type::Int(_) | Type::Bool | Type::Named(_)) => {
                    let whole = lies.bit_offset % 8 == 0 && lies.bits % 8 == 0;
                    (!whole).then_some(bits)
                }
                (None, Type::Named(name)) if depth < MAX_DEPTH => {
                    let (body, layout) = self.structure(name)?;
                    self.part_of_a_byte_in(body, layout, depth + 1)
                }
                _ => None,
            },
            MemberType::Struct(body) => {
                self.part_of_a_byte_in(body, lies.nested.as_ref()?, depth + 1)
            }
            MemberType::Union(_) => None,
        })
    }

    /// Returns the special fields that are direct members of the struct `name` of the schema.
    #[must_use]
    pub fn special_members(self, name: &str) -> Vec<SpecialMember<'a>> {
        let mut fields = self.special_fields_of(name);
        fields.retain(|member| member.within.is_none());
        fields
    }
}

/// The position of a nested struct in a value.
#[derive(Debug, Clone, Copy, Default)]
struct StructPosition {
    /// The offset of the struct in the value, in bytes.
    start: u64,
    /// The number of structs that contain the struct.
    depth: u32,
    /// The index of the value's member that contains the struct. `None` for the struct of the value itself.
    within: Option<usize>,
}

/// The maximum depth of the search in nested structs. A struct that contains itself is reported by
/// another rule. For such a struct, the limit ends the search.
const MAX_DEPTH: u32 = 16;

/// A special field in a value.
#[derive(Debug, Clone)]
pub struct SpecialMember<'a> {
    /// The name of the member.
    pub name: &'a str,
    /// The special field, or the special field that is the element type of an array.
    pub field: SpecialField,
    /// The target of a pointer, a list or a tree. `None` for other fields.
    pub target: Option<&'a Target>,
    /// The number of elements of an array, or `None` if the member is not an array.
    pub count: Option<u64>,
    /// The range of the member's bytes in the value.
    pub bytes: Range<u64>,
    /// The position of the member's type in the source.
    pub span: Span,
    /// The index of the value's member that contains this field, or `None` if the field is itself a direct member of
    /// the value.
    pub within: Option<usize>,
}

impl SpecialMember<'_> {
    /// Returns the first kernel that recognises the field in a map of type `row`. Returns `None` if every kernel treats
    /// the field as plain data.
    #[must_use]
    pub fn known_since(&self, row: &MapType) -> Option<KernelVersion> {
        row.field_known_since(self.field, self.is_direct())
    }

    /// Returns the first kernel that supports the field in a map of type `row` with its present meaning and size.
    /// Returns `None` if no kernel supports the field there.
    #[must_use]
    pub fn since(&self, row: &MapType) -> Option<KernelVersion> {
        row.field_since(self.field, self.is_direct())
    }

    /// Returns whether the field is a direct member of the value's struct and not an array.
    pub(super) fn is_direct(&self) -> bool {
        self.count.is_none() && self.within.is_none()
    }
}

/// If `ty` is a special field or an array of special fields, returns the field, its target and the number of elements.
/// The number is `None` if `ty` is not an array.
pub(super) fn special(ty: &Type) -> Option<(SpecialField, Option<&Target>, Option<u64>)> {
    match ty {
        Type::Special(field, target) => Some((*field, target.as_deref(), None)),
        Type::Array(element, len) => {
            let (field, target, count) = special(&element.value)?;
            let count = count.unwrap_or(1).saturating_mul(u64::from(len.value));
            Some((field, target, Some(count)))
        }
        _ => None,
    }
}
