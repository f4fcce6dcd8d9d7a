//! Generates a Rust file with a module for each schema.

use std::fmt::Write as _;

use crate::backend::{GENERATED, GeneratedFile};
use bpfmap_schema::print::rust::module_name;

/// Generates the file `name`, which declares a module for each of `files`. For example, `net` in
/// `files` declares the module `net`, whose content is the file `net.rs` in the same folder.
///
/// The items are accessible only through the modules, so that two schemas can have items with the
/// same name, such as `net::Maps` and `flows::Maps`.
#[must_use]
pub fn emit_modules(name: &str, files: &[String]) -> GeneratedFile {
    let mut code = format!("// {GENERATED}: a module for each schema.\n");
    if !files.is_empty() {
        let _ = write!(code, "\nmod {MODULE} {{\n");
        for file in files {
            let _ = writeln!(code, "    include!(\"{file}.rs\");");
        }
        code.push_str("}\n");
        for file in files {
            let _ = write!(
                code,
                "#[allow(unreachable_pub, unused_imports, reason = \"the program may not use every schema\")]\n\
                 pub use self::{MODULE}::{};\n",
                module_name(file)
            );
        }
    }
    GeneratedFile { name: name.to_owned(), contents: code }
}

/// The name of the outer module that contains the modules of the schemas. Without the outer module,
/// the items that each file re-exports would become items of the including module.
const MODULE: &str = "bpfmap_modules";
