//! Converts a schema to text, including only the parts that BTF contains. The text of a schema and
//! the text of the schema that is imported from its object must be the same.
//!
//! BTF does not contain these parts of a schema, so the text leaves them out:
//!
//! - docs
//! - the former names of members and maps, and the default values of members
//! - the boundary between the prefix of an enum and the name of a variant
//! - the attributes for alignment and packing (but the text contains the resulting layout)
//! - bit-fields without a name
//! - the target of a pointer, unless the target is a struct with a name
//! - types that no map uses
//! - the order of types
//! - the attributes that the loader sets
//! - whether a map is optional

use std::collections::BTreeMap;
use std::fmt::Write;

use bpfmap_schema::check::Checked;
use bpfmap_schema::ir::{
    Composite, InnerMap, KeyValue, MapDecl, MemberType, Pinning, Type, TypeDefKind,
};
use bpfmap_schema::layout::CompositeLayout;
use bpfmap_schema::source::Spanned;

/// Returns the parts of the schema that BTF contains, as text.
pub(crate) fn normal(checked: &Checked) -> String {
    let mut writer = Writer { checked, types: BTreeMap::new() };
    let mut maps: Vec<&MapDecl> = checked.schema().maps.iter().collect();
    maps.sort_by(|one, other| one.name.value.cmp(&other.name.value));
    let maps: Vec<String> = maps.into_iter().map(|map| writer.map(map, "")).collect();
    let types: Vec<String> = writer.types.into_values().collect();
    format!("{}{}", maps.concat(), types.concat())
}

struct Writer<'a> {
    checked: &'a Checked,
    /// The types that maps use, by name.
    types: BTreeMap<String, String>,
}

