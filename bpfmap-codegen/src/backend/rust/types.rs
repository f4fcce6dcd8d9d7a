//! Types in Rust, each with the proof of its layout.

use std::fmt::Write;

use super::shape::{Place, Shape, ShapeMember, type_name};
use bpfmap_core::SpecialField;
use bpfmap_schema::check::Checked;
use bpfmap_schema::ir::{Enum, KeyValue, Type, TypeDef, TypeDefKind};
use bpfmap_schema::layout::CompositeLayout;
use bpfmap_schema::naming::rust_constant;
use bpfmap_schema::print::comment::push_rust_doc;
use bpfmap_schema::print::rust::accessor::Accessor;
use bpfmap_schema::print::rust::names::{Names, identifier};
use bpfmap_schema::print::rust::spelling::int_name;
use bpfmap_schema::source::Spanned;

/// Lines up to here stand on one line.
const WIDTH: usize = 96;

/// All types, in the order of the schema.
pub(super) fn push_types(
    code: &mut String,
    checked: &Checked,
    names: &Names<'_>,
    shapes: &[Shape<'_>],
) {
    let schema = checked.schema();
    let mut shapes = shapes.iter();
    for def in &schema.types {
        code.push('\n');
        match &def.kind {
            TypeDefKind::Struct(_) | TypeDefKind::Union(_) => {
                let Some(shape) = shapes.next() else { continue };
                let doc = def.doc.clone().unwrap_or_else(|| c_name(def));
                push_composite(code, shape, &doc);
                if has_spin_lock(checked, def) {
                    let _ = writeln!(code, "impl ::bpfmap::HasSpinLock for {} {{}}", shape.name);
                }
            }
            TypeDefKind::Enum(body) => push_enum(code, names, def, body),
            TypeDefKind::Alias(target) => {
                push_rust_doc(code, "", &def.doc.clone().unwrap_or_else(|| c_name(def)));
                let name = names.ty(&def.name.value);
                let _ = writeln!(code, "pub type {name} = {};", type_name(names, &target.value));
            }
        }
    }
}

/// What stands for the doc comment that the author did not write.
fn c_name(def: &TypeDef) -> String {
    let name = &def.name.value;
    match def.kind {
        TypeDefKind::Struct(_) => format!("`struct {name}`"),
        TypeDefKind::Union(_) => format!("`union {name}`"),
        TypeDefKind::Enum(_) => format!("`enum {name}`"),
        TypeDefKind::Alias(_) => format!("`{name}`"),
    }
}

fn has_spin_lock(checked: &Checked, def: &TypeDef) -> bool {
    let value = KeyValue::Type(Spanned::from(Type::Named(def.name.value.clone())));
    let fields = checked.resolved().special_fields(&value);
    fields.iter().any(|member| member.field == SpecialField::SpinLock)
}

/// Derived, so that the constants are patterns.
const ENUM_TRAITS: &str = "\
#[derive(
    ::core::clone::Clone,
    ::core::marker::Copy,
    ::core::cmp::PartialEq,
    ::core::cmp::Eq,
    ::core::cmp::PartialOrd,
    ::core::cmp::Ord,
    ::core::hash::Hash,
)]";

fn push_enum(code: &mut String, names: &Names<'_>, def: &TypeDef, body: &Enum) {
    let name = names.ty(&def.name.value);
    let repr = int_name(body.repr.value);
    push_rust_doc(code, "", &def.doc.clone().unwrap_or_else(|| c_name(def)));
    let _ = writeln!(code, "{ENUM_TRAITS}\n#[repr(transparent)]\npub struct {name}(pub {repr});\n");
    let _ = writeln!(code, "impl {name} {{");
    let mut constants: Vec<String> = vec![];
    for variant in &body.variants {
        let mut constant = identifier(&rust_constant(&variant.name.value));
        while constants.contains(&constant) {
            constant.push('_');
        }
        if let Some(doc) = &variant.doc {
            push_rust_doc(code, "    ", doc);
        }
        let value = variant.value.value;
        let _ = writeln!(code, "    pub const {constant}: Self = Self({value});");
        constants.push(constant);
    }
    code.push_str("}\n\n");
    push_call(code, "::bpfmap::plain_enum!", &format!("{name}({repr})"), &constants, "");
}

