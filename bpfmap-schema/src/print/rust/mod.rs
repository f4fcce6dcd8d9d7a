//! Prints a schema in Rust, as types and maps with the derives of the crate `bpfmap`.
//!
//! Attributes with default values are not written. For example, the C name is left out if it can be derived from the
//! name of the Rust type, and an alignment is left out if it follows from the members. C adds padding implicitly, but
//! Rust needs a field with a name for it.
//!
//! | in the schema | in Rust |
//! | --- | --- |
//! | struct | struct with `repr(C)` |
//! | union | union with `repr(C)`, and `Padded` for members that are shorter than the union |
//! | struct or union declared in place | type with `bpf_type(in_place)`, after its outer type |
//! | bit-fields | bytes with `bpf(bits(…))` |
//! | member that Rust can't have at its offset | bytes with `bpf(holds(…))` |
//! | `[char; N]` | `CharArray<N>` |
//! | enum | enum, which members contain as `Enum<…>` |
//! | enum with two variants of the same value | newtype with `bpf_type(variants(…))` |
//! | alias | `type` |
//! | alias with attributes, or to which nothing refers | newtype |
//! | map | struct with `key` and `value`, `event` or `inner` |
//! | key, value or inner map that the loader sets | field whose type is a type parameter |
//! | template for inner maps | struct with `bpf_map(template, …)`, before the outer map |
//! | all maps without attributes that the loader sets | struct `Maps` with a handle for each map |
//! | optional map | `Option` of the handle in `Maps` |

pub mod accessor;
pub mod alignment;
mod attribute;
#[cfg(feature = "describe")]
pub mod descriptions;
mod imports;
mod maps;
pub mod names;
pub mod places;
pub mod spelling;
mod types;

use std::collections::HashSet;
use std::fmt::Write as _;

use self::attribute::{doc_lines, string};
use self::imports::{Imports, reserved};
pub use self::types::is_plain_enum;
use crate::ir::{
    Composite, InnerMap, MapDecl, MemberType, Schema, TEMPLATE_SUFFIX, TypeDef, TypeDefKind,
};
use crate::layout::Layouts;
use crate::print::rust::alignment::{ExplicitlyAligned, explicitly_aligned};
use crate::print::rust::names::{Names, identifier};

/// Returns the text of `schema` in Rust. `layouts` contains the layouts of the types of the schema.
///
/// The text is the content of a module, in a crate that depends on `bpfmap` with the feature `derive`. The text is
/// valid Rust if the schema follows the rules.
#[must_use]
pub fn print(schema: &Schema, layouts: &Layouts) -> String {
    let schema = &with_named_templates(schema);
    let (imports, items) = Printer::new(schema, layouts, "").items(&mut schema.types.iter());
    let mut text = String::new();
    if let Some(doc) = &schema.doc {
        for line in doc_lines("//!", doc) {
            text.push_str(&line);
            text.push('\n');
        }
        text.push('\n');
    }
    let used = imports.line("");
    if !used.is_empty() {
        text.push_str(&used);
        text.push('\n');
    }
    text.push_str(&items);
    text
}

/// Returns the text of `schema` in Rust, like [`print()`], for a module at any path. All paths in the text begin at the
/// root, and only the items of the text are in scope. The documentation of a map also describes its flags and how to
/// open the map.
///
/// The text does not contain the types of included schemas. Instead, it imports them from the modules of these schemas.
/// These modules must be in scope in the parent module, with the names that [`module_name`] returns.
#[must_use]
pub fn print_module(schema: &Schema, layouts: &Layouts) -> String {
    let schema = &with_named_templates(schema);
    let printer = Printer::new(schema, layouts, ROOT);
    let taken = taken_from_includes(schema, &printer.names);
    let (imports, items) = printer.items(&mut schema.own_types());
    // An enclosing module can have disabled the prelude.
    format!("use ::core::prelude::v1::*;\n\n{}{taken}\n{items}", imports.line(ROOT))
}

