//! Prints a schema in TOML.

use std::fmt::Write as _;

use super::WIDTH;
use crate::ir::{
    Composite, DefaultValue, Enum, InnerMap, Int, KeyValue, MapDecl, Member, MemberType, Pinning,
    Schema, TypeDef, TypeDefKind,
};
use crate::source::Spanned;

/// Returns the text of `schema` in TOML.
///
/// [`read_str`](crate::front::toml::read_str) reads this text as the same schema, with the same
/// names, order and documentation, even if the schema breaks rules. Numbers keep their values, but
/// not their notation.
#[must_use]
pub fn print(schema: &Schema) -> String {
    let mut text = String::new();
    push_keys(&mut text, schema_keys(schema));
    for def in &schema.types {
        push_type(&mut text, def);
    }
    for map in &schema.maps {
        let _ = write!(text, "\n[maps.{}]\n", key(&map.name.value));
        push_keys(&mut text, map_keys(map));
    }
    text
}

/// A key and its value as TOML.
type Key = (&'static str, String);

/// Writes keys, with one key on each line. If a list is too long for one line, each of its elements is written on a
/// separate line, in the style of `bpfmap fmt`.
fn push_keys(text: &mut String, keys: Vec<Key>) {
    for (name, value) in keys {
        let is_line = !value.contains('\n') && name.len() + 3 + value.chars().count() <= WIDTH;
        // Quotation marks in strings are escaped, so this separator occurs only between strings.
        let words = value.strip_prefix('[').and_then(|value| value.strip_suffix(']'));
        let _ = match words {
            Some(words) if !is_line && !words.contains('\n') => {
                writeln!(text, "{name} = [\n  {},\n]", words.replace("\", \"", "\",\n  \""))
            }
            _ => writeln!(text, "{name} = {value}"),
        };
    }
}

/// Returns an inline table, such as `{ name = "x", type = "u8" }`.
fn inline_table(keys: Vec<Key>) -> String {
    let keys: Vec<String> =
        keys.into_iter().map(|(name, value)| format!("{name} = {value}")).collect();
    if keys.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", keys.join(", ")) }
}

fn schema_keys(schema: &Schema) -> Vec<Key> {
    let mut keys = vec![("name", string(&schema.name.value))];
    keys.extend(doc(schema.doc.as_ref()));
    keys.extend(schema.min_kernel.as_ref().map(|kernel| quoted("min_kernel", &kernel.value)));
    keys
}

fn push_type(text: &mut String, def: &TypeDef) {
    let name = key(&def.name.value);
    let _ = write!(text, "\n[types.{name}]\n");
    let mut keys = vec![];
    let own = |keys: &mut Vec<Key>| {
        keys.extend(doc(def.doc.as_ref()));
        keys.extend(strings("decl_tags", &def.decl_tags));
        let words = [("typedef", def.in_c.typedef), ("kernel", def.in_c.kernel)];
        let said = words.into_iter().filter(|(_, said)| *said);
        keys.extend(said.map(|(word, _)| (word, "true".to_owned())));
    };
    match &def.kind {
        TypeDefKind::Struct(body) => {
            keys.push(("kind", string("struct")));
            keys.extend(composite(body));
            own(&mut keys);
            keys.push(("members", members(body, 0)));
        }
        TypeDefKind::Union(body) => {
            keys.push(("kind", string("union")));
            keys.extend(composite(body));
            own(&mut keys);
            keys.push(("members", members(body, 0)));
        }
        TypeDefKind::Enum(body) => {
            keys.push(("kind", string("enum")));
            // `u32` is the default.
            if body.repr.value != (Int { size: 4, signed: false }) {
                keys.push(quoted("repr", &body.repr.value));
            }
            keys.extend(body.prefix.as_ref().map(|prefix| ("prefix", string(&prefix.value))));
            own(&mut keys);
            let variants = variants(body);
            let line = inline_variants(&variants);
            let is_plain = body.variants.iter().all(|variant| variant.doc.is_none());
            if is_plain && line.len() <= WIDTH {
                keys.push(("variants", line));
            } else {
                push_keys(text, keys);
                let _ = write!(text, "\n[types.{name}.variants]\n");
                for (variant, value) in variants {
                    let _ = writeln!(text, "{variant} = {value}");
                }
                return;
            }
        }
        TypeDefKind::Alias(target) => {
            keys.push(("kind", string("alias")));
            own(&mut keys);
            keys.push(quoted("type", &target.value));
        }
    }
    push_keys(text, keys);
}

fn composite(body: &Composite) -> Vec<Key> {
    let mut keys = vec![];
    if body.packed {
        keys.push(("packed", "true".to_owned()));
    }
    keys.extend(body.align.as_ref().map(|align| ("align", align.value.to_string())));
    keys
}

/// Returns the members, with one member on each line.
fn members(body: &Composite, depth: usize) -> String {
    let indent = "  ".repeat(depth);
    let mut text = "[\n".to_owned();
    for member in &body.members {
        let _ = writeln!(text, "{indent}  {},", inline_table(member_keys(member, depth + 1)));
    }
    text.push_str(&indent);
    text.push(']');
    text
}

fn member_keys(member: &Member, depth: usize) -> Vec<Key> {
    let name = member.name.as_ref().map(|name| quoted("name", &name.value));
    let mut keys = vec![];
    let body = match &member.ty {
        MemberType::Type(ty) => {
            keys.extend(name);
            keys.push(quoted("type", &ty.value));
            keys.extend(member.bits.as_ref().map(|bits| ("bits", bits.value.to_string())));
            None
        }
        MemberType::Struct(body) => {
            keys.push(("kind", string("struct")));
            keys.extend(name);
            keys.extend(composite(body));
            Some(body)
        }
        MemberType::Union(body) => {
            keys.push(("kind", string("union")));
            keys.extend(name);
            keys.extend(composite(body));
            Some(body)
        }
    };
    keys.extend(doc(member.doc.as_ref()));
    keys.extend(strings("decl_tags", &member.decl_tags));
    keys.extend(former_name(member.renamed_from.as_ref()));
    keys.extend(member.default.as_ref().map(|default| match &default.value {
        DefaultValue::Variant(name) => quoted("default", name),
        number => ("default", number.to_string()),
    }));
    keys.extend(body.map(|body| ("members", members(body, depth))));
    keys
}

fn variants(body: &Enum) -> Vec<(String, String)> {
    let variants = body.variants.iter().map(|variant| {
        let value = variant.value.value.to_string();
        let value = match &variant.doc {
            None => value,
            Some(doc) => inline_table(vec![("value", value), ("doc", text(doc))]),
        };
        (key(&variant.name.value), value)
    });
    variants.collect()
}

fn inline_variants(variants: &[(String, String)]) -> String {
    if variants.is_empty() {
        return "{}".to_owned();
    }
    let variants: Vec<String> =
        variants.iter().map(|(variant, value)| format!("{variant} = {value}")).collect();
    format!("{{ {} }}", variants.join(", "))
}

fn map_keys(map: &MapDecl) -> Vec<Key> {
    let mut keys = vec![quoted("type", &map.map_type.value)];
    for (described, typed, sized) in
        [(&map.key, "key", "key_size"), (&map.value, "value", "value_size")]
    {
        keys.extend(described.as_ref().map(|described| match described {
            KeyValue::Type(ty) => quoted(typed, &ty.value),
            KeyValue::Size(size) => (sized, size.value.to_string()),
        }));
    }
    keys.extend(map.event.as_ref().map(|event| quoted("event", &event.value)));
    keys.extend(map.ops.as_ref().map(|ops| quoted("ops", &ops.value)));
    keys.extend(number("max_entries", map.max_entries.as_ref()));
    keys.extend(strings("flags", &map.flags));
    keys.extend(map.pinning.as_ref().map(|pinning| match pinning.value {
        Pinning::None => ("pinning", string("none")),
        Pinning::ByName => ("pinning", string("by_name")),
        Pinning::Other(number) => ("pinning", number.to_string()),
    }));
    keys.extend(number("numa_node", map.numa_node.as_ref()));
    keys.extend(number("map_extra", map.map_extra.as_ref()));
    keys.extend(map.inner.as_ref().map(|inner| match &inner.value {
        InnerMap::Named(name) => quoted("inner", name),
        InnerMap::Template(template) => ("inner", inline_table(map_keys(template))),
    }));
    if !map.values.is_empty() {
        let values = map.values.iter();
        let values =
            values.map(|(index, name)| format!("{} = {}", index.value, string(&name.value)));
        let values = values.collect::<Vec<_>>().join(", ");
        keys.push(("values", format!("{{ {values} }}")));
    }
    keys.extend(number("btf", map.btf.as_ref()));
    let set_by_loader = map.set_by_loader.iter().map(|set| set.value.name());
    keys.extend(words("set_by_loader", set_by_loader));
    keys.extend(map.optional.value.then(|| ("optional", "true".to_owned())));
    keys.extend(strings("decl_tags", &map.decl_tags));
    keys.extend(former_name(map.renamed_from.as_ref()));
    keys.extend(doc(map.doc.as_ref()));
    keys
}

fn former_name(name: Option<&Spanned<String>>) -> Option<Key> {
    name.map(|name| quoted("renamed_from", &name.value))
}

fn number(name: &'static str, value: Option<&Spanned<impl ToString>>) -> Option<Key> {
    value.map(|value| (name, value.value.to_string()))
}

fn strings(name: &'static str, values: &[Spanned<String>]) -> Option<Key> {
    words(name, values.iter().map(|value| value.value.as_str()))
}

fn words<'a>(name: &'static str, words: impl Iterator<Item = &'a str>) -> Option<Key> {
    let words: Vec<String> = words.map(string).collect();
    (!words.is_empty()).then(|| (name, format!("[{}]", words.join(", "))))
}