fn push_composite(code: &mut String, shape: &Shape<'_>, doc: &str) {
    push_rust_doc(code, "", doc);
    push_struct(code, shape);
    push_accessors(code, shape);
    for nested in &shape.nested {
        let member = shape.members.iter().find(|member| member.ty.name == nested.name);
        let doc = member.map_or_else(String::new, |member| nested_doc(shape, member));
        code.push('\n');
        push_composite(code, nested, &doc);
    }
}

fn nested_doc(parent: &Shape<'_>, member: &ShapeMember<'_>) -> String {
    match (&member.member.name, &member.member.doc) {
        (_, Some(doc)) => doc.clone(),
        (Some(name), None) => format!("`{}` of [`{}`].", name.value, parent.name),
        (None, None) => format!("Anonymous members of [`{}`].", parent.name),
    }
}

fn push_struct(code: &mut String, shape: &Shape<'_>) {
    let repr = match (shape.packed, shape.align) {
        (true, _) => "C, packed".to_owned(),
        (false, Some(align)) => format!("C, align({align})"),
        (false, None) => "C".to_owned(),
    };
    let _ = writeln!(code, "#[repr({repr})]\npub struct {} {{", shape.name);
    for field in &shape.fields {
        match field.member {
            Some(member) => {
                if let Some(doc) = &member.doc {
                    push_rust_doc(code, "    ", doc);
                }
            }
            // Public all the same, or nobody could write `IpKey { family, ..zeroed() }`.
            None => code.push_str("    #[doc(hidden)]\n"),
        }
        let _ = writeln!(code, "    pub {}: {},", field.name, field.ty);
    }
    code.push_str("}\n\n");
    let fields: Vec<String> = shape
        .fields
        .iter()
        .map(|field| {
            let mut text = format!("{}: {}", field.name, field.ty);
            if !field.views.is_empty() {
                let _ = write!(text, " => {{ {} }}", field.views.join(", "));
            }
            text
        })
        .collect();
    let offsets: Vec<String> = shape.fields.iter().map(|field| field.offset.to_string()).collect();
    let CompositeLayout { size, align, .. } = shape.layout;
    let expected = format!(" size {size}, align {align}, offsets [{}]", offsets.join(", "));
    push_call(code, "::bpfmap::plain_struct!", &shape.name, &fields, &expected);
}

/// Writes `call(head { part, … } tail);` on one line if it fits.
fn push_call(code: &mut String, call: &str, head: &str, parts: &[String], tail: &str) {
    let joined = parts.join(", ");
    let line = format!("{call}({head} {{ {joined} }}{tail});");
    if line.len() <= WIDTH {
        let _ = writeln!(code, "{line}");
    } else {
        let _ = writeln!(code, "{call}({head} {{");
        for part in parts {
            let _ = writeln!(code, "    {part},");
        }
        let _ = writeln!(code, "}}{tail});");
    }
}

fn push_accessors(code: &mut String, shape: &Shape<'_>) {
    let mut stored = shape.members.iter().filter(|m| matches!(m.place, Place::Methods { .. }));
    let Some(first) = stored.next() else { return };
    let _ = writeln!(code, "\nimpl {} {{", shape.name);
    push_methods(code, shape.is_union, first);
    for member in stored {
        code.push('\n');
        push_methods(code, shape.is_union, member);
    }
    code.push_str("}\n");
}

fn push_methods(code: &mut String, is_union: bool, member: &ShapeMember<'_>) {
    let Place::Methods { names, storage, at } = &member.place else { return };
    let accessor = Accessor {
        names,
        doc: member.member.doc.as_deref(),
        ty: &member.ty.name,
        newtype: member.ty.newtype.as_deref(),
        storage,
        at,
        is_union,
        // A union of the schema is a struct of bytes here.
        is_rust_union: false,
        visibility: "pub",
        runtime: "::bpfmap",
    };
    accessor.push(code);
}
