//! Generates BTF-defined maps, which is the format of libbpf.

use std::collections::HashMap;
use std::fmt::Write;

use super::type_names::TypeNames;
use super::{push_comment, push_decl_tags};
use bpfmap_core::KernelVersion;
use bpfmap_core::map_type::{MapFlag, MapType};
use bpfmap_schema::ir::{InnerMap, KeyValue, MapDecl, Pinning, Schema, Type};
use bpfmap_schema::layout::Layouts;

/// The oldest kernel whose headers a program can include. Constants that are newer than these
/// headers are written as numbers, because the included headers may not define their names.
const OLDEST_HEADERS: KernelVersion = KernelVersion::new(5, 10);

/// Returns the definitions of all maps of `schema`. A map comes after all maps to which it refers.
pub(super) fn definitions(schema: &Schema, layouts: &Layouts) -> String {
    let names = TypeNames::new(schema);
    let mut code = STORAGE.to_owned();
    let templates = schema.maps.iter().filter_map(MapDecl::template);
    if schema.maps.iter().chain(templates).any(|map| wide_map_extra(map).is_some()) {
        code.push_str(ULONG);
    }
    declare_programs(&mut code, schema);
    for map in ordered(&schema.maps) {
        code.push('\n');
        if let Some(doc) = &map.doc {
            push_comment(&mut code, "", doc);
        }
        if let Some(ops) = &map.ops {
            let _ = writeln!(code, "extern struct {} {};", ops.value, map.name.value);
            continue;
        }
        code.push_str("BPFMAP_MAP struct {\n");
        let mut attributes =
            Attributes { code: &mut code, names: &names, layouts, indent: "\t".into() };
        attributes.write(map);
        let _ = write!(code, "}} {} SEC(\".maps\")", map.name.value);
        push_decl_tags(&mut code, map.decl_tags.iter().map(|tag| &tag.value));
        push_values(&mut code, schema, map);
        code.push_str(";\n");
    }
    code
}

/// Returns the constant of a map type, such as `BPF_MAP_TYPE_HASH`. Returns a number if older
/// headers do not define the constant.
pub(super) fn map_type(name: &str) -> String {
    match MapType::by_name(name) {
        Some(facts) if facts.since > OLDEST_HEADERS => {
            format!("{} /* {} */", facts.number, facts.c_name())
        }
        Some(facts) => facts.c_name().to_string(),
        None => format!("BPF_MAP_TYPE_{}", name.to_uppercase()),
    }
}

/// Returns the flags of a map, such as `BPF_F_NO_PREALLOC | BPF_F_RDONLY_PROG`. Flags that older
/// headers do not define are written as numbers.
pub(super) fn map_flags(map: &MapDecl) -> Option<String> {
    let flags: Vec<String> = map
        .flags
        .iter()
        .map(|name| match MapFlag::by_name(&name.value) {
            Some(flag) if flag.since > OLDEST_HEADERS => {
                format!("{:#x} /* {} */", flag.value(), flag.c_name())
            }
            Some(flag) => flag.c_name().to_string(),
            None => format!("BPF_F_{}", name.value.to_uppercase()),
        })
        .collect();
    (!flags.is_empty()).then(|| flags.join(" | "))
}

/// The macros that decide whether a file defines the maps. If an object is linked from several
/// files, only one of these files must define them.
const STORAGE: &str = "
/* If BPFMAP_EXTERN is defined, this file only declares the maps, and another file of the object defines them. */
#undef BPFMAP_MAP
#ifdef BPFMAP_EXTERN
#define BPFMAP_MAP extern
#else
#define BPFMAP_MAP
#endif
";

/// A macro for 64-bit attributes. libbpf and its headers support such attributes since version 1.5.
const ULONG: &str = "
#if defined(__clang__) && __clang_major__ < 15
#error \"clang before 15 truncates a map_extra of more than 32 bits: use clang 15 or newer\"
#endif
#ifndef __ulong
#define __ulong(name, val) enum { ___bpf_concat(__unique_value, __COUNTER__) = val } name
#endif
";

