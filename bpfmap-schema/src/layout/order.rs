//! Computes an order in which C can define the types of a schema.

use std::collections::HashMap;

use crate::ir::{Composite, MemberType, Type, TypeDef, TypeDefKind};

/// Returns the indexes of `types` in an order in which each type comes after the types that must be defined before it.
/// These are the types that it contains by value, and the enums and aliases to which its pointers refer. A struct or
/// union to which only pointers refer does not have to be defined. Apart from that, the order is the same as in the
/// schema. Each index occurs exactly once, even if there are cycles.
pub(super) fn definition_order(types: &[TypeDef]) -> Vec<usize> {
    let mut by_name = HashMap::with_capacity(types.len());
    for (index, def) in types.iter().enumerate() {
        by_name.entry(def.name.value.as_str()).or_insert(index);
    }
    let mut order = Vec::with_capacity(types.len());
    let mut seen = vec![false; types.len()];
    // A chain of types can be long, so this search has its own stack instead of recursive calls.
    let mut stack: Vec<(usize, std::vec::IntoIter<usize>)> = vec![];
    for root in 0..types.len() {
        let mut next = Some(root);
        loop {
            if let Some(index) = next.take().filter(|index| !seen[*index]) {
                seen[index] = true;
                stack.push((index, needs(types, &by_name, index).into_iter()));
            }
            let Some((index, rest)) = stack.last_mut() else { break };
            next = rest.next();
            if next.is_none() {
                order.push(*index);
                stack.pop();
            }
        }
    }
    order
}

fn needs(types: &[TypeDef], by_name: &HashMap<&str, usize>, index: usize) -> Vec<usize> {
    let mut needs = Needs { types, by_name, found: vec![] };
    match &types[index].kind {
        TypeDefKind::Struct(body) | TypeDefKind::Union(body) => needs.composite(body),
        TypeDefKind::Enum(_) => {}
        TypeDefKind::Alias(target) => needs.ty(&target.value, false),
    }
    needs.found
}

struct Needs<'a> {
    types: &'a [TypeDef],
    by_name: &'a HashMap<&'a str, usize>,
    found: Vec<usize>,
}

impl Needs<'_> {
    fn composite(&mut self, body: &Composite) {
        for member in &body.members {
            match &member.ty {
                MemberType::Type(ty) => self.ty(&ty.value, false),
                MemberType::Struct(body) | MemberType::Union(body) => self.composite(body),
            }
        }
    }

    fn ty(&mut self, ty: &Type, behind_pointer: bool) {
        match ty {
            Type::Array(element, _) => self.ty(&element.value, behind_pointer),
            Type::Pointer(Some(target)) => self.ty(&target.value, true),
            Type::Named(name) => {
                let Some(&index) = self.by_name.get(name.as_str()) else { return };
                let declarable = matches!(
                    self.types[index].kind,
                    TypeDefKind::Struct(_) | TypeDefKind::Union(_)
                );
                if !(behind_pointer && declarable) {
                    self.found.push(index);
                }
            }
            _ => {}
        }
    }
}
