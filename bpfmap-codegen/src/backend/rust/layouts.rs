//! The types of keys and values as BTF describes them: constants that opening a map compares with
//! the map's own BTF, and that creating one encodes.

use std::collections::HashSet;
use std::fmt::Write;

use super::string_literal;
use bpfmap_core::SpecialField;
use bpfmap_schema::check::{Checked, Resolved};
use bpfmap_schema::ir::{
    Composite, Enum, Int, KeyValue, MapDecl, MemberType, Target, Type, TypeDef, TypeDefKind,
};
use bpfmap_schema::layout::{CompositeLayout, Item, Layouts};
use bpfmap_schema::print::rust::names::Names;

/// The layout of a key or value, as an expression outside of the module `layouts`.
pub(super) fn layout_of(checked: &Checked, names: &Names<'_>, described: &KeyValue) -> String {
    let path = Path {
        names,
        resolved: checked.resolved(),
        layouts: checked.layouts(),
        layout: "::bpfmap::TypeDesc",
        named: "layouts::",
    };
    match described {
        KeyValue::Type(ty) => path.ty(&ty.value),
        KeyValue::Size(size) => format!("&{}::Opaque {{ size: {} }}", path.layout, size.value),
    }
}

/// The module `layouts`: a constant for each named type that keys and values are made of.
pub(super) fn push_layouts(code: &mut String, checked: &Checked, names: &Names<'_>) {
    let used = used_types(checked);
    if used.is_empty() {
        return;
    }
    code.push_str(
        "\n/// Types of keys and values as BTF describes them.\nmod layouts {\n    \
         use ::bpfmap::TypeDesc;\n",
    );
    if used.iter().any(|def| matches!(def.kind, TypeDefKind::Struct(_) | TypeDefKind::Union(_))) {
        code.push_str("    use ::bpfmap::MemberDesc;\n");
    }
    let path = Path {
        names,
        resolved: checked.resolved(),
        layouts: checked.layouts(),
        layout: "TypeDesc",
        named: "",
    };
    for def in used {
        let name = &def.name.value;
        let _ = write!(
            code,
            "\n    pub(super) const {}: &TypeDesc<'static> = &TypeDesc::",
            names.layout(name)
        );
        match (&def.kind, checked.layouts().composite(name)) {
            (TypeDefKind::Struct(body), Some(layout)) => {
                push_composite(code, path, "Struct", name, body, layout, "    ");
            }
            (TypeDefKind::Union(body), Some(layout)) => {
                push_composite(code, path, "Union", name, body, layout, "    ");
            }
            (TypeDefKind::Enum(body), _) => push_enum(code, name, body),
            (TypeDefKind::Alias(target), _) => {
                let name = string_literal(name);
                let target = path.ty(&target.value);
                let _ = write!(code, "Typedef {{ name: {name}, target: {target} }}");
            }
            _ => {}
        }
        code.push_str(";\n");
    }
    code.push_str("}\n");
}

/// The named types that keys, values and events hold, in the order of the schema.
fn used_types(checked: &Checked) -> Vec<&TypeDef> {
    let mut used: HashSet<&str> = HashSet::new();
    let mut pending: Vec<&Type> = vec![];
    let mut named: Vec<&str> = vec![];
    for map in &checked.schema().maps {
        let both = std::iter::once(map).chain(map.template());
        pending.extend(both.flat_map(MapDecl::types).map(|ty| &ty.value));
    }
    while let Some(ty) = pending.pop() {
        match ty {
            Type::Array(element, _) => pending.push(&element.value),
            Type::Special(SpecialField::UserPtr, Some(target)) => named.push(&target.name.value),
            Type::Named(name) => named.push(name),
            _ => {}
        }
        for name in named.drain(..) {
            if !used.insert(name) {
                continue;
            }
            match checked.resolved().type_def(name).map(|def| &def.kind) {
                Some(TypeDefKind::Struct(body) | TypeDefKind::Union(body)) => {
                    push_member_types(&mut pending, body);
                }
                Some(TypeDefKind::Alias(target)) => pending.push(&target.value),
                _ => {}
            }
        }
    }
    let types = checked.schema().types.iter();
    types.filter(|def| used.contains(def.name.value.as_str())).collect()
}

fn push_member_types<'a>(types: &mut Vec<&'a Type>, body: &'a Composite) {
    for member in &body.members {
        match &member.ty {
            MemberType::Type(ty) => types.push(&ty.value),
            MemberType::Struct(body) | MemberType::Union(body) => push_member_types(types, body),
        }
    }
}

/// How an expression names the type `Layout`, and the constants of named types.
#[derive(Clone, Copy)]
struct Path<'a> {
    names: &'a Names<'a>,
    resolved: Resolved<'a>,
    layouts: &'a Layouts,
    layout: &'a str,
    named: &'a str,
}

impl Path<'_> {
    /// An expression of type `&'static TypeDesc<'static>`.
    fn ty(self, ty: &Type) -> String {
        let layout = self.layout;
        match ty {
            Type::Int(Int { size, signed }) => {
                format!("{layout}::{}{}", if *signed { 'I' } else { 'U' }, u64::from(*size) * 8)
            }
            Type::Bool => format!("{layout}::BOOL"),
            Type::Char => format!("{layout}::CHAR"),
            Type::BigEndian(size) => format!("{layout}::BE{}", u64::from(*size) * 8),
            Type::Array(element, len) => format!(
                "&{layout}::Array {{ element: {}, len: {} }}",
                self.ty(&element.value),
                len.value
            ),
            // Whether the pointer of a map points to another type is nothing to user space.
            Type::Pointer(_) => format!("{layout}::VOID_POINTER"),
            Type::Named(name) => format!("{}{}", self.named, self.names.layout(name)),
            Type::Special(field, target) => self.special(*field, target.as_deref()),
        }
    }
}

