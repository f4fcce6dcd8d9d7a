//! Generates the C header of a schema.
//!
//! The header has two parts. The first part contains the types, each with static assertions about
//! its layout. Programs and applications in C and C++ can use these types. The second part contains
//! the maps and is only for programs, which clang compiles for the BPF target. [`emit`] generates
//! BTF-defined maps, and [`emit_legacy`] generates legacy definitions for libbpf before 1.0. A
//! program includes `vmlinux.h` or `linux/bpf.h` before this header, and needs clang 14 or newer.
//!
//! If a schema includes other schemas, its header includes the headers of these schemas to get
//! their types.

mod declarations;
mod events;
mod kernel_types;
mod legacy;
mod maps;
mod portable;
mod type_names;
mod types;

use std::fmt::Write;

use super::{GeneratedFile, marker};
use bpfmap_schema::check::Checked;
use bpfmap_schema::ir::Schema;
#[cfg(any(feature = "c-user", feature = "fixtures"))]
use bpfmap_schema::ir::Type;
use bpfmap_schema::print::comment;

/// Generates `NAME.h` with BTF-defined maps in the section `.maps`.
#[must_use]
pub fn emit(checked: &Checked) -> GeneratedFile {
    header(checked, &maps::definitions(checked.schema(), checked.layouts()))
}

/// Generates `NAME.h` with legacy map definitions: `struct bpf_map_def` in the section `maps`.
#[must_use]
pub fn emit_legacy(checked: &Checked) -> GeneratedFile {
    header(checked, &legacy::definitions(checked.schema()))
}

/// Returns the C name of a type of `schema`, in the form for a cast or `sizeof`.
#[cfg(any(feature = "c-user", feature = "fixtures"))]
pub(super) fn type_name(schema: &Schema, ty: &Type) -> String {
    type_names::TypeNames::new(schema).abstract_type(ty)
}

/// Returns the C constant of the map type that a schema calls `name`, or its number.
#[cfg(feature = "c-user")]
pub(super) fn map_type(name: &str) -> String {
    maps::map_type(name)
}

/// Returns the definitions of the macros that `text` uses, except for macros that the included
/// header already defines.
#[cfg(feature = "c-user")]
pub(super) fn portable_macros(text: &str) -> String {
    portable::macros(text, "")
}

/// Returns `text` as one line of a comment.
#[cfg(feature = "c-user")]
pub(super) fn comment_line(text: &str) -> String {
    comment_text(text)
}

/// Returns the header that contains the types of the schema and the map definitions `maps`.
fn header(checked: &Checked, maps: &str) -> GeneratedFile {
    let schema = checked.schema();
    let name = &schema.name.value;
    let mut code = format!("/* {} */\n", comment_text(&marker(schema)));
    if let Some(doc) = &schema.doc {
        code.push('\n');
        push_comment(&mut code, "", doc);
    }
    let types = types_part(checked);
    if !types.is_empty() {
        let guard = guard(name, "TYPES", &types);
        let _ = write!(code, "\n#ifndef {guard}\n#define {guard}\n{types}\n#endif /* {guard} */\n");
    }
    if !schema.maps.is_empty() {
        let definitions = kernel_types::mentions(schema) + maps + &events::functions(schema);
        let maps = needs_helpers(name) + &portable::macros(&definitions, &types) + &definitions;
        let guard = guard(name, "MAPS", &maps);
        let _ = write!(
            code,
            "\n/* The maps, for programs. A program that defines BPFMAP_TYPES gets only the types. */\n\
             #if defined(__bpf__) && !defined(BPFMAP_TYPES) && !defined({guard})\n#define {guard}\n\
             {maps}\n#endif /* {guard} */\n"
        );
    }
    GeneratedFile { name: format!("{name}.h"), contents: code }
}

/// Returns the part of the header with the included headers and the types.
fn types_part(checked: &Checked) -> String {
    let schema = checked.schema();
    let kernel = kernel_types::definitions(schema);
    let types = types::definitions(schema, checked.layouts());
    let includes = includes(schema);
    if types.is_empty() && kernel.is_empty() {
        return includes;
    }
    let needs_bpf_h = kernel_types::are_in_bpf_h(schema);
    let (user_space, macros) =
        (portable::user_space_include(needs_bpf_h), portable::macros(&types, ""));
    [includes, user_space, macros, kernel, portable::without_warnings(types)].concat()
}

