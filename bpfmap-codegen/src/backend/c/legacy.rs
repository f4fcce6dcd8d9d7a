//! Generates legacy map definitions: `struct bpf_map_def`. libbpf before 1.0 supports them, and aya
//! still supports them.

use std::fmt::Write;

use super::maps::{map_flags, map_type};
use super::push_comment;
use super::type_names::TypeNames;
use bpfmap_schema::ir::{KeyValue, MapDecl, Schema};

const OPENING: &str = "
/*
 * These are legacy map definitions. libbpf 1.0 and newer refuses them (\"legacy map definitions in
 * 'maps' section are not supported by libbpf v1.0+\"); libbpf before 1.0, aya and iproute2 accept them.
 *
 * The headers of libbpf before 1.0 also define a struct with the name bpf_map_def. In this header, a
 * macro gives the struct a different name, so that the two definitions do not conflict.
 */
";

/// libbpf's linker supports `extern` only for BTF-defined maps.
const NO_EXTERN: &str = "
#ifdef BPFMAP_EXTERN
#error \"legacy maps can't be declared in one file and defined in another: generate the header without --legacy\"
#endif
";

const ANNOTATION: &str = "
/*
 * Tells libbpf the types of a map's key and value. libbpf finds the struct by its name and ignores
 * the section. Old headers used the section .maps.NAME, which aya mistakes for a BTF-defined map.
 */
#undef BPF_ANNOTATE_KV_PAIR
#define BPF_ANNOTATE_KV_PAIR(name, type_key, type_val)\t\t\t\\
\tstruct ____btf_map_##name {\t\t\t\t\t\\
\t\ttype_key key;\t\t\t\t\t\t\\
\t\ttype_val value;\t\t\t\t\t\t\\
\t};\t\t\t\t\t\t\t\t\\
\tstruct ____btf_map_##name\t\t\t\t\t\\
\t\t__attribute__((section(\".btf_map_types\"), used))\t\\
\t\t____btf_map_##name = { }
";

/// Returns the definitions of all maps of `schema`.
pub(super) fn definitions(schema: &Schema) -> String {
    let names = TypeNames::new(schema);
    let mut code = format!("{NO_EXTERN}{OPENING}");
    let _ = write!(
        code,
        "#define bpf_map_def __bpfmap_{}_map_def\n\
         struct bpf_map_def {{\n\
         \tunsigned int type;\n\
         \tunsigned int key_size;\n\
         \tunsigned int value_size;\n\
         \tunsigned int max_entries;\n\
         \tunsigned int map_flags;\n\
         }};\n",
        schema.name.value,
    );
    code.push_str(ANNOTATION);
    for map in &schema.maps {
        code.push('\n');
        push_map(&mut code, &names, map);
    }
    code.push_str("\n#undef bpf_map_def\n");
    code
}

fn push_map(code: &mut String, names: &TypeNames<'_>, map: &MapDecl) {
    if let Some(doc) = &map.doc {
        push_comment(code, "", doc);
    }
    for lost in inexpressible(map) {
        let _ = writeln!(code, "/* A legacy definition can't express: {lost}. */");
    }
    let name = &map.name.value;
    let _ = writeln!(code, "struct bpf_map_def SEC(\"maps\") {name} = {{");
    let _ = writeln!(code, "\t.type = {},", map_type(&map.map_type.value));
    for (what, described) in [("key", &map.key), ("value", &map.value)] {
        let _ = match described {
            Some(KeyValue::Type(ty)) => {
                writeln!(code, "\t.{what}_size = sizeof({}),", names.abstract_type(&ty.value))
            }
            Some(KeyValue::Size(size)) => writeln!(code, "\t.{what}_size = {},", size.value),
            None => Ok(()),
        };
    }
    if let Some(max_entries) = &map.max_entries {
        let _ = writeln!(code, "\t.max_entries = {},", max_entries.value);
    }
    if let Some(flags) = map_flags(map) {
        let _ = writeln!(code, "\t.map_flags = {flags},");
    }
    code.push_str("};\n");
    let btf = map.btf.as_ref().is_none_or(|btf| btf.value);
    if let (true, Some(KeyValue::Type(key)), Some(KeyValue::Type(value))) =
        (btf, &map.key, &map.value)
    {
        // `typeof` is necessary because plain C syntax would put the brackets of an array after the
        // name.
        let _ = writeln!(
            code,
            "BPF_ANNOTATE_KV_PAIR({name}, typeof({}), typeof({}));",
            names.abstract_type(&key.value),
            names.abstract_type(&value.value),
        );
    }
}

/// Returns the attributes of `map` that a legacy definition can't express.
fn inexpressible(map: &MapDecl) -> Vec<&'static str> {
    [
        (map.pinning.is_some(), "pinning"),
        (map.numa_node.is_some(), "numa_node"),
        (map.map_extra.is_some(), "map_extra"),
        (map.inner.is_some(), "the inner map"),
        (!map.values.is_empty(), "the initial values"),
        (!map.decl_tags.is_empty(), "declaration tags"),
        (map.event.is_some(), "the type of the records"),
    ]
    .into_iter()
    .filter_map(|(there, what)| there.then_some(what))
    .collect()
}
