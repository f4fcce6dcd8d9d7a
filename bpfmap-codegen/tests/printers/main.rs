//! What a printer writes, the front end reads as the same schema: for the schemas of this
//! repository, and for random ones.

#[path = "../support/recipe.rs"]
mod recipe;

mod decorate;

use std::fs;
use std::path::{Path, PathBuf};

use bpfmap_codegen::front::Draft;
use bpfmap_codegen::front::toml::{read_file, read_str};
use bpfmap_codegen::ir::{Composite, InnerMap, MemberType, Schema, TypeDefKind};
use bpfmap_codegen::print;
use bpfmap_codegen::source::Span;
use proptest::prelude::*;

#[test]
fn every_schema_is_the_same_after_toml() {
    for path in schemas() {
        let schema = read_whole(read_file(&path));
        let text = print::toml::print(&schema);
        let again = read_whole(read_str(&path, &text));
        assert_same(&schema, &again, &text);
    }
}

/// As their authors wrote them, but for the order of keys and the form of numbers.
#[test]
fn toml_is_written_as_by_hand() {
    let path = root().join("../schemas/list.toml");
    let written = fs::read_to_string(&path).unwrap();
    assert_eq!(print::toml::print(&read_file(&path).schema), written);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_schema_is_the_same_after_toml((recipe, seed) in (recipe::recipes(), any::<u64>())) {
        let mut schema = recipe::schema(&[(0, recipe)]);
        decorate::decorate(&mut schema, seed);
        let text = print::toml::print(&schema);
        let again = read_whole(read_str(Path::new("random.toml"), &text));
        assert_same(&schema, &again, &text);
    }
}

fn read_whole(draft: Draft) -> Schema {
    assert!(draft.findings.is_empty(), "{:#?}", draft.findings);
    draft.schema
}

/// Where they were written does not matter, as `Spanned` says.
fn assert_same(schema: &Schema, again: &Schema, text: &str) {
    assert_eq!(schema.name, again.name, "{text}");
    assert_eq!(schema.doc, again.doc, "{text}");
    assert_eq!(schema.min_kernel, again.min_kernel, "{text}");
    assert_eq!(without_spans(schema).types, without_spans(again).types, "{text}");
    assert_eq!(without_spans(schema).maps, without_spans(again).maps, "{text}");
}

/// Members and maps know where they stand as a whole, which no [`Spanned`] hides.
///
/// [`Spanned`]: bpfmap_codegen::source::Spanned
fn without_spans(schema: &Schema) -> Schema {
    let mut schema = schema.clone();
    for def in &mut schema.types {
        if let TypeDefKind::Struct(body) | TypeDefKind::Union(body) = &mut def.kind {
            clear_members(body);
        }
    }
    for map in &mut schema.maps {
        map.span = Span::NONE;
        if let Some(InnerMap::Template(template)) = map.inner.as_mut().map(|inner| &mut inner.value)
        {
            template.span = Span::NONE;
        }
    }
    schema
}

fn clear_members(body: &mut Composite) {
    for member in &mut body.members {
        member.span = Span::NONE;
        if let MemberType::Struct(body) | MemberType::Union(body) = &mut member.ty {
            clear_members(body);
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The schemas of this repository.
fn schemas() -> Vec<PathBuf> {
    let folders = ["tests/goldens", "../schemas", "../fixtures"].map(|folder| root().join(folder));
    let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let mut schemas: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .filter(|path| !path.ends_with("Cargo.toml"))
        .collect();
    schemas.sort();
    assert!(schemas.len() > 50, "{schemas:?}");
    schemas
}
