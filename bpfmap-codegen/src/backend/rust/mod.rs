//! The Rust module of a schema, for applications that link the crate `bpfmap`.
//!
//! One file, fit for `include!` and for a module of its own. It names everything by a path from
//! the root, so that nothing of what surrounds it changes its meaning.

mod layouts;
mod maps;
mod migrations;
pub(crate) mod shape;
mod types;

use std::fmt::Write;

pub use self::migrations::{Migrations, emit_migrations};
use super::{GeneratedFile, marker};
use bpfmap_schema::check::Checked;
use bpfmap_schema::print::comment::push_rust_doc;
use bpfmap_schema::print::rust::names::Names;
pub use bpfmap_schema::print::rust::names::identifier;

/// Writes `NAME.rs`.
#[must_use]
pub fn emit(checked: &Checked) -> GeneratedFile {
    let schema = checked.schema();
    let mut names = Names::new(schema);
    let shapes = shape::shapes(checked, &mut names);
    let mut items = String::new();
    types::push_types(&mut items, checked, &names, &shapes);
    maps::push_maps(&mut items, checked, &names);
    layouts::push_layouts(&mut items, checked, &names);

    let mut code = format!("// {}\n\n{}\n", marker(schema), reexport(MODULE));
    if let Some(doc) = &schema.doc {
        push_rust_doc(&mut code, "", doc);
    }
    let _ = writeln!(code, "{OPENING}mod {MODULE} {{");
    for line in items.trim_start().lines() {
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
    missing_debug_implementations,
    missing_docs,
    nonstandard_style,
    rustdoc::all,
    unreachable_pub,
    unused_qualifications,
    reason = \"generated: what the program leaves unused, and the author's words, are not its lints'\"
)]
#[cfg_attr(rustfmt, rustfmt::skip)]
";

/// A Rust string literal.
fn string_literal(text: &str) -> String {
    format!("{text:?}")
}
