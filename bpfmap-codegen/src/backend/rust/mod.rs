//! Generates the Rust module of a schema. Applications that use the module need the crate `bpfmap`
//! with the feature `derive`.
//!
//! The generated file is included with `include!`. It contains the output of `bpfmap convert` in a
//! module with the name of the schema, so that names in the including code can't change the meaning
//! of the generated code. The file also re-exports the items of this module, so that the
//! user can include the file in any module. Types of included schemas come from the modules of these schemas.
//! These modules must be in scope where the file is included: [`emit_modules`] generates a file
//! with all modules.

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

/// Generates `NAME.rs`, the Rust module of a schema.
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

/// Returns the line that re-exports the items of `module`. The line turns off lints about unused
/// and unreachable items, because the including module decides whether the items are used and
/// visible.
fn reexport(module: &str) -> String {
    format!(
        "#[allow(ambiguous_glob_reexports, unreachable_pub, unused_imports, reason = \"the including module may be private or unused, and it may also include other schemas\")]\n\
         #[doc(inline)]\n\
         pub use self::{module}::*;\n"
    )
}

/// The attributes that turn off lints about unused items, and lints about names and documentation
/// that come from the schema.
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