/// Returns the name of the generated module for the schema `name`.
///
/// This is usually the name of the schema. If the module would hide a crate that is always available, such as `core`,
/// the name has a suffix.
#[must_use]
pub fn module_name(name: &str) -> String {
    match name {
        "alloc" | "bpfmap" | "core" | "std" => format!("{name}_"),
        _ => identifier(name),
    }
}

/// Returns the names that [`print()`] gives to the types and maps of `schema`.
#[must_use]
pub fn names(schema: &Schema) -> Names<'_> {
    Names::without(schema, &reserved())
}

/// The prefix of a crate name in an absolute path.
const ROOT: &str = "::";

struct Printer<'a> {
    schema: &'a Schema,
    layouts: &'a Layouts,
    explicit: ExplicitlyAligned<'a>,
    names: Names<'a>,
    imports: Imports,
    /// The prefix of crate names.
    root: &'static str,
    /// The types to which another part of the schema refers.
    mentioned: HashSet<&'a str>,
}

impl<'a> Printer<'a> {
    fn new(schema: &'a Schema, layouts: &'a Layouts, root: &'static str) -> Self {
        Self {
            schema,
            layouts,
            explicit: explicitly_aligned(schema, layouts),
            names: names(schema),
            imports: Imports::default(),
            root,
            mentioned: mentioned(schema),
        }
    }

    /// Returns the text of `types` and of all maps, and their imports from the crate `bpfmap`.
    fn items(mut self, types: &mut dyn Iterator<Item = &'a TypeDef>) -> (Imports, String) {
        let mut items = schema_line(self.schema, self.root);
        let schema = self.schema;
        for def in types {
            items.push('\n');
            self.push_type(&mut items, def);
        }
        for map in &schema.maps {
            if let Some(template) = map.template() {
                items.push('\n');
                self.push_map(&mut items, template, true);
            }
            items.push('\n');
            self.push_map(&mut items, map, false);
        }
        self.push_maps(&mut items);
        (self.imports, items)
    }
}

/// Returns the imports of all included types from the modules that declare them. The name of a type in its own module
/// can differ from its name in this module. All included types are re-exported, even if the schema does not use them.
fn taken_from_includes(schema: &Schema, here: &Names<'_>) -> String {
    let mut lines = String::new();
    for (index, include) in schema.includes.iter().enumerate() {
        let module = module_name(&include.name.value);
        let there = Names::of_types(schema.types_of_include(index).into_iter(), &reserved());
        for def in schema.types.iter().filter(|def| def.include == Some(index)) {
            let name = &def.name.value;
            let (there, here) = (there.ty(name), here.ty(name));
            let _ = if there == here {
                writeln!(lines, "pub use super::{module}::{there};")
            } else {
                writeln!(lines, "pub use super::{module}::{there} as {here};")
            };
        }
    }
    lines
}

/// Returns the names of all types to which another part of the schema refers.
fn mentioned(schema: &Schema) -> HashSet<&str> {
    let in_types = schema.types.iter().flat_map(TypeDef::named_types);
    in_types.chain(schema.maps.iter().flat_map(MapDecl::named_types)).collect()
}

/// Returns the schema with names for its templates. The check adds these names, so a schema that was not checked does
/// not have them.
fn with_named_templates(schema: &Schema) -> Schema {
    let mut schema = schema.clone();
    for map in &mut schema.maps {
        if let Some(InnerMap::Template(template)) = map.inner.as_mut().map(|inner| &mut inner.value)
        {
            template.name.value = format!("{}{TEMPLATE_SUFFIX}", map.name.value);
        }
    }
    schema
}

/// Returns the line `bpfmap::schema!(…);`.
fn schema_line(schema: &Schema, root: &str) -> String {
    let mut words = vec![format!("name = {}", string(&schema.name.value))];
    if let Some(kernel) = &schema.min_kernel {
        words.push(format!("min_kernel = {}", string(&kernel.value.to_string())));
    }
    format!("{root}bpfmap::schema!({});\n", words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::module_name;

    #[test]
    fn a_module_does_not_hide_a_crate() {
        assert_eq!(module_name("net"), "net");
        assert_eq!(module_name("core"), "core_");
        assert_eq!(module_name("type"), "r#type");
    }
}