fn quoted(name: &'static str, value: &impl ToString) -> Key {
    (name, string(&value.to_string()))
}

fn doc(doc: Option<&String>) -> Option<Key> {
    doc.map(|doc| ("doc", text(doc)))
}

/// Returns the name as a bare key if possible, and as a quoted key otherwise.
fn key(name: &str) -> String {
    let is_bare = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if is_bare { name.to_owned() } else { string(name) }
}

/// Returns the text as a string on one line.
fn string(text: &str) -> String {
    let mut quoted = "\"".to_owned();
    push_escaped(&mut quoted, text);
    quoted.push('"');
    quoted
}

/// Returns the text as a string. If the text contains line breaks, the string has several lines.
fn text(text: &str) -> String {
    if !text.contains('\n') {
        return string(text);
    }
    // TOML ignores a line break directly after the opening quotes.
    let mut quoted = "\"\"\"\n".to_owned();
    for line in text.split_inclusive('\n') {
        push_escaped(&mut quoted, line.trim_end_matches('\n'));
        if line.ends_with('\n') {
            quoted.push('\n');
        }
    }
    quoted.push_str("\"\"\"");
    quoted
}

fn push_escaped(quoted: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            _ if character.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(character));
            }
            _ => quoted.push(character),
        }
    }
}