impl Writer<'_> {
    fn map(&mut self, map: &MapDecl, indent: &str) -> String {
        let mut text = format!("{indent}map {} {}\n", map.name.value, map.map_type.value);
        let mut say = |what: &str, value: &str| {
            let _ = writeln!(text, "{indent}  {what} {value}");
        };
        // A `struct_ops` map is a variable in the object. The section of the variable determines
        // the only flag that libbpf sets.
        if let Some(ops) = &map.ops {
            say("ops", &ops.value);
            let link = map.flags.iter().any(|flag| flag.value == "link");
            say("flags", if link { "link" } else { "" });
            return text;
        }
        let has_btf = map.btf.as_ref().is_none_or(|btf| btf.value);
        for (what, part) in [("key", &map.key), ("value", &map.value)] {
            match part {
                Some(KeyValue::Type(ty)) if has_btf => say(what, &self.ty(&ty.value)),
                Some(part) => {
                    let size = self.checked.resolved().layout(part).size;
                    say(what, &format!("of {size} bytes"));
                }
                None => {}
            }
        }
        // In BTF, a `max_entries` of 0 is the same as a missing one.
        if let Some(entries) = map.max_entries.as_ref().filter(|entries| entries.value != 0) {
            say("max_entries", &entries.value.to_string());
        }
        let mut flags: Vec<&str> = map.flags.iter().map(|flag| flag.value.as_str()).collect();
        flags.sort_unstable();
        say("flags", &flags.join(" "));
        // In BTF, `LIBBPF_PIN_NONE` is the same as a missing attribute, because it is 0.
        if let Some(pinning) = map.pinning.as_ref().filter(|pinning| pinning.value != Pinning::None)
        {
            say("pinning", &format!("{:?}", pinning.value));
        }
        if let Some(node) = &map.numa_node {
            say("numa_node", &node.value.to_string());
        }
        if let Some(extra) = map.map_extra.as_ref().filter(|extra| extra.value != 0) {
            say("map_extra", &extra.value.to_string());
        }
        say("tags", &tags(&map.decl_tags));
        for (index, name) in &map.values {
            say("holds", &format!("{} at {}", name.value, index.value));
        }
        match map.inner.as_ref().map(|inner| &inner.value) {
            None => {}
            Some(InnerMap::Named(name)) => {
                // In BTF, an inner map is always a template without a name.
                let named = self.checked.schema().maps.iter().find(|map| map.name.value == *name);
                if let Some(named) = named {
                    let mut template = named.clone();
                    template.name = format!("{}.inner", map.name.value).into();
                    template.pinning = None;
                    template.decl_tags = vec![];
                    template.values = vec![];
                    text.push_str(&self.map(&template, "    "));
                }
            }
            Some(InnerMap::Template(template)) => text.push_str(&self.map(template, "    ")),
        }
        text
    }

    fn ty(&mut self, ty: &Type) -> String {
        match ty {
            Type::Array(element, len) => format!("[{}; {}]", self.ty(&element.value), len.value),
            Type::Pointer(target) => match target.as_ref().map(|target| &target.value) {
                Some(Type::Named(name)) => format!("*{name}"),
                _ => "*".to_owned(),
            },
            Type::Named(name) => {
                self.named(name);
                name.clone()
            }
            Type::Special(_, Some(target)) => {
                self.named(&target.name.value);
                ty.to_string()
            }
            _ => ty.to_string(),
        }
    }

    /// Adds the type with this name. Does nothing if the type has already been added.
    fn named(&mut self, name: &str) {
        let Some(def) = self.checked.resolved().type_def(name) else { return };
        if self.types.contains_key(name) {
            return;
        }
        self.types.insert(name.to_owned(), String::new());
        let mut text = format!("type {name} tags {}", tags(&def.decl_tags));
        if def.in_c.typedef {
            text.push_str(" typedef");
        }
        match (&def.kind, self.checked.layouts().composite(name)) {
            (TypeDefKind::Struct(body), Some(layout)) => {
                text.push_str(&self.composite("struct", body, layout, ""));
            }
            (TypeDefKind::Union(body), Some(layout)) => {
                text.push_str(&self.composite("union", body, layout, ""));
            }
            (TypeDefKind::Enum(body), _) => {
                let _ = writeln!(text, " enum {}", body.repr.value);
                for variant in &body.variants {
                    let constant = body.c_constant(name, &variant.name.value);
                    let _ = writeln!(text, "  {constant} = {}", variant.value.value);
                }
            }
            (TypeDefKind::Alias(target), _) => {
                let _ = writeln!(text, " alias {}", self.ty(&target.value));
            }
            _ => {}
        }
        self.types.insert(name.to_owned(), text);
    }

    fn composite(
        &mut self,
        kind: &str,
        body: &Composite,
        layout: &CompositeLayout,
        indent: &str,
    ) -> String {
        // Each element consists of the offset, whether the line describes padding, and the text of
        // the line.
        let mut lines: Vec<(u64, bool, String)> = layout
            .padding
            .iter()
            .map(|pad| {
                (pad.bit_offset, true, format!("__pad{} of {} bits\n", pad.number, pad.bits))
            })
            .collect();
        for (member, at) in body.members.iter().zip(&layout.members) {
            let name = member.name.as_ref().map_or("", |name| &name.value);
            if name.is_empty() && member.bits.is_some() {
                continue;
            }
            if is_padding(name) {
                lines.push((at.bit_offset, true, format!("{name} of {} bits\n", at.bits)));
                continue;
            }
            let bits =
                member.bits.as_ref().map_or(String::new(), |bits| format!(":{}", bits.value));
            let what = match (&member.ty, &at.nested) {
                (MemberType::Struct(body), Some(nested)) => {
                    self.composite("struct", body, nested, &format!("{indent}  "))
                }
                (MemberType::Union(body), Some(nested)) => {
                    self.composite("union", body, nested, &format!("{indent}  "))
                }
                (MemberType::Type(ty), _) => format!(" {}\n", self.ty(&ty.value)),
                _ => "\n".to_owned(),
            };
            let tags = tags(&member.decl_tags);
            lines.push((at.bit_offset, false, format!("{name}{bits} {tags}{what}")));
        }
        // Members with the same offset stay in the order of the schema. Padding with the same
        // offset is sorted by name, because padding can have no bytes.
        lines.sort_by_key(|(at, is_padding, line)| {
            (*at, *is_padding, is_padding.then(|| line.clone()))
        });
        let mut text = format!(" {kind} of {} bytes\n", layout.size);
        for (at, _, line) in lines {
            let _ = write!(text, "{indent}  @{at} {line}");
        }
        text
    }
}

/// Returns whether the name of a member has the form that the header uses for padding. Such a
/// member is compared as padding.
fn is_padding(name: &str) -> bool {
    name.strip_prefix("__pad").is_some_and(|number| number.parse::<u32>().is_ok())
}

fn tags(tags: &[Spanned<String>]) -> String {
    let tags: Vec<&str> = tags.iter().map(|tag| tag.value.as_str()).collect();
    format!("{tags:?}")
}
