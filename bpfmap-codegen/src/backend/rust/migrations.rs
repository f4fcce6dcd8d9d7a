//! Functions that move pinned maps of an older schema to the layout of a newer one: `NAME_migrate.rs`.
//!
//! The file needs nothing of `NAME.rs`, so that a schema in Rust, of which none is made, can have it.

use std::fmt::Write;

use super::layouts::{layout_of, push_layouts};
use super::maps::flags_value;
use super::{OPENING, reexport, string_literal};
use crate::backend::{GeneratedFile, marker};
use crate::evolve::plan::{Obstacle, Plan, Step, is_unchanged, plan};
use crate::evolve::{MapPair, TooLarge, pair};
use bpfmap_core::map_type::MapType;
use bpfmap_schema::check::Checked;
use bpfmap_schema::ir::{KeyValue, MapDecl};
use bpfmap_schema::print::comment::push_rust_doc;
use bpfmap_schema::print::rust::names::{Names, Scope};

/// The module of the functions, which stands beside that of the types where one module includes both files.
const MODULE: &str = "generated_migrations";

/// What was made of two schemas.
#[derive(Debug, Clone)]
pub struct Migrations {
    /// `NAME_migrate.rs`: a function `migrate_MAP` for each map that changed.
    pub file: GeneratedFile,
    /// Maps that changed and can't be migrated, each with what stands in the way.
    pub left_out: Vec<Obstacle>,
}

/// Writes `NAME_migrate.rs`, for pins of maps of the schema `old`.
///
/// # Errors
///
/// [`TooLarge`].
pub fn emit_migrations(old: &Checked, new: &Checked) -> Result<Migrations, TooLarge> {
    let pairing = pair(old, new)?;
    let (mut planned, mut left_out) = (vec![], vec![]);
    for pair in pairing.maps.iter().filter(|pair| !is_unchanged(pair)) {
        match plan(old, new, pair) {
            Ok(plan) => planned.push((pair, plan)),
            Err(obstacles) => left_out.extend(obstacles),
        }
    }
    let schema = new.schema();
    let before = with_constants(planned.iter().map(|(pair, _)| pair.old));
    let after = with_constants(planned.iter().map(|(pair, _)| pair.new));
    let mut items = String::new();
    for (((pair, plan), (_, was)), (_, is)) in planned.iter().zip(&before).zip(&after) {
        push_functions(&mut items, pair, plan, (was, is));
    }
    for (module, checked, maps) in [("before", old, before), ("after", new, after)] {
        if !maps.is_empty() {
            push_side(&mut items, module, checked, &maps);
        }
    }
    let mut code = format!("// {}\n\n", marker(schema));
    if !planned.is_empty() {
        let _ = write!(code, "{}\n{OPENING}mod {MODULE} {{\n", reexport(MODULE));
        push_indented(&mut code, items.trim_start());
        code.push_str("}\n");
    }
    let name = format!("{}_migrate.rs", schema.name.value);
    Ok(Migrations { file: GeneratedFile { name, contents: code }, left_out })
}

fn push_indented(code: &mut String, items: &str) {
    for line in items.lines() {
        let _ = writeln!(code, "{}", format!("    {line}").trim_end());
    }
}

/// Each map with the constant that describes it, which is called as the map.
fn with_constants<'a>(maps: impl Iterator<Item = &'a MapDecl>) -> Vec<(&'a MapDecl, String)> {
    let mut scope = Scope::default();
    maps.map(|map| (map, scope.take(&map.name.value))).collect()
}

