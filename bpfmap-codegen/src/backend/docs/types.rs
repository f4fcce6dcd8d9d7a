//! Writes the section about types. Each struct or union has a table of its members with their
//! offsets.

use std::fmt::Write;

use super::{bytes, cell, push_paragraph};
use bpfmap_schema::check::Checked;
use bpfmap_schema::ir::{Composite, Enum, MemberType, Schema, TypeDefKind};
use bpfmap_schema::layout::{CompositeLayout, Item};

pub(super) fn push_types(page: &mut String, checked: &Checked) {
    let schema = checked.schema();
    if !schema.types.is_empty() {
        page.push_str("\n## Types\n");
    }
    push_includes(page, schema);
    for def in schema.own_types() {
        let name = &def.name.value;
        let _ = write!(page, "\n### `{name}`\n");
        push_paragraph(page, def.doc.as_deref());
        match (&def.kind, checked.layouts().composite(name)) {
            (TypeDefKind::Struct(body), Some(layout)) => {
                push_composite(page, "struct", body, layout);
            }
            (TypeDefKind::Union(body), Some(layout)) => {
                push_composite(page, "union", body, layout);
            }
            (TypeDefKind::Enum(body), _) => push_enum(page, name, body),
            (TypeDefKind::Alias(target), _) => {
                let size = bytes(checked.layouts().of(&target.value).size);
                let _ = write!(page, "\nAnother name for `{}`, {size}.\n", target.value);
            }
            _ => {}
        }
    }
}

/// Writes a link to the page of each included schema, and the types from that schema.
fn push_includes(page: &mut String, schema: &Schema) {
    for (index, include) in schema.includes.iter().enumerate() {
        let types = schema.types.iter().filter(|def| def.include == Some(index));
        let types: Vec<String> = types.map(|def| format!("`{}`", def.name.value)).collect();
        if !types.is_empty() {
            let name = &include.name.value;
            let _ = write!(page, "\nFrom [`{name}`]({name}.md): {}.\n", types.join(", "));
        }
    }
}

fn push_enum(page: &mut String, name: &str, body: &Enum) {
    let repr = body.repr.value;
    let _ = write!(
        page,
        "\nAn enum that is stored in a `{repr}`.\n\n| value | name | in C | |\n| --- | --- | --- | --- |\n"
    );
    for variant in &body.variants {
        let (label, value) = (&variant.name.value, variant.value.value);
        let constant = body.c_constant(name, label);
        let doc = cell(variant.doc.as_deref().unwrap_or_default());
        let _ = writeln!(page, "| {value} | `{label}` | `{constant}` | {doc} |");
    }
}

fn push_composite(page: &mut String, word: &str, body: &Composite, layout: &CompositeLayout) {
    let packed = if body.packed { ", packed" } else { "" };
    let _ = write!(
        page,
        "\nA {word} of {}, aligned to {}{packed}.\n\n\
         | offset | size | member | type | |\n| --- | --- | --- | --- | --- |\n",
        bytes(layout.size),
        layout.align,
    );
    push_rows(page, "", 0, body, layout);
}

/// Writes a row for each member and for each gap of padding. `path` is the path of the struct or
/// union, and `base` is its offset.
fn push_rows(page: &mut String, path: &str, base: u64, body: &Composite, layout: &CompositeLayout) {
    for item in layout.items(body) {
        let (index, at) = match item {
            Item::Member(index, at) => (index, at),
            Item::Padding(padding) => {
                let place =
                    place(base, padding.bit_offset, padding.bits, padding.bytes().is_none());
                let _ = writeln!(page, "| {place} | | | padding |");
                continue;
            }
        };
        let member = &body.members[index];
        let place = place(base, at.bit_offset, at.bits, member.bits.is_some());
        let doc = cell(member.doc.as_deref().unwrap_or_default());
        let ty = match &member.ty {
            MemberType::Type(ty) => format!("`{}`", ty.value),
            MemberType::Struct(_) => "struct".to_owned(),
            MemberType::Union(_) => "union".to_owned(),
        };
        let path = if let Some(name) = &member.name {
            let name = format!("{path}{}", name.value);
            let _ = writeln!(page, "| {place} | `{name}` | {ty} | {doc} |");
            format!("{name}.")
        } else {
            let _ = writeln!(page, "| {place} | | {ty} | {doc} |");
            path.to_owned()
        };
        if let (MemberType::Struct(body) | MemberType::Union(body), Some(nested)) =
            (&member.ty, &at.nested)
        {
            push_rows(page, &path, base.saturating_add(at.offset()), body, nested);
        }
    }
}

/// Returns the first two cells of a row, which contain the offset and the size.
fn place(base: u64, bit_offset: u64, bits: u64, is_bit_field: bool) -> String {
    let offset = base.saturating_add(bit_offset / 8);
    if is_bit_field {
        format!("{offset}, bit {} | {bits} bit{}", bit_offset % 8, if bits == 1 { "" } else { "s" })
    } else {
        format!("{offset} | {}", bits / 8)
    }
}
