//! The Rust module of a schema, for applications that link the crate `bpfmap` with its feature `derive`.
//!
//! One file, fit for `include!` and for a module of its own: what `bpfmap convert` writes, in a module where nothing of
//! what surrounds it changes its meaning.

mod migrations;

use std::fmt::Write;

pub use self::migrations::{Migrations, emit_migrations};
use super::{GeneratedFile, marker};
use bpfmap_schema::check::Checked;
use bpfmap_schema::print::comment::push_rust_doc;
pub use bpfmap_schema::print::rust::names::identifier;
use bpfmap_schema::print::rust::print_module;

/// Writes `NAME.rs`.
#[must_use]
pub fn emit(checked: &Checked) -> GeneratedFile {
    let schema = checked.schema();
    let mut code = format!("// {}\n\n{}\n", marker(schema), reexport(MODULE));
    if let Some(doc) = &schema.doc {
        push_rust_doc(&mut code, "", doc);
    }
    let _ = writeln!(code, "{OPENING}mod {MODULE} {{");
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

/// The line that hands on the items of `module`. Whether anybody uses them, and whether anybody outside sees them, is up to
/// the module that includes them.
fn reexport(module: &str) -> String {
    format!(
        "#[allow(unreachable_pub, unused_imports, reason = \"the module that includes it may be private, or unused\")]\n\
         pub use {module}::*;\n"
    )
}

/// The module of the types and maps.
const MODULE: &str = "generated";

/// What a program does not use of the schema, and how the author wrote names and documentation, is no
/// concern of the program's lints.
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
    reason = \"generated: what the program leaves unused, and the author's words, are not its lints'\"
)]
#[cfg_attr(rustfmt, rustfmt::skip)]
";
