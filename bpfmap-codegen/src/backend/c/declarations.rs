//! Forward declarations of structs and unions in C.

use std::collections::HashSet;
use std::fmt::Write;

use super::portable::identifier;
use super::type_names::TypeNames;
use bpfmap_schema::ir::{Composite, MapDecl, MemberType, Schema, Type, TypeDefKind};

/// Writes forward declarations such as `struct task_struct;`. A struct or union needs a forward
/// declaration if it is the target of a pointer and is defined later or not at all.
pub(super) fn push(code: &mut String, schema: &Schema, names: &TypeNames<'_>) {
    // The headers of included schemas define the types of these schemas, and are included before
    // this code.
    let included = schema.types.iter().filter(|def| def.include.is_some());
    let mut found = Pointees {
        names,
        seen: included.map(|def| def.name.value.as_str()).collect(),
        found: vec![],
    };
    for def in schema.own_types() {
        match &def.kind {
            TypeDefKind::Struct(body) | TypeDefKind::Union(body) => found.composite(body),
            TypeDefKind::Enum(_) => {}
            TypeDefKind::Alias(target) => found.ty(&target.value),
        }
    }
    for map in &schema.maps {
        found.map(map);
    }
    if !found.found.is_empty() {
        code.push('\n');
    }
    for name in found.found {
        let (word, written) = (names.word(name), identifier(name));
        let _ = if names.is_bare(name) {
            writeln!(code, "typedef {word} {written} {written};")
        } else {
            writeln!(code, "{word} {written};")
        };
    }
}

struct Pointees<'a, 'n> {
    names: &'n TypeNames<'n>,
    /// The names that are already declared.
    seen: HashSet<&'a str>,
    /// The names that must be declared.
    found: Vec<&'a str>,
}

impl<'a> Pointees<'a, '_> {
    fn map(&mut self, map: &'a MapDecl) {
        map.types().for_each(|ty| self.ty(&ty.value));
        if let Some(inner) = map.template() {
            self.map(inner);
        }
    }

    fn composite(&mut self, body: &'a Composite) {
        for member in &body.members {
            match &member.ty {
                MemberType::Type(ty) => self.ty(&ty.value),
                MemberType::Struct(body) | MemberType::Union(body) => self.composite(body),
            }
        }
    }

    fn ty(&mut self, mut ty: &'a Type) {
        let mut behind_pointer = false;
        loop {
            ty = match ty {
                Type::Array(element, _) => &element.value,
                Type::Pointer(Some(target)) => {
                    behind_pointer = true;
                    &target.value
                }
                Type::Special(field, Some(target)) if field.is_pointer() => {
                    self.name(&target.name.value);
                    break;
                }
                Type::Named(name) if behind_pointer => {
                    if self.names.is_declarable(name) {
                        self.name(name);
                    }
                    break;
                }
                _ => break,
            }
        }
    }

    fn name(&mut self, name: &'a str) {
        if self.seen.insert(name) {
            self.found.push(name);
        }
    }
}
