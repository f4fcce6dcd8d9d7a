//! The Rust module of a schema, for applications that link the crate `bpfmap` with its feature `derive`.
//!
//! It is one file for `include!`. It contains the output of `bpfmap convert` in a module with the
//! name of the schema, so that the including code can't change its meaning. The file also
//! re-exports the items, so that it can be the content of another module. Types of included schemas
//! come from the modules of these schemas, which must be in scope where the file is included:
//! [`emit_modules`] writes a file with all modules.

#[cfg(feature = "migrations")]
mod migrations;
mod modules;

use std::fmt::Write;

#[cfg(feature = "migrations")]
pub use self::migrations::{Migrations, emit_migrations};
pub use self::modules::emit_modules;
use super::{GeneratedFile, marker};
use bpfmap_schema::check::Checked;
use bpfmap_schema::print::comment::push_rust_doc;
pub use bpfmap_schema::print::rust::names::identifier;
use bpfmap_schema::print::rust::{module_name, print_module};

/// Writes `NAME.rs`.
#[must_use]
pub fn emit(checked: &Checked) -> GeneratedFile {
    let schema = checked.schema();
    let module = module_name(&schema.name.value);
    let mut code = format!("// {}\n\n{}\n", marker(schema), reexport(&module));
    if let Some(doc) = &schema.doc {
        push_rust_doc(&mut code, "", doc);
    }
    let _ = writeln!(code, "{OPENING}pub mod {module} {{");
    for line in print_module(schema, checked.layouts()).lines() {
        if line.is_empty() {
            code.push('\n');
        } else {
            let _ = writeln!(code, "    {line}");
        }
    }
    code.push_str("}\n");
    GeneratedFile { name: format!("{}.rs", schema.name.value), contents: code }
}

/// Returns the line that re-exports the items of `module`. The including module decides whether
/// they are used and whether they are visible outside, so lints about that are turned off.
fn reexport(module: &str) -> String {
    format!(
        "#[allow(ambiguous_glob_reexports, unreachable_pub, unused_imports, reason = \"the module that includes it may be private, unused, or that of other schemas too\")]\n\
         #[doc(inline)]\n\
         pub use self::{module}::*;\n"
    )
}

/// Turns off lints about unused items, and about the names and documentation that the author of the
/// schema wrote.
const OPENING: &str = "\
#[allow(
    clippy::all,
    clippy::nursery,
    clippy::pedantic,
    clippy::restriction,
    dead_code,
    deprecated,
    missing_debug_implementations,
    missing_docs,
    nonstandard_style,
    rustdoc::all,
    redundant_imports,
    unreachable_pub,
    unused_imports,
    unused_qualifications,
    reason = \"generated code, which may be unused and has names from the schema\"
)]
#[cfg_attr(rustfmt, rustfmt::skip)]
";