fn wide_map_extra(map: &MapDecl) -> Option<u64> {
    map.map_extra.as_ref().map(|extra| extra.value).filter(|extra| u32::try_from(*extra).is_err())
}

/// Returns the maps in the order of the schema, except that an inner map comes before each map that
/// refers to it.
fn ordered(maps: &[MapDecl]) -> Vec<&MapDecl> {
    let by_name: HashMap<&str, usize> = maps
        .iter()
        .enumerate()
        .rev()
        .map(|(index, map)| (map.name.value.as_str(), index))
        .collect();
    let mut order = Vec::with_capacity(maps.len());
    let mut seen = vec![false; maps.len()];
    for root in 0..maps.len() {
        let mut stack = vec![(root, false)];
        while let Some((index, ready)) = stack.pop() {
            if ready {
                order.push(&maps[index]);
            } else if !std::mem::replace(&mut seen[index], true) {
                stack.push((index, true));
                let others: Vec<_> = referred(&maps[index]).collect();
                // The loop pushes the maps in reverse order, because the last element on the stack
                // is processed first.
                let others = others.into_iter().rev().filter_map(|name| by_name.get(name));
                stack.extend(others.map(|index| (*index, false)));
            }
        }
    }
    order
}

fn referred(map: &MapDecl) -> impl Iterator<Item = &str> {
    let inner = map.inner.as_ref().and_then(|inner| match &inner.value {
        InnerMap::Named(name) => Some(name.as_str()),
        InnerMap::Template(_) => None,
    });
    inner.into_iter().chain(map.values.iter().map(|(_, name)| name.value.as_str()))
}

struct Attributes<'a> {
    code: &'a mut String,
    names: &'a TypeNames<'a>,
    layouts: &'a Layouts,
    indent: String,
}