impl Path<'_> {
    fn special(self, field: SpecialField, target: Option<&Target>) -> String {
        let layout = self.layout;
        let constant = match field {
            SpecialField::SpinLock => "SPIN_LOCK",
            SpecialField::ResSpinLock => "RES_SPIN_LOCK",
            SpecialField::Timer => "TIMER",
            SpecialField::WorkQueue => "WORK_QUEUE",
            SpecialField::TaskWork => "TASK_WORK",
            SpecialField::RefCount => "REF_COUNT",
            SpecialField::ListHead => "LIST_HEAD",
            SpecialField::ListNode => "LIST_NODE",
            SpecialField::RbRoot => "RB_ROOT",
            SpecialField::RbNode => "RB_NODE",
            SpecialField::Kptr
            | SpecialField::UntrustedKptr
            | SpecialField::PerCpuKptr
            | SpecialField::UserPtr => "VOID_POINTER",
        };
        let constant = format!("{layout}::{constant}");
        let Some(target) = target else { return constant };
        let pointee = self.pointee(field, target);
        match &target.member {
            None => {
                let tag = string_literal(field.name());
                let tagged = format!("&{layout}::Tagged {{ tag: {tag}, target: {pointee} }}");
                format!("&{layout}::Pointer {{ target: {tagged} }}")
            }
            Some(member) => {
                let member = string_literal(&member.value);
                format!("&{layout}::Root {{ root: {constant}, node: {pointee}, member: {member} }}")
            }
        }
    }

    /// What the kernel has to know of what a special field leads to: all of what programs share with
    /// user space, of other types of the schema what makes them fit a list or a tree, of the kernel's
    /// own the name. So types that lead to each other need no constants that do.
    fn pointee(self, field: SpecialField, target: &Target) -> String {
        let layout = self.layout;
        let name = &target.name.value;
        if field == SpecialField::UserPtr {
            return format!("{}{}", self.named, self.names.layout(name));
        }
        let size = self.layouts.named(name).map_or(0, |layout| layout.size);
        let path = layout.strip_suffix("TypeDesc").unwrap_or_default();
        let members = self.resolved.special_members(name).into_iter();
        let members = members.filter(|member| !member.field.has_target()).map(|member| {
            let name = string_literal(member.name);
            let at = member.bytes.start * 8;
            let layout = self.special(member.field, None);
            format!("{path}MemberDesc {{ name: {name}, bit_offset: {at}, bits: 0, ty: {layout} }}")
        });
        let members = members.collect::<Vec<_>>().join(", ");
        let name = string_literal(name);
        format!("&{layout}::Struct {{ name: {name}, size: {size}, members: &[{members}] }}")
    }
}

fn push_composite(
    code: &mut String,
    path: Path<'_>,
    word: &str,
    name: &str,
    body: &Composite,
    layout: &CompositeLayout,
    indent: &str,
) {
    let _ = write!(
        code,
        "{word} {{\n{indent}    name: {},\n{indent}    size: {},\n{indent}    members: &[\n",
        string_literal(name),
        layout.size
    );
    for item in layout.items(body) {
        let Item::Member(index, at) = item else { continue };
        let member = &body.members[index];
        let name = member.name.as_ref().map_or("", |name| &name.value);
        let _ = write!(
            code,
            "{indent}        MemberDesc {{ name: {}, bit_offset: {}, bits: {}, ty: ",
            string_literal(name),
            at.bit_offset,
            member.bits.as_ref().map_or(0, |bits| bits.value),
        );
        let deeper = format!("{indent}        ");
        let in_older_maps = member.in_older_maps();
        if let Some((former, was_padding)) = in_older_maps {
            let former = string_literal(former);
            let _ = write!(
                code,
                "&TypeDesc::Evolved {{ renamed_from: {former}, was_padding: {was_padding}, ty: "
            );
        }
        match (&member.ty, &at.nested) {
            (MemberType::Type(ty), _) => code.push_str(&path.ty(&ty.value)),
            (MemberType::Struct(body), Some(layout)) => {
                code.push_str("&TypeDesc::");
                push_composite(code, path, "Struct", "", body, layout, &deeper);
            }
            (MemberType::Union(body), Some(layout)) => {
                code.push_str("&TypeDesc::");
                push_composite(code, path, "Union", "", body, layout, &deeper);
            }
            _ => {}
        }
        code.push_str(if in_older_maps.is_some() { " } },\n" } else { " },\n" });
    }
    let _ = write!(code, "{indent}    ],\n{indent}}}");
}

fn push_enum(code: &mut String, name: &str, body: &Enum) {
    let signed = body.repr.value.signed;
    let _ = write!(
        code,
        "Enum {{\n        name: {},\n        size: {},\n        signed: {signed},\n        variants: &[\n",
        string_literal(name),
        body.repr.value.size,
    );
    for variant in &body.variants {
        // BTF keeps 64 bits and tells apart by `signed` what they mean.
        let [bytes @ .., _, _, _, _, _, _, _, _] = variant.value.value.to_le_bytes();
        let value = i64::from_le_bytes(bytes);
        let name = string_literal(&body.c_constant(name, &variant.name.value));
        let _ = writeln!(code, "            ({name}, {value}),");
    }
    code.push_str("        ],\n    }");
}