/// Returns code that includes the headers of the schemas that `schema` includes. The code includes
/// only the types of these headers. To get the maps as well, a program must include the headers
/// itself.
fn includes(schema: &Schema) -> String {
    let mut lines = String::new();
    for include in schema.includes.iter().filter(|include| include.is_direct) {
        let _ = writeln!(lines, "#include \"{}.h\"", include.name.value);
    }
    if lines.is_empty() {
        return lines;
    }
    format!(
        "\n#ifdef BPFMAP_TYPES\n{lines}#else\n#define BPFMAP_TYPES /* without the maps */\n{lines}#undef BPFMAP_TYPES\n#endif\n"
    )
}

fn needs_helpers(name: &str) -> String {
    format!(
        "\n#if !defined(__uint) || !defined(SEC)\n\
         #error \"{name}.h needs the macros of <bpf/bpf_helpers.h>: include first vmlinux.h (or <linux/bpf.h>), then <bpf/bpf_helpers.h>, then {name}.h\"\n\
         #endif\n"
    )
}

/// Returns the include guard for a part of the header of the schema `name`. The guard contains a
/// hash of `body`, because a program can include the headers of two schemas with the same name from
/// different folders.
fn guard(name: &str, part: &str, body: &str) -> String {
    format!("BPFMAP_{}_H_{part}_{:016x}", name.to_uppercase(), fnv1a(body.as_bytes()))
}

/// Returns the FNV-1a hash of `bytes`. The hash is the same on every machine and with every version
/// of Rust.
pub(super) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Writes `doc` as a comment. Writes nothing if `doc` is empty.
fn push_comment(code: &mut String, indent: &str, doc: &str) {
    let lines: Vec<String> = comment::lines(doc).map(|line| comment_text(&line)).collect();
    match lines.as_slice() {
        [] => {}
        [line] => {
            let _ = writeln!(code, "{indent}/* {} */", line.trim_start());
        }
        lines => {
            let _ = writeln!(code, "{indent}/*");
            for line in lines {
                let _ = writeln!(code, "{}", format!("{indent} * {line}").trim_end());
            }
            let _ = writeln!(code, "{indent} */");
        }
    }
}

/// Returns `text` in a form that can be part of a comment. The result contains neither the end nor
/// the beginning of a comment.
fn comment_text(text: &str) -> String {
    text.replace("*/", "* /").replace("/*", "/ *")
}

/// Writes ` BPFMAP_DECL_TAG("…")` for each tag.
fn push_decl_tags<'a>(code: &mut String, tags: impl IntoIterator<Item = &'a String>) {
    for tag in tags {
        let _ = write!(code, " BPFMAP_DECL_TAG({})", string_literal(tag));
    }
}

/// Returns a C string literal for `text`. The literal contains no numeric escapes, because clang 17
/// and newer refuse them in attributes.
fn string_literal(text: &str) -> String {
    let mut literal = String::from("\"");
    for character in text.chars() {
        match character {
            // A question mark is escaped because it could begin a trigraph.
            '"' | '\\' | '?' => literal.extend(['\\', character]),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            _ => literal.push(character),
        }
    }
    literal.push('"');
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_end_the_enclosing_comment() {
        let mut code = String::new();
        push_comment(&mut code, "\t", "a */ b /*/ c\nint x; **//*");
        assert_eq!(code, "\t/*\n\t * a * / b / * / c\n\t * int x; ** // *\n\t */\n");
        code.clear();
        push_comment(&mut code, "", " \n\t\n ");
        assert_eq!(code, "");
    }

    /// The test values are from the FNV draft (draft-eastlake-fnv, appendix C).
    #[test]
    fn headers_with_the_same_name_have_different_guards() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
        assert_eq!(guard("net", "TYPES", "foobar"), "BPFMAP_NET_H_TYPES_85944171f73967e8");
    }

    #[test]
    fn string_literals_can_contain_every_character() {
        assert_eq!(string_literal("a\"b\\\n\r\t\u{e9}1?"), "\"a\\\"b\\\\\\n\\r\t\u{e9}1\\?\"");
    }
}