/// The functions of a map, which is described by these constants in the older schema and the newer one.
fn push_functions(code: &mut String, pair: &MapPair<'_>, plan: &Plan, (was, is): (&str, &str)) {
    let name = &pair.new.name.value;
    let mut doc = format!(
        "Moves the map `{name}` that is pinned at `path` to the layout of this schema, with all its entries.\n\n\
         Stop what writes to it first. Where it has the layout already, nothing is done: call this before the programs \
         are loaded, each time. See [`bpfmap::migrate`](::bpfmap::migrate) for what is promised.\n"
    );
    for note in &plan.notes {
        let _ = write!(doc, "\n`{}`.\n", note.replace('`', "'"));
    }
    doc.push_str("\n# Errors\n\nWhat [`Migration::run`](::bpfmap::migrate::Migration::run) says; then the pin is what it was.");
    code.push('\n');
    push_rust_doc(code, "", &doc);
    let _ = write!(
        code,
        "pub fn migrate_{name}(\n    path: impl ::core::convert::AsRef<::std::path::Path>,\n    \
         progress: impl ::core::ops::FnMut(::bpfmap::migrate::Progress),\n\
         ) -> ::bpfmap::Result<::bpfmap::migrate::Outcome> {{\n    \
             migration_of_{name}(path).run(progress)\n}}\n"
    );
    code.push('\n');
    push_rust_doc(
        code,
        "",
        &format!("What [`migrate_{name}`] does, for who wants it with other options."),
    );
    let _ = write!(
        code,
        "pub fn migration_of_{name}(\n    path: impl ::core::convert::AsRef<::std::path::Path>,\n\
         ) -> ::bpfmap::migrate::Migration<'static> {{\n    \
             use ::bpfmap::MigrationStep;\n    \
             const PLAN: ::bpfmap::MigrationPlan<'static> = ::bpfmap::MigrationPlan {{\n"
    );
    for (part, steps) in [("key", &plan.key), ("value", &plan.value)] {
        let _ = writeln!(code, "        {part}: &[");
        push_steps(code, steps, 3);
        code.push_str("        ],\n");
    }
    let _ = write!(
        code,
        "    }};\n    ::bpfmap::migrate::Migration::new(path, &before::{was}, &after::{is}, PLAN)\n}}\n"
    );
}

fn push_steps(code: &mut String, steps: &[Step], depth: usize) {
    let indent = "    ".repeat(depth);
    for step in steps {
        let _ = match step {
            Step::Copy { from, to, len } => {
                writeln!(
                    code,
                    "{indent}MigrationStep::Copy {{ from: {from}, to: {to}, len: {len} }},"
                )
            }
            Step::Fill { to, bytes } => {
                let bytes: Vec<String> = bytes.iter().map(ToString::to_string).collect();
                writeln!(
                    code,
                    "{indent}MigrationStep::Fill {{ to: {to}, bytes: &[{}] }},",
                    bytes.join(", ")
                )
            }
            Step::Integer { from_bit, from_bits, to_bit, to_bits, signed } => writeln!(
                code,
                "{indent}MigrationStep::Integer {{ from_bit: {from_bit}, from_bits: {from_bits}, to_bit: {to_bit}, \
                 to_bits: {to_bits}, signed: {signed} }},"
            ),
            Step::Each { from, from_size, to, to_size, len, steps } => {
                let _ = writeln!(
                    code,
                    "{indent}MigrationStep::Each {{\n{indent}    from: {from},\n{indent}    from_size: {from_size},\n\
                     {indent}    to: {to},\n{indent}    to_size: {to_size},\n{indent}    len: {len},\n\
                     {indent}    steps: &["
                );
                push_steps(code, steps, depth + 2);
                writeln!(code, "{indent}    ],\n{indent}}},")
            }
        };
    }
}

/// A module with the declarations of one of the two schemas.
fn push_side(code: &mut String, module: &str, checked: &Checked, maps: &[(&MapDecl, String)]) {
    let names = Names::new(checked.schema());
    let mut items = String::new();
    for (map, constant) in maps {
        let name = string_literal(&map.name.value);
        let number = MapType::by_name(&map.map_type.value).map_or(0, |row| row.number);
        let layout = |described: &Option<KeyValue>| {
            described.as_ref().map_or_else(
                || "::bpfmap::TypeDesc::VOID".to_owned(),
                |described| layout_of(checked, &names, described),
            )
        };
        let _ = write!(
            items,
            "\npub(super) static {constant}: ::bpfmap::MapDef<'static> = ::bpfmap::MapDef {{\n"
        );
        let some = |number: u32| format!("::core::option::Option::Some({number})");
        let fields = [
            ("max_entries", map.max_entries.as_ref().map(|entries| some(entries.value))),
            ("flags", flags_value(map)),
            ("map_extra", map.map_extra.as_ref().map(|extra| extra.value.to_string())),
            ("numa_node", map.numa_node.as_ref().map(|node| some(node.value))),
            ("btf", map.btf.as_ref().filter(|btf| !btf.value).map(|_| "false".to_owned())),
        ];
        for (field, value) in fields {
            if let Some(value) = value {
                let _ = writeln!(items, "    {field}: {value},");
            }
        }
        let _ = writeln!(
            items,
            "    ..::bpfmap::MapDef::new({name}, {number}, {}, {})\n}};",
            layout(&map.key),
            layout(&map.value)
        );
    }
    push_layouts(&mut items, checked, &names);
    let _ = writeln!(code, "\nmod {module} {{");
    push_indented(code, items.trim_start());
    code.push_str("}\n");
}
