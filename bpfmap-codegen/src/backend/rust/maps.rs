//! Maps in Rust: a spec type each, and the struct that opens all of them.

use std::fmt::Write;

use super::layouts::layout_of;
use super::shape::type_name;
use super::string_literal;
use crate::backend::flag_effects;
use bpfmap_core::map_type::{MapType, ValueRule};
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
             type Value = {};\n",
        key.map_or_else(|| held(names, map.key.as_ref()), str::to_owned),
        value.map_or_else(|| value_type(checked, names, map), str::to_owned),
    );
    let layout = |described: &Option<KeyValue>, open: Option<&str>| match (described, open) {
        (_, Some(open)) => format!(
            "const {{ &::bpfmap::TypeDesc::Opaque {{ size: ::core::mem::size_of::<{open}>() as u32 }} }}"
        ),
        (Some(described), None) => layout_of(checked, names, described),
        (None, None) => "::bpfmap::TypeDesc::VOID".to_owned(),
    };
    let (key, value) = (layout(&map.key, key), layout(&map.value, value));
    let _ = write!(
        code,
        "    const DEF: ::bpfmap::MapDef<'static> =\n        ::bpfmap::kind::{kind}::def({}, {key}, {value})",
        string_literal(name),
    );
    let mut set = |field: &str, value: &str| {
        let _ = write!(code, "\n            .{field}({value})");
    };
    if let Some(max_entries) = &map.max_entries {
        set("max_entries", &max_entries.value.to_string());
    }
    let flags =
        map.flags.iter().map(|flag| format!("::bpfmap::MapFlags::{}", flag.value.to_uppercase()));
    if let Some(flags) = flags.reduce(|all, flag| format!("{all}.union({flag})")) {
        set("flags", &flags);
    }
    if let Some(extra) = &map.map_extra {
        set("map_extra", &extra.value.to_string());
    }
    if let Some(node) = &map.numa_node {
        set("numa_node", &node.value.to_string());
    }
    match map.pinning.as_ref().map(|pinning| pinning.value) {
        None | Some(Pinning::None) => {}
        Some(Pinning::ByName) => set("pinning", "::bpfmap::Pinning::ByName"),
        Some(Pinning::Other(number)) => {
            set("pinning", &format!("::bpfmap::Pinning::Other({number})"));
        }
    }
    let event = map.event.clone().map(KeyValue::Type);
    if let Some(event) = &event {
        set("event", &layout_of(checked, names, event));
    }
    if map.btf.as_ref().is_some_and(|btf| !btf.value) {
        set("btf", "false");
    }
    let inner = checked.schema().inner_of(map).map(|inner| names.spec(&inner.name.value));
    let inner = inner.or_else(|| parameter(Attribute::Inner));
    if let Some(inner) = inner {
        set("inner", &format!("const {{ &<{inner} as ::bpfmap::MapSpec>::DEF }}"));
    }
    code.push_str(";\n");
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