impl Attributes<'_> {
    fn write(&mut self, map: &MapDecl) {
        self.map_type(map);
        let btf = map.btf.as_ref().is_none_or(|btf| btf.value);
        self.described("key", map.key.as_ref(), btf);
        self.described("value", map.value.as_ref(), btf);
        if let Some(max_entries) = &map.max_entries {
            self.number("max_entries", max_entries.value.into());
        }
        if let Some(flags) = map_flags(map) {
            self.uint("map_flags", flags);
        }
        match map.pinning.as_ref().map(|pinning| pinning.value) {
            None => {}
            Some(Pinning::None) => self.uint("pinning", "LIBBPF_PIN_NONE"),
            Some(Pinning::ByName) => self.uint("pinning", "LIBBPF_PIN_BY_NAME"),
            // The fixture leaves out this attribute, because libbpf loads the fixture and refuses
            // an object with it.
            Some(Pinning::Other(number)) => {
                self.code.push_str("#ifndef BPFMAP_FIXTURE\n");
                self.uint("pinning", number);
                self.code.push_str("#endif\n");
            }
        }
        if let Some(node) = &map.numa_node {
            self.uint("numa_node", node.value);
        }
        match (&map.map_extra, wide_map_extra(map)) {
            (_, Some(extra)) => self.line(&format!("__ulong(map_extra, {extra:#x}ULL);")),
            (Some(extra), None) => self.number("map_extra", extra.value),
            (None, None) => {}
        }
        match map.inner.as_ref().map(|inner| &inner.value) {
            Some(InnerMap::Named(name)) => self.line(&format!("__array(values, typeof({name}));")),
            Some(InnerMap::Template(inner)) => {
                self.line("__array(values, struct {");
                self.indent.push('\t');
                self.write(inner);
                self.indent.pop();
                self.line("});");
            }
            None if !map.values.is_empty() => self.line("__array(values, int (void *));"),
            None => {}
        }
    }

    /// Writes the attribute `type`. libbpf reads the map type from the length of an array, and
    /// loaders ignore the type of the array's elements. If the map has records, the elements have
    /// the type of the records, so that the map's definition in the object contains this type.
    fn map_type(&mut self, map: &MapDecl) {
        let number = map_type(&map.map_type.value);
        match self.event(map) {
            None => self.uint("type", number),
            Some(event) => {
                let declaration = self.names.declare(event, &format!("(*type)[{number}]"));
                self.line(
                    "/* Like __uint(type, ...), but the element type of the array is the type of the records. */",
                );
                self.line(&format!("{declaration};"));
            }
        }
    }

    /// Returns the type of the records. Returns `None` if the array would be 4 GiB or larger,
    /// because the kernel refuses such an array.
    fn event<'m>(&self, map: &'m MapDecl) -> Option<&'m Type> {
        let event = &map.event.as_ref()?.value;
        let number = MapType::by_name(&map.map_type.value)?.number;
        let size = self.layouts.of(event).size.checked_mul(number.into())?;
        u32::try_from(size).is_ok().then_some(event)
    }

    /// Writes the attribute for the key or the value. The attribute contains the type, or only the
    /// size if the map has no BTF.
    fn described(&mut self, what: &str, described: Option<&KeyValue>, btf: bool) {
        match described {
            None => {}
            Some(KeyValue::Type(ty)) => {
                let ty = self.names.abstract_type(&ty.value);
                if btf {
                    self.line(&format!("__type({what}, {ty});"));
                } else {
                    self.uint(&format!("{what}_size"), format!("sizeof({ty})"));
                }
            }
            Some(KeyValue::Size(size)) => self.uint(&format!("{what}_size"), size.value),
        }
    }

    /// Writes an attribute that can be any 32-bit number. `__uint` declares an array of `int`, and
    /// the kernel refuses the BTF of an object with an array of 4 GiB or more (`btf_array_resolve`
    /// in kernel/bpf/btf.c). Loaders ignore the type of the elements.
    fn number(&mut self, name: &str, value: u64) {
        if value > u64::from(u32::MAX) / size_of::<i32>() as u64 {
            self.line("/* Like __uint, but the array is smaller than 4 GiB. */");
            self.line(&format!("char (*{name})[{value}];"));
        } else {
            self.uint(name, value);
        }
    }

    fn uint(&mut self, name: &str, value: impl std::fmt::Display) {
        self.line(&format!("__uint({name}, {value});"));
    }

    fn line(&mut self, text: &str) {
        let _ = writeln!(self.code, "{}{text}", self.indent);
    }
}

/// Declares the programs that a `prog_array` contains initially. The user's definition determines
/// the type of a program's context, so a declaration with the same C name could conflict with that
/// definition. Each program is therefore declared with a different C name for the same symbol.
fn declare_programs(code: &mut String, schema: &Schema) {
    let mut programs: Vec<&str> = vec![];
    for map in &schema.maps {
        for (_, name) in &map.values {
            if is_program(schema, &name.value) && !programs.contains(&name.value.as_str()) {
                programs.push(&name.value);
            }
        }
    }
    if programs.is_empty() {
        return;
    }
    code.push_str(
        "\n/* The programs for tail calls. Define each of them in the same source file. */\n",
    );
    for name in programs {
        let _ = writeln!(code, "extern int {}(void *) __asm__(\"{name}\");", program_name(name));
    }
}

fn is_program(schema: &Schema, name: &str) -> bool {
    !schema.maps.iter().any(|map| map.name.value == name)
}

fn program_name(name: &str) -> String {
    format!("__bpfmap_program_{name}")
}

fn push_values(code: &mut String, schema: &Schema, map: &MapDecl) {
    if map.values.is_empty() {
        return;
    }
    code.push_str("\n#ifndef BPFMAP_EXTERN\n= {\n\t.values = {\n");
    for (index, name) in &map.values {
        let name = &name.value;
        let _ = if is_program(schema, name) {
            writeln!(code, "\t\t[{}] = (void *)&{},", index.value, program_name(name))
        } else {
            writeln!(code, "\t\t[{}] = (void *)&{name},", index.value)
        };
    }
    code.push_str("\t},\n}\n#endif\n");
}
