//! Writes maps.

use std::fmt::Write as _;

use super::Printer;
use super::attribute::{
    c_name, field, former_name, is_identifier, list, push_attribute, push_doc, string, tags,
};
use crate::ir::{Attribute, KeyValue, MapDecl, Pinning, TEMPLATE_SUFFIX, Type};
use crate::print::comment::{flag_effects, push_rust_doc};
use crate::print::rust::names::{MAPS, Scope, parameter_list};
use crate::source::Spanned;

impl Printer<'_> {
    /// Writes a map, or a template for inner maps.
    pub(super) fn push_map(&mut self, text: &mut String, map: &MapDecl, is_template: bool) {
        let spec = self.names.spec(&map.name.value).to_owned();
        let parameters = self.names.parameters(map);
        if self.root.is_empty() {
            push_doc(text, "", map.doc.as_ref());
        } else {
            let mut paragraphs: Vec<String> = map.doc.iter().cloned().collect();
            paragraphs.extend(flag_effects(map));
            if !parameters.is_empty() {
                paragraphs.push(how_to_open(&spec, map));
            }
            push_rust_doc(text, "", &paragraphs.join("\n\n"));
        }
        let _ = writeln!(text, "#[derive({})]", self.imports.used("BpfMap"));
        let mut words = words(map, &spec, is_template);
        // The macro that sets the oldest kernel is in the same module, but a derive does not see it. So the attribute
        // repeats the version.
        if let (false, Some(kernel)) = (self.root.is_empty(), &self.schema.min_kernel) {
            words.push(format!("min_kernel = {}", string(&kernel.value.to_string())));
        }
        push_attribute(text, "", "bpf_map", &words);
        let mut fields = String::new();
        let parameter = |part| parameters.iter().find(|(open, _)| *open == part);
        let parts = [("key", &map.key, Attribute::Key), ("value", &map.value, Attribute::Value)];
        for (name, described, part) in parts {
            if let Some(KeyValue::Type(ty)) = described {
                self.push_field(&mut fields, name, ty);
            } else if let Some((_, parameter)) = parameter(part) {
                let _ = writeln!(fields, "    {name}: {parameter},");
            }
        }
        if let Some(event) = &map.event {
            self.push_field(&mut fields, "event", event);
        }
        if let Some(inner) = self.schema.inner_of(map) {
            let _ = writeln!(fields, "    inner: {},", self.names.spec(&inner.name.value));
        } else if let Some((_, parameter)) = parameter(Attribute::Inner) {
            let _ = writeln!(fields, "    inner: {parameter},");
        }
        let spec = format!("{spec}{}", parameter_list(&parameters));
        let _ = if fields.is_empty() {
            writeln!(text, "pub struct {spec};")
        } else {
            writeln!(text, "pub struct {spec} {{\n{fields}}}")
        };
    }

    /// Writes the struct with the handles of all maps. Writes nothing if there are no maps.
    pub(super) fn push_maps(&mut self, text: &mut String) {
        let schema = self.schema;
        let (maps, open): (Vec<&MapDecl>, Vec<&MapDecl>) =
            schema.maps.iter().partition(|map| map.open_parts().is_empty());
        if maps.is_empty() {
            return;
        }
        text.push_str("\n/// The handles of all maps.\n");
        if !open.is_empty() {
            let specs = open.iter().map(|map| format!("[`{}`]", self.names.spec(&map.name.value)));
            let specs = specs.collect::<Vec<_>>().join(", ");
            let _ = writeln!(
                text,
                "///\n/// It does not contain maps with attributes that the loader sets: {specs}."
            );
        }
        let _ = writeln!(text, "#[derive(Debug, {})]", self.imports.used("BpfMaps"));
        let _ = writeln!(text, "pub struct {MAPS} {{");
        let mut scope = Scope::default();
        for map in maps {
            let (name, spec) = (&map.name.value, self.names.spec(&map.name.value));
            let field = field(&mut scope, name).ident;
            push_doc(text, "    ", map.doc.as_ref());
            let mut handle = format!("{}<{spec}>", self.imports.used("Map"));
            if map.optional.value {
                handle = format!("{}<{handle}>", self.option());
            }
            let _ = writeln!(text, "    pub {field}: {handle},");
        }
        text.push_str("}\n");
    }

    /// Returns a path for `Option`. A path is necessary because a type of the schema can have the name `Option`.
    fn option(&self) -> String {
        const OPTION: &str = "Option";
        let root = if self.root.is_empty() { "::" } else { self.root };
        if self.names.is_taken(OPTION) {
            format!("{root}core::option::{OPTION}")
        } else {
            OPTION.to_owned()
        }
    }

    fn push_field(&mut self, text: &mut String, name: &str, ty: &Spanned<Type>) {
        let spelled = self.spell(&ty.value);
        push_attribute(text, "    ", "bpf", &spelled.hints);
        let _ = writeln!(text, "    {name}: {},", spelled.ty);
    }
}

