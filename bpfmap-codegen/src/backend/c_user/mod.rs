//! Generates typed functions for applications in C and C++ that access maps with libbpf.
//!
//! Each map gets the functions that the facts table allows for its type, such as `MAP__lookup` and
//! `MAP__update`. Their parameters are the file descriptor of a map, and pointers to the key and
//! value types instead of `void *`. If the schema declares the template of an inner map in place,
//! the inner map gets functions such as `MAP__inner__lookup`.

mod access;
mod functions;
mod names;

use std::fmt::Write;

use self::access::Access;
use self::names::Names;
use super::c::{comment_line, fnv1a, portable_macros};
use super::{GeneratedFile, marker};
use bpfmap_core::map_type::MapType;
use bpfmap_schema::check::Checked;
use bpfmap_schema::ir::MapDecl;

/// Generates `NAME.user.h`, which includes `NAME.h`.
#[must_use]
pub fn emit(checked: &Checked) -> GeneratedFile {
    let schema = checked.schema();
    let name = &schema.name.value;
    let names = Names::new(schema);
    let mut functions = String::new();
    for map in &schema.maps {
        let called = &map.name.value;
        functions::push(&mut functions, &names, &Map::new(checked, map, called));
        if let Some(inner) = map.template() {
            let mut called = format!("{called}__inner");
            while schema.maps.iter().any(|map| map.name.value == called) {
                called.push('_');
            }
            functions::push(&mut functions, &names, &Map::new(checked, inner, &called));
        }
    }
    let macros = portable_macros(&functions);
    let body = format!("{}{macros}{}{functions}", opening(name), helpers(&functions));
    let guard = format!("BPFMAP_{}_USER_H_{:016x}", name.to_uppercase(), fnv1a(body.as_bytes()));
    let mut code = format!("/* {} */\n", comment_line(&marker(schema)));
    let _ = write!(code, "\n#ifndef {guard}\n#define {guard}\n{body}\n#endif /* {guard} */\n");
    GeneratedFile { name: format!("{name}.user.h"), contents: code }
}

fn opening(name: &str) -> String {
    format!(
        "\n#ifdef __bpf__\n\
         #error \"{name}.user.h is for applications: include {name}.h in a program\"\n\
         #endif\n\n\
         #include <errno.h>\n#include <stddef.h>\n#include <string.h>\n\n\
         #include <bpf/bpf.h>\n#include <bpf/libbpf.h>\n\n\
         #include \"{name}.h\"\n\n\
         /*\n * Each function returns 0 on success. On failure, it sets errno and returns a negative number. From\n * libbpf 1.0 on, this number is the negative errno.\n */\n"
    )
}

/// Returns the helper functions that `functions` calls.
fn helpers(functions: &str) -> String {
    let used = HELPERS.iter().filter(|(name, _)| functions.contains(name));
    used.map(|(_, definition)| *definition).collect()
}

const HELPERS: &[(&str, &str)] = &[
    (
        "__bpfmap_check_cpus(",
        "
/* Checks that an array has space for the values of all possible CPUs. */
#ifndef BPFMAP_CHECK_CPUS
#define BPFMAP_CHECK_CPUS
static inline int __bpfmap_check_cpus(int cpus)
{
	int possible = libbpf_num_possible_cpus();

	if (possible > cpus)
		possible = -EINVAL;
	if (possible < 0)
		errno = -possible;
	return possible < 0 ? possible : 0;
}
#endif
",
    ),
    (
        "__bpfmap_map_info(",
        "
/* Reads the kernel's information about the map that fd refers to. */
#ifndef BPFMAP_MAP_INFO
#define BPFMAP_MAP_INFO
static inline int __bpfmap_map_info(int fd, struct bpf_map_info *info)
{
	__u32 size = sizeof(*info);

	memset(info, 0, size);
	return bpf_obj_get_info_by_fd(fd, info, &size);
}
#endif
",
    ),
];

/// A map, with the operations that user space can perform on it.
struct Map<'a> {
    checked: &'a Checked,
    decl: &'a MapDecl,
    /// The prefix of the names of the map's functions.
    called: &'a str,
    row: Option<&'static MapType>,
    access: Access,
}

impl<'a> Map<'a> {
    fn new(checked: &'a Checked, decl: &'a MapDecl, called: &'a str) -> Self {
        let row = MapType::by_name(&decl.map_type.value);
        Self { checked, decl, called, row, access: Access::of(checked, decl) }
    }
}
