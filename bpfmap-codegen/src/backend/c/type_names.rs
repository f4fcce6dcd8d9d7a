//! Determines the names of types in C.

use std::collections::HashSet;
use std::fmt::Write;

use super::portable::identifier;
use bpfmap_schema::ir::{Int, Schema, Type, TypeDefKind};

/// The C names of the types of a schema. If C needs the keyword `struct`, `union` or `enum` before
/// a name, the C name includes this keyword.
pub(super) struct TypeNames<'a> {
    typedefs: HashSet<&'a str>,
    unions: HashSet<&'a str>,
    enums: HashSet<&'a str>,
    aliases: HashSet<&'a str>,
}

impl<'a> TypeNames<'a> {
    pub(super) fn new(schema: &'a Schema) -> Self {
        let mut names = Self {
            typedefs: HashSet::new(),
            unions: HashSet::new(),
            enums: HashSet::new(),
            aliases: HashSet::new(),
        };
        for def in &schema.types {
            if def.in_c.typedef {
                names.typedefs.insert(&def.name.value);
            }
            let set = match def.kind {
                TypeDefKind::Struct(_) => continue,
                TypeDefKind::Union(_) => &mut names.unions,
                TypeDefKind::Enum(_) => &mut names.enums,
                TypeDefKind::Alias(_) => &mut names.aliases,
            };
            set.insert(&def.name.value);
        }
        names
    }

    /// Returns the type without the name of a variable, such as `__u32[4]`. Casts and `sizeof` use
    /// this form.
    pub(super) fn abstract_type(&self, ty: &Type) -> String {
        self.declare(ty, "")
    }

    /// Returns a declaration of `name` with the type `ty`, such as `__u32 name[4]`. In C, the
    /// innermost type comes first, and arrays and pointers are written around the name.
    pub(super) fn declare(&self, ty: &Type, name: &str) -> String {
        self.declare_beside(ty, name, &HashSet::new())
    }

    /// Returns the declaration of a struct member, like [`declare`](Self::declare). `members` are
    /// the names of all members of the struct.
    pub(super) fn declare_beside(&self, ty: &Type, name: &str, members: &HashSet<&str>) -> String {
        let mut declarator = name.to_owned();
        let mut inner = ty;
        let mut after_pointer = false;
        loop {
            match inner {
                Type::Array(element, len) => {
                    if after_pointer {
                        declarator = format!("({declarator})");
                    }
                    let _ = write!(declarator, "[{}]", len.value);
                    after_pointer = false;
                    inner = &element.value;
                }
                Type::Pointer(target) => {
                    declarator.insert(0, '*');
                    after_pointer = true;
                    match target {
                        Some(target) => inner = &target.value,
                        None => break,
                    }
                }
                Type::Special(field, Some(_)) if field.is_pointer() => {
                    declarator.insert(0, '*');
                    break;
                }
                _ => break,
            }
        }
        let base = match inner {
            Type::Pointer(_) => "void".to_owned(),
            Type::Special(field, Some(target)) if field.is_pointer() => {
                let (name, tag) = (identifier(&target.name.value), field.name());
                format!("struct {name} BPFMAP_TYPE_TAG(\"{tag}\")")
            }
            Type::Named(name) if self.is_bare(name) && members.contains(name.as_str()) => {
                format!("BPFMAP_TYPE({})", identifier(name))
            }
            _ => self.base(inner),
        };
        match declarator.as_bytes().first() {
            None | Some(b'[') => format!("{base}{declarator}"),
            _ => format!("{base} {declarator}"),
        }
    }

    /// Returns the name of a type that is neither an array nor a pointer.
    fn base(&self, ty: &Type) -> String {
        match ty {
            Type::Int(int) => int_name(*int).to_owned(),
            // The name `bool` exists only after stdbool.h or vmlinux.h has been included.
            Type::Bool => "_Bool".to_owned(),
            Type::Char => "char".to_owned(),
            Type::BigEndian(size) => format!("__be{}", u64::from(*size) * 8),
            Type::Special(field, _) => format!("struct {}", field.name()),
            Type::Named(name) if self.is_bare(name) => identifier(name),
            Type::Named(name) => format!("{} {}", self.word(name), identifier(name)),
            Type::Array(..) | Type::Pointer(_) => self.declare(ty, ""),
        }
    }

    /// Returns whether C uses the type's name without a keyword.
    pub(super) fn is_bare(&self, name: &str) -> bool {
        self.aliases.contains(name) || self.typedefs.contains(name)
    }

    /// Returns whether C can declare the type without defining it. C can declare a struct or union
    /// of the schema, and a kernel struct that is the target of a pointer.
    pub(super) fn is_declarable(&self, name: &str) -> bool {
        !self.aliases.contains(name) && !self.enums.contains(name)
    }

    /// Returns the C keyword for the type `name`: `struct`, `union` or `enum`.
    pub(super) fn word(&self, name: &str) -> &'static str {
        if self.enums.contains(name) {
            "enum"
        } else if self.unions.contains(name) {
            "union"
        } else {
            "struct"
        }
    }

    /// Returns the C name of the type for messages, such as `struct ip_key`.
    pub(super) fn label(&self, name: &str) -> String {
        if self.is_bare(name) { name.to_owned() } else { format!("{} {name}", self.word(name)) }
    }
}

fn int_name(int: Int) -> &'static str {
    match (int.signed, int.size) {
        (false, 1) => "__u8",
        (false, 2) => "__u16",
        (false, 4) => "__u32",
        (false, 8) => "__u64",
        (false, _) => "unsigned __int128",
        (true, 1) => "__s8",
        (true, 2) => "__s16",
        (true, 4) => "__s32",
        (true, 8) => "__s64",
        (true, _) => "__int128",
    }
}