/// Returns the words of the attribute `bpf_map`.
fn words(map: &MapDecl, spec: &str, is_template: bool) -> Vec<String> {
    let mut words = vec![];
    if is_template {
        words.push("template".to_owned());
    }
    words.push(map.map_type.value.clone());
    for (described, word) in [(&map.key, "key_size"), (&map.value, "value_size")] {
        if let Some(KeyValue::Size(size)) = described {
            words.push(format!("{word} = {}", size.value));
        }
    }
    words.extend(map.ops.as_ref().map(|ops| format!("ops = {}", string(&ops.value))));
    let numbers = [
        ("max_entries", map.max_entries.as_ref().map(|number| u64::from(number.value))),
        ("numa_node", map.numa_node.as_ref().map(|number| u64::from(number.value))),
        ("map_extra", map.map_extra.as_ref().map(|number| number.value)),
    ];
    for (word, number) in numbers {
        words.extend(number.map(|number| format!("{word} = {number}")));
    }
    if !map.flags.is_empty() {
        let flags: Vec<String> = map.flags.iter().map(|flag| flag.value.clone()).collect();
        words.push(list("flags", &flags));
    }
    words.extend(map.pinning.as_ref().map(|pinning| match pinning.value {
        Pinning::None => "pinning = none".to_owned(),
        Pinning::ByName => "pinning = by_name".to_owned(),
        Pinning::Other(number) => format!("pinning = {number}"),
    }));
    if !map.values.is_empty() {
        let values = map.values.iter().map(|(index, name)| {
            let name = &name.value;
            let name = if is_identifier(name) { name.clone() } else { string(name) };
            format!("{} = {name}", index.value)
        });
        words.push(list("values", &values.collect::<Vec<_>>()));
    }
    if map.is_set_by_loader(Attribute::MaxEntries) {
        words.push("set_by_loader(max_entries)".to_owned());
    }
    if map.optional.value {
        words.push("optional".to_owned());
    }
    words.extend(map.btf.as_ref().map(|btf| format!("btf = {}", btf.value)));
    // The name of a template is derived from the name of its map.
    if !map.name.value.ends_with(TEMPLATE_SUFFIX) {
        words.extend(c_name(spec, &map.name.value));
    }
    words.extend(tags(&map.decl_tags));
    words.extend(former_name(map.renamed_from.as_ref()));
    words
}

/// Returns the documentation of a map with attributes that the loader sets. It explains how an application opens the
/// map.
fn how_to_open(spec: &str, map: &MapDecl) -> String {
    let parts = map.open_parts();
    let set: Vec<String> = parts
        .iter()
        .map(|part| match part {
            Attribute::Inner => "`set_inner_map_fd`".to_owned(),
            part => format!("`set_{}_size`", part.name()),
        })
        .collect();
    let types: Vec<&str> = parts
        .iter()
        .map(|part| match part {
            Attribute::Key => "Key",
            Attribute::Value => "Value",
            Attribute::Inner | Attribute::MaxEntries => "Inner",
        })
        .collect();
    format!(
        "The loader sets each type parameter: call libbpf's {} before you load the object. Then \
         open the map as `bpfmap::Map::<{spec}<{}>>`, which compares the sizes with the real map.",
        set.join(" and "),
        types.join(", ")
    )
}
