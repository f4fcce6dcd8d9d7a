//! Maps in Rust: a spec type each, and the struct that opens all of them.

use std::fmt::Write;

use super::layouts::layout_of;
use super::shape::type_name;
use super::string_literal;
use crate::backend::flag_effects;
use bpfmap_core::map_type::{MapFlag, MapType, ValueRule};
use bpfmap_schema::check::Checked;
use bpfmap_schema::ir::{Attribute, KeyValue, MapDecl, Pinning};
use bpfmap_schema::naming::upper_camel_case;
use bpfmap_schema::print::comment::push_rust_doc;
use bpfmap_schema::print::rust::names::{MAPS, Names, Scope, parameter_list};

/// The spec types, and `Maps`.
pub(super) fn push_maps(code: &mut String, checked: &Checked, names: &Names<'_>) {
    let maps = &checked.schema().maps;
    for map in maps {
        if let Some(template) = map.template() {
            let doc = format!("The maps in `{}`.", map.name.value);
            push_spec(code, checked, names, (template, &doc));
        }
        push_spec(code, checked, names, (map, &format!("The map `{}`.", map.name.value)));
    }
    let (maps, open): (Vec<&MapDecl>, Vec<&MapDecl>) =
        maps.iter().partition(|map| map.open_parts().is_empty());
    if maps.is_empty() {
        return;
    }
    code.push_str("\n/// A handle of each map.\n");
    if !open.is_empty() {
        let specs: Vec<String> =
            open.iter().map(|map| format!("[`{}`]", names.spec(&map.name.value))).collect();
        let specs = specs.join(", ");
        let _ =
            writeln!(code, "///\n/// But for those of which the loader sets something: {specs}.");
    }
    code.push_str("#[derive(::core::fmt::Debug)]\n");
    let _ = writeln!(code, "pub struct {MAPS} {{");
    let mut scope = Scope::default();
    let fields: Vec<String> = maps.iter().map(|map| scope.take(&map.name.value)).collect();
    for (map, field) in maps.iter().zip(&fields) {
        if let Some(doc) = &map.doc {
            push_rust_doc(code, "    ", doc);
        }
        let spec = names.spec(&map.name.value);
        let _ = writeln!(code, "    pub {field}: ::bpfmap::Map<{spec}>,");
    }
    let _ = write!(
        code,
        "}}\n\nimpl {MAPS} {{\n    \
         /// Opens each map of an object that libbpf has loaded, and checks that it is what the schema says.\n    \
         ///\n    /// # Errors\n    ///\n    \
         /// The first map that is not there, or is another than the schema says.\n    \
         pub fn from_object(object: &impl ::bpfmap::MapSource) -> ::bpfmap::Result<Self> {{\n        \
             ::core::result::Result::Ok(Self {{\n"
    );
    for field in fields {
        let _ = writeln!(code, "            {field}: ::bpfmap::Map::from_object(object)?,");
    }
    code.push_str("        })\n    }\n}\n");
}

/// The spec of a map, and what to say of it where the schema says nothing.
fn push_spec(
    code: &mut String,
    checked: &Checked,
    names: &Names<'_>,
    (map, doc): (&MapDecl, &str),
) {
    let name = &map.name.value;
    let spec = names.spec(name);
    code.push('\n');
    push_rust_doc(code, "", map.doc.as_deref().unwrap_or(doc));
    for effect in flag_effects(map) {
        let _ = writeln!(code, "///\n/// {effect}");
    }
    let kind = upper_camel_case(&map.map_type.value);
    let open = names.parameters(map);
    let parameters = parameter_list(&open);
    let bounded = if open.is_empty() {
        let _ = writeln!(code, "pub enum {spec} {{}}");
        String::new()
    } else {
        let _ = writeln!(code, "///\n/// {}", how_to_open(spec, map));
        let types: Vec<&str> = open.iter().map(|(_, name)| name.as_str()).collect();
        let types = types.join(", ");
        let _ = writeln!(
            code,
            "pub struct {spec}{parameters}(::core::marker::PhantomData<fn() -> ({types},)>);"
        );
        format!("<{}>", bounds(&open).join(", "))
    };
    let parameter = |part| open.iter().find(|(it, _)| *it == part).map(|(_, name)| name.as_str());
    let (key, value) = (parameter(Attribute::Key), parameter(Attribute::Value));
    let _ = write!(
        code,
        "\nimpl{bounded} ::bpfmap::MapSpec for {spec}{parameters} {{\n    \
             type Kind = ::bpfmap::kind::{kind};\n    \
             type Key = {};\n    \
             type Value = {};\n    \
             const NAME: &'static str = {};\n",
        key.map_or_else(|| held(names, map.key.as_ref()), str::to_owned),
        value.map_or_else(|| value_type(checked, names, map), str::to_owned),
        string_literal(name),
    );
    if let Some(max_entries) = &map.max_entries {
        push_option(code, "MAX_ENTRIES", max_entries.value);
    }
    push_flags(code, map);
    if let Some(extra) = &map.map_extra {
        let _ = writeln!(code, "    const MAP_EXTRA: u64 = {};", extra.value);
    }
    if let Some(node) = &map.numa_node {
        push_option(code, "NUMA_NODE", node.value);
    }
    push_pinning(code, map);
    for (what, described, open) in [("KEY", &map.key, key), ("VALUE", &map.value, value)] {
        let layout = match (described, open) {
            (_, Some(open)) => format!(
                "&::bpfmap::TypeDesc::Opaque {{ size: ::core::mem::size_of::<{open}>() as u32 }}"
            ),
            (Some(described), None) => layout_of(checked, names, described),
            (None, None) => "::bpfmap::TypeDesc::VOID".to_owned(),
        };
        let _ = writeln!(
            code,
            "    const {what}_LAYOUT: &'static ::bpfmap::TypeDesc<'static> = {layout};"
        );
    }
    let event = map.event.clone().map(KeyValue::Type);
    if let Some(event) = &event {
        let layout = layout_of(checked, names, event);
        let _ = writeln!(
            code,
            "    const EVENT_LAYOUT: &'static ::bpfmap::TypeDesc<'static> = {layout};"
        );
    }
    if map.btf.as_ref().is_some_and(|btf| !btf.value) {
        code.push_str("    const BTF: bool = false;\n");
    }
    let inner = checked.schema().inner_of(map).map(|inner| names.spec(&inner.name.value));
    let inner = inner.or_else(|| parameter(Attribute::Inner));
    if let Some(inner) = inner {
        let _ = writeln!(
            code,
            "    const INNER: ::core::option::Option<::bpfmap::InnerMap> =\n        \
                 ::core::option::Option::Some(::bpfmap::InnerMap::of::<{inner}>());"
        );
    }
    code.push_str("}\n");
    if let Some(event) = &event {
        let _ = write!(
            code,
            "\nimpl{bounded} ::bpfmap::EventSpec for {spec}{parameters} {{\n    \
                 type Event = {};\n}}\n",
            held(names, Some(event)),
        );
    }
    if let Some(inner) = inner {
        let _ = write!(
            code,
            "\nimpl{bounded} ::bpfmap::OuterMapSpec for {spec}{parameters} {{\n    type Inner = {inner};\n}}\n",
        );
    }
}

