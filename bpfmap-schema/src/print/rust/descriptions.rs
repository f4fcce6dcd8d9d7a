//! Writes [`MapDef`], [`TypeDesc`] and migration steps as Rust expressions.

use std::fmt::Write;

use super::names::Scope;
use bpfmap_core::{IntEncoding, MapDef, MapFlags, MemberDesc, MigrationStep, Pinning, TypeDesc};

/// The C and kernel types for which `TypeDesc` has a constant.
const CONSTANTS: &[(&TypeDesc<'static>, &str)] = &[
    (TypeDesc::VOID, "VOID"),
    (TypeDesc::U8, "U8"),
    (TypeDesc::U16, "U16"),
    (TypeDesc::U32, "U32"),
    (TypeDesc::U64, "U64"),
    (TypeDesc::U128, "U128"),
    (TypeDesc::I8, "I8"),
    (TypeDesc::I16, "I16"),
    (TypeDesc::I32, "I32"),
    (TypeDesc::I64, "I64"),
    (TypeDesc::I128, "I128"),
    (TypeDesc::CHAR, "CHAR"),
    (TypeDesc::BOOL, "BOOL"),
    (TypeDesc::BE16, "BE16"),
    (TypeDesc::BE32, "BE32"),
    (TypeDesc::BE64, "BE64"),
    (TypeDesc::VOID_POINTER, "VOID_POINTER"),
    (TypeDesc::SPIN_LOCK, "SPIN_LOCK"),
    (TypeDesc::RES_SPIN_LOCK, "RES_SPIN_LOCK"),
    (TypeDesc::TIMER, "TIMER"),
    (TypeDesc::WORK_QUEUE, "WORK_QUEUE"),
    (TypeDesc::TASK_WORK, "TASK_WORK"),
    (TypeDesc::REF_COUNT, "REF_COUNT"),
    (TypeDesc::LIST_HEAD, "LIST_HEAD"),
    (TypeDesc::LIST_NODE, "LIST_NODE"),
    (TypeDesc::RB_ROOT, "RB_ROOT"),
    (TypeDesc::RB_NODE, "RB_NODE"),
];

/// A module of descriptions. It has a constant for each named type, and expressions that use these constants.
///
/// In the module, `MapDef`, `MapFlags`, `MemberDesc` and `TypeDesc` of the crate `bpfmap` must be in scope.
#[derive(Debug, Default)]
pub struct Descriptions<'a> {
    scope: Scope,
    named: Vec<(TypeDesc<'a>, String)>,
    constants: String,
}

impl<'a> Descriptions<'a> {
    /// Returns an identifier that is unique in the module. The identifier is `name` if this name is not used yet.
    pub fn take(&mut self, name: &str) -> String {
        self.scope.take(name)
    }

    /// Returns the code of the constants that the expressions have used so far.
    #[must_use]
    pub fn constants(&self) -> &str {
        &self.constants
    }

    /// Returns an expression of the type `MapDef<'static>`.
    #[must_use]
    pub fn map(&mut self, map: &MapDef<'a>) -> String {
        let (key, value) = (self.ty(map.key, ""), self.ty(map.value, ""));
        let mut code = format!("MapDef::new({:?}, {}, {key}, {value})", map.name, map.map_type);
        let mut set = |field: &str, value: String| {
            let _ = write!(code, "\n    .{field}({value})");
        };
        if let Some(max_entries) = map.max_entries {
            set("max_entries", max_entries.to_string());
        }
        if !map.flags.is_empty() {
            set("flags", flags(map.flags));
        }
        if map.map_extra != 0 {
            set("map_extra", map.map_extra.to_string());
        }
        if let Some(node) = map.numa_node {
            set("numa_node", node.to_string());
        }
        match map.pinning {
            Pinning::None => {}
            Pinning::ByName => set("pinning", "::bpfmap::Pinning::ByName".to_owned()),
            Pinning::Other(number) => set("pinning", format!("::bpfmap::Pinning::Other({number})")),
        }
        if !matches!(map.event, TypeDesc::Void) {
            set("event", self.ty(map.event, ""));
        }
        if !map.btf {
            set("btf", "false".to_owned());
        }
        if let Some(inner) = map.inner {
            set("inner", format!("&{}", self.map(inner)));
        }
        code
    }

    /// Returns an expression of the type `&'static TypeDesc<'static>`. All lines except the first
    /// are indented.
    fn ty(&mut self, ty: &TypeDesc<'a>, indent: &str) -> String {
        if let Some((_, constant)) = CONSTANTS.iter().find(|(known, _)| *known == ty) {
            return format!("TypeDesc::{constant}");
        }
        let name = match *ty {
            TypeDesc::Struct { name, .. }
            | TypeDesc::Union { name, .. }
            | TypeDesc::Enum { name, .. }
            | TypeDesc::Typedef { name, .. } => name,
            _ => "",
        };
        if name.is_empty() {
            return format!("&TypeDesc::{}", self.variant(ty, indent));
        }
        if let Some((_, constant)) = self.named.iter().find(|(known, _)| known == ty) {
            return constant.clone();
        }
        let code = self.variant(ty, "");
        let constant = self.scope.take(&name.to_uppercase());
        let _ =
            write!(self.constants, "\nconst {constant}: &TypeDesc<'static> = &TypeDesc::{code};\n");
        self.named.push((*ty, constant.clone()));
        constant
    }

    fn variant(&mut self, ty: &TypeDesc<'a>, indent: &str) -> String {
        match *ty {
            TypeDesc::Void => "Void".to_owned(),
            TypeDesc::SetByLoader => "SetByLoader".to_owned(),
            TypeDesc::Int { name, size, encoding } => {
                let encoding = match encoding {
                    IntEncoding::Unsigned => "Unsigned",
                    IntEncoding::Signed => "Signed",
                    IntEncoding::Char => "Char",
                    IntEncoding::Bool => "Bool",
                };
                let encoding = format!("::bpfmap::IntEncoding::{encoding}");
                format!("Int {{ name: {name:?}, size: {size}, encoding: {encoding} }}")
            }
            TypeDesc::Typedef { name, target } => {
                format!("Typedef {{ name: {name:?}, target: {} }}", self.ty(target, indent))
            }
            TypeDesc::Enum { name, size, signed, variants } => {
                let mut code = format!(
                    "Enum {{\n{indent}    name: {name:?},\n{indent}    size: {size},\n\
                     {indent}    signed: {signed},\n{indent}    variants: &[\n"
                );
                for (name, number) in variants {
                    let _ = writeln!(code, "{indent}        ({name:?}, {number}),");
                }
                code + indent + "    ],\n" + indent + "}"
            }
            TypeDesc::Array { element, len } => {
                format!("Array {{ element: {}, len: {len} }}", self.ty(element, indent))
            }
            TypeDesc::Struct { name, size, members } => {
                self.composite("Struct", name, size, members, indent)
            }
            TypeDesc::Union { name, size, members } => {
                self.composite("Union", name, size, members, indent)
            }
            TypeDesc::Pointer { target } => {
                format!("Pointer {{ target: {} }}", self.ty(target, indent))
            }
            TypeDesc::Tagged { tag, target } => {
                format!("Tagged {{ tag: {tag:?}, target: {} }}", self.ty(target, indent))
            }
            TypeDesc::Root { root, node, member } => {
                let (root, node) = (self.ty(root, indent), self.ty(node, indent));
                format!("Root {{ root: {root}, node: {node}, member: {member:?} }}")
            }
            TypeDesc::Evolved { renamed_from, was_padding, ty } => {
                let ty = self.ty(ty, indent);
                format!(
                    "Evolved {{ renamed_from: {renamed_from:?}, was_padding: {was_padding}, ty: {ty} }}"
                )
            }
            TypeDesc::Opaque { size } => format!("Opaque {{ size: {size} }}"),
        }
    }

    fn composite(
        &mut self,
        word: &str,
        name: &str,
        size: u32,
        members: &[MemberDesc<'a>],
        indent: &str,
    ) -> String {
        let mut code = format!(
            "{word} {{\n{indent}    name: {name:?},\n{indent}    size: {size},\n{indent}    members: &[\n"
        );
        for MemberDesc { name, bit_offset, bits, ty } in members {
            let ty = self.ty(ty, &format!("{indent}        "));
            let _ = writeln!(
                code,
                "{indent}        MemberDesc {{ name: {name:?}, bit_offset: {bit_offset}, bits: {bits}, ty: {ty} }},"
            );
        }
        code + indent + "    ],\n" + indent + "}"
    }
}

/// Returns an expression of the type `MapFlags`.
fn flags(flags: MapFlags) -> String {
    let mut names = flags.iter_names();
    let mut parts: Vec<String> =
        names.by_ref().map(|(name, _)| format!("MapFlags::{name}")).collect();
    let rest = names.remaining().bits();
    if rest != 0 {
        parts.push(format!("MapFlags::from_bits_retain({rest:#x})"));
    }
    let (first, others) = parts
        .split_first()
        .map_or(("MapFlags::empty()", [].as_slice()), |(first, others)| (first.as_str(), others));
    others.iter().fold(first.to_owned(), |all, flag| format!("{all}.union({flag})"))
}

/// Writes migration steps. Each step has one or more lines, which are indented by `indent`.
pub fn push_steps(code: &mut String, steps: &[MigrationStep<'_>], indent: &str) {
    for step in steps {
        let _ = match *step {
            MigrationStep::Copy { from, to, len } => {
                writeln!(
                    code,
                    "{indent}MigrationStep::Copy {{ from: {from}, to: {to}, len: {len} }},"
                )
            }
            MigrationStep::Fill { to, bytes } => {
                writeln!(code, "{indent}MigrationStep::Fill {{ to: {to}, bytes: &{bytes:?} }},")
            }
            MigrationStep::Integer { from_bit, from_bits, to_bit, to_bits, signed } => writeln!(
                code,
                "{indent}MigrationStep::Integer {{ from_bit: {from_bit}, from_bits: {from_bits}, to_bit: {to_bit}, \
                 to_bits: {to_bits}, signed: {signed} }},"
            ),
            MigrationStep::Each { from, from_size, to, to_size, len, steps } => {
                let _ = writeln!(
                    code,
                    "{indent}MigrationStep::Each {{\n{indent}    from: {from},\n{indent}    from_size: {from_size},\n\
                     {indent}    to: {to},\n{indent}    to_size: {to_size},\n{indent}    len: {len},\n\
                     {indent}    steps: &["
                );
                push_steps(code, steps, &format!("{indent}        "));
                writeln!(code, "{indent}    ],\n{indent}}},")
            }
        };
    }
}
