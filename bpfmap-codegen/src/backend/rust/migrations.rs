//! Generates `NAME_migrate.rs`: functions that migrate pinned maps of an older schema to the layout
//! of a newer schema.
//!
//! The file does not depend on `NAME.rs`. It can therefore also be generated for a schema in Rust,
//! which has no `NAME.rs`.

use std::fmt::Write;

use super::{OPENING, reexport};
use crate::backend::{GeneratedFile, marker};
use crate::evolve::plan::{Obstacle, PlannedMigration, is_unchanged, plan};
use crate::evolve::{MapPair, TooLarge, pair};
use bpfmap_schema::check::Checked;
use bpfmap_schema::describe::map_def;
use bpfmap_schema::ir::MapDecl;
use bpfmap_schema::print::comment::push_rust_doc;
use bpfmap_schema::print::rust::descriptions::{Descriptions, push_steps};
use bpfmap_schema::print::rust::module_name;
use bpfmap_schema::print::rust::names::{Scope, plain};
use bumpalo::Bump;

/// The generated migration functions for two schemas.
#[derive(Debug, Clone)]
pub struct Migrations {
    /// The file `NAME_migrate.rs`, which contains a function `migrate_MAP` for each map that
    /// changed.
    pub file: GeneratedFile,
    /// The name of the Rust module, which is the name of the file without its extension. `None` if
    /// the file contains no functions.
    pub module: Option<String>,
    /// The obstacles of maps that changed but can't be migrated.
    pub left_out: Vec<Obstacle>,
}

/// Generates `NAME_migrate.rs`, whose functions migrate pinned maps of the schema `old` to the
/// schema `new`.
///
/// # Errors
///
/// Fails with [`TooLarge`] if the types that differ have too many members.
pub fn emit_migrations(old: &Checked, new: &Checked) -> Result<Migrations, TooLarge> {
    let pairing = pair(old, new)?;
    let arena = Bump::new();
    let (mut planned, mut left_out) = (vec![], vec![]);
    for pair in pairing.maps.iter().filter(|pair| !is_unchanged(pair)) {
        match plan(&arena, old, new, pair) {
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
    let name = format!("{}_migrate", schema.name.value);
    if !planned.is_empty() {
        let module = module_name(&name);
        let _ = write!(code, "{}\n{OPENING}pub mod {module} {{\n", reexport(&module));
        push_indented(&mut code, items.trim_start());
        code.push_str("}\n");
    }
    let file = GeneratedFile { name: format!("{name}.rs"), contents: code };
    Ok(Migrations { file, module: (!planned.is_empty()).then_some(name), left_out })
}

fn push_indented(code: &mut String, items: &str) {
    for line in items.lines() {
        let _ = writeln!(code, "{}", format!("    {line}").trim_end());
    }
}

/// Returns each map with the name of the constant that describes the map. The name of the constant
/// is derived from the name of the map.
fn with_constants<'a>(maps: impl Iterator<Item = &'a MapDecl>) -> Vec<(&'a MapDecl, String)> {
    let mut scope = Scope::default();
    maps.map(|map| (map, scope.take(&map.name.value))).collect()
}

/// Writes the migration functions of a map. The two constants describe the map in the older and in
/// the newer schema.
fn push_functions(
    code: &mut String,
    pair: &MapPair<'_>,
    planned: &PlannedMigration<'_>,
    (was, is): (&str, &str),
) {
    let name = &pair.new.name.value;
    let mut doc = format!(
        "Migrates the map `{name}` that is pinned at `path`, with all its entries, to the layout of this schema.\n\n\
         Stop the programs that write to the map before you call this function. Call it each time before you load \
         the programs. It does nothing if the map already has this layout. [`bpfmap::migrate`](::bpfmap::migrate) states the guarantees.\n"
    );
    for note in &planned.notes {
        let _ = write!(doc, "\n`{}`.\n", note.replace('`', "'"));
    }
    doc.push_str("\n# Errors\n\nFails if [`Migration::run`](::bpfmap::migrate::Migration::run) fails. In this case, the pin is unchanged.");
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
        &format!(
            "Returns the migration that [`migrate_{name}`] runs. Use this function if you want to set options of the migration."
        ),
    );
    let _ = write!(
        code,
        "pub fn migration_of_{name}(\n    path: impl ::core::convert::AsRef<::std::path::Path>,\n\
         ) -> ::bpfmap::migrate::Migration<'static> {{\n    \
             use ::bpfmap::MigrationStep;\n    \
             const PLAN: ::bpfmap::MigrationPlan<'static> = ::bpfmap::MigrationPlan {{\n"
    );
    for (part, steps) in [("key", planned.plan.key), ("value", planned.plan.value)] {
        let _ = writeln!(code, "        {part}: &[");
        push_steps(code, steps, "            ");
        code.push_str("        ],\n");
    }
    let _ = write!(
        code,
        "    }};\n    ::bpfmap::migrate::Migration::new(path, &before::{was}, &after::{is}, PLAN)\n}}\n"
    );
}

/// Writes a module with the map definitions of one of the two schemas.
fn push_side(code: &mut String, module: &str, checked: &Checked, maps: &[(&MapDecl, String)]) {
    let arena = Bump::new();
    let mut descriptions = Descriptions::default();
    for (_, constant) in maps {
        descriptions.take(plain(constant));
    }
    let mut items = String::new();
    for (map, constant) in maps {
        let map = descriptions.map(&map_def(&arena, checked, map));
        let _ = writeln!(items, "\npub(super) static {constant}: MapDef<'static> = {map};");
    }
    items.push_str(descriptions.constants());
    let used = ["MapDef", "MapFlags", "MemberDesc", "TypeDesc"];
    let used: Vec<&str> = used
        .into_iter()
        .filter(|name| items.split(|of: char| !of.is_alphanumeric()).any(|word| word == *name))
        .collect();
    let _ = writeln!(code, "\nmod {module} {{\n    use ::bpfmap::{{{}}};", used.join(", "));
    push_indented(code, &items);
    code.push_str("}\n");
}