/// Writes who pins the map, if anyone does.
fn push_pinning(code: &mut String, map: &MapDecl) {
    let pinning = match map.pinning.as_ref().map(|pinning| pinning.value) {
        None | Some(Pinning::None) => None,
        Some(Pinning::ByName) => Some("ByName".to_owned()),
        Some(Pinning::Other(number)) => Some(format!("Other({number})")),
    };
    if let Some(pinning) = pinning {
        let _ =
            writeln!(code, "    const PINNING: ::bpfmap::Pinning = ::bpfmap::Pinning::{pinning};");
    }
}

/// What an author of user space has to know of a map of which the loader sets something.
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
        "A parameter is what the object leaves to its loader: call libbpf's {} before the object is loaded, and then open the \
         map as `bpfmap::Map::<{spec}<{}>>`, which holds the sizes against the real map.",
        set.join(" and "),
        types.join(", ")
    )
}

/// `K: ::bpfmap::Plain`, for each parameter.
fn bounds(open: &[(Attribute, String)]) -> Vec<String> {
    let bounds = open.iter().map(|(part, name)| match part {
        Attribute::Inner => format!("{name}: ::bpfmap::MapSpec"),
        _ => format!("{name}: ::bpfmap::Plain"),
    });
    bounds.collect()
}

fn push_option(code: &mut String, name: &str, value: u32) {
    let _ = writeln!(
        code,
        "    const {name}: ::core::option::Option<u32> = ::core::option::Option::Some({value});"
    );
}

fn push_flags(code: &mut String, map: &MapDecl) {
    if let Some(value) = flags_value(map) {
        let _ = writeln!(code, "    const FLAGS: ::bpfmap::MapFlags = {value};");
    }
}

/// The flags of a map as an expression; `None`: it has none.
pub(super) fn flags_value(map: &MapDecl) -> Option<String> {
    let first = map.flags.first()?;
    if map.flags.len() == 1 {
        return Some(format!("::bpfmap::MapFlags::{}", first.value.to_uppercase()));
    }
    // The operator of a trait is nothing that a constant may use.
    let bits = map.flags.iter().filter_map(|flag| MapFlag::by_name(&flag.value));
    let names: Vec<_> = bits
        .map(|flag| format!("::bpfmap::MapFlags::{}.bits()", flag.name.to_uppercase()))
        .collect();
    Some(format!("::bpfmap::MapFlags::from_bits_retain({})", names.join(" | ")))
}

/// The type of a value. One that stands for a kernel object is a number of its size, whatever the schema calls it:
/// the runtime knows by it what the map takes and shows.
fn value_type(checked: &Checked, names: &Names<'_>, map: &MapDecl) -> String {
    let rule = MapType::by_name(&map.map_type.value).map(|facts| facts.value);
    match (rule, checked.resolved().value_size(map)) {
        (Some(ValueRule::Object(_)), Some(size)) => format!("u{}", size * 8),
        (Some(ValueRule::Instruction), _) => "::bpfmap::InsnOffsets".to_owned(),
        _ => held(names, map.value.as_ref()),
    }
}

/// The type of a key or value.
fn held(names: &Names<'_>, described: Option<&KeyValue>) -> String {
    match described {
        None => "()".to_owned(),
        Some(KeyValue::Type(ty)) => type_name(names, &ty.value),
        Some(KeyValue::Size(size)) => format!("[u8; {}]", size.value),
    }
}
