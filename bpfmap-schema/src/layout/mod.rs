//! The layouts of all types: their sizes, alignments and offsets, as computed by clang for the BPF target.
//!
//! For the rules, see [`CLayout`](bpfmap_core::CLayout).
//!
//! The functions of this module do not panic. If a size is too large, the arithmetic saturates, and the check refuses
//! the type.

mod composite;
mod order;

pub use composite::{CompositeLayout, Item, MemberLayout, Padding};

use std::collections::HashMap;

use crate::ir::{Composite, MemberType, Schema, Type, TypeDef, TypeDefKind};

/// The size and the alignment of a type, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeLayout {
    /// The size, which is a multiple of the alignment. It is 0 for an array without elements.
    pub size: u64,
    /// The alignment, which is at least 1.
    pub align: u64,
}

impl TypeLayout {
    /// The layout of a type with an unknown name. The check reports such a name.
    const UNKNOWN: Self = Self { size: 0, align: 1 };

    const fn scalar(size: u64) -> Self {
        Self { size, align: if size == 0 { 1 } else { size } }
    }
}

/// The layouts of all types of a schema.
#[derive(Debug, Clone, Default)]
pub struct Layouts {
    named: HashMap<String, Named>,
    order: Vec<usize>,
}

#[derive(Debug, Clone)]
enum Named {
    Plain(TypeLayout),
    Composite(CompositeLayout),
}

impl Named {
    fn layout(&self) -> TypeLayout {
        match self {
            Self::Plain(layout) => *layout,
            Self::Composite(composite) => composite.layout(),
        }
    }
}

impl Layouts {
    /// Computes the layouts of the types of `schema`. An unknown type has the size 0. If a type contains itself by
    /// value, its occurrence within itself has the size 0 too.
    #[must_use]
    pub fn new(schema: &Schema) -> Self {
        let order = order::definition_order(&schema.types);
        let mut layouts = Self { named: HashMap::with_capacity(schema.types.len()), order: vec![] };
        for &index in &order {
            layouts.add(&schema.types[index]);
        }
        layouts.order = order;
        layouts
    }

    /// Adds the layout of a type. The layouts of the types that it contains must already be known. If two types have
    /// the same name, only the first one is added.
    pub(crate) fn add(&mut self, def: &TypeDef) {
        if self.named.contains_key(&def.name.value) {
            return;
        }
        let named = match &def.kind {
            TypeDefKind::Struct(body) => Named::Composite(self.lay_out_struct(body)),
            TypeDefKind::Union(body) => Named::Composite(self.lay_out_union(body)),
            TypeDefKind::Enum(body) => {
                Named::Plain(TypeLayout::scalar(u64::from(body.repr.value.size)))
            }
            TypeDefKind::Alias(target) => Named::Plain(self.of(&target.value)),
        };
        self.named.insert(def.name.value.clone(), named);
    }

    /// Computes the layout of a struct, which can be anonymous.
    pub(crate) fn lay_out_struct(&self, body: &Composite) -> CompositeLayout {
        CompositeLayout::of_struct(self, body)
    }

    /// Computes the layout of a union, which can be anonymous.
    pub(crate) fn lay_out_union(&self, body: &Composite) -> CompositeLayout {
        CompositeLayout::of_union(self, body)
    }

    /// Returns the size and the alignment of `ty`.
    #[must_use]
    pub fn of(&self, ty: &Type) -> TypeLayout {
        match ty {
            Type::Int(int) => TypeLayout::scalar(u64::from(int.size)),
            Type::Bool | Type::Char => TypeLayout::scalar(1),
            Type::BigEndian(size) => TypeLayout::scalar(u64::from(*size)),
            Type::Pointer(_) => TypeLayout::scalar(8),
            Type::Array(element, len) => {
                let element = self.of(&element.value);
                let size = element.size.saturating_mul(u64::from(len.value));
                TypeLayout { size, align: element.align }
            }
            Type::Named(name) => self.named(name).unwrap_or(TypeLayout::UNKNOWN),
            Type::Special(field, _) => {
                TypeLayout { size: field.size().into(), align: field.align().into() }
            }
        }
    }

    /// Returns the size and the alignment of the type `name` of the schema, or `None` if there is no such type.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<TypeLayout> {
        self.named.get(name).map(Named::layout)
    }

    /// Returns the layout of the struct or union `name` of the schema, or `None` if there is no such type.
    #[must_use]
    pub fn composite(&self, name: &str) -> Option<&CompositeLayout> {
        match self.named.get(name)? {
            Named::Plain(_) => None,
            Named::Composite(composite) => Some(composite),
        }
    }

    /// Returns the indexes of the schema's types in an order in which C can define them. In this order, each type comes
    /// after the types that it contains. Apart from that, the order is the same as in the schema.
    #[must_use]
    pub fn definition_order(&self) -> &[usize] {
        &self.order
    }

    /// Returns the size and the alignment of a member. If the member is a struct or union declared in place, also
    /// returns its complete layout.
    pub(crate) fn of_member(&self, ty: &MemberType) -> (TypeLayout, Option<CompositeLayout>) {
        let nested = match ty {
            MemberType::Type(ty) => return (self.of(&ty.value), None),
            MemberType::Struct(body) => CompositeLayout::of_struct(self, body),
            MemberType::Union(body) => CompositeLayout::of_union(self, body),
        };
        (nested.layout(), Some(nested))
    }
}

/// Returns the `align` of a struct or union, or 1 if its declaration has no `align`.
fn asked_alignment(body: &Composite) -> u64 {
    body.align.as_ref().map_or(1, |align| align.value.into())
}

#[cfg(test)]
mod tests;
