//! What a printer writes, the front end reads as the same schema: for the schemas of this
//! repository, and for random ones.

#[path = "../support/recipe.rs"]
mod recipe;
#[path = "../support/words.rs"]
mod words;

mod decorate;

use std::fs;
use std::path::{Path, PathBuf};

use bpfmap_schema::diagnostics::{Style, render};
use bpfmap_schema::draft::Draft;
use bpfmap_schema::front::rust;
use bpfmap_schema::front::toml::{read_file, read_str};
use bpfmap_schema::ir::{Composite, InnerMap, MemberType, Schema, TypeDefKind};
use bpfmap_schema::layout::Layouts;
use bpfmap_schema::print;
use bpfmap_schema::source::Span;
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

#[test]
fn every_schema_is_the_same_after_rust() {
    for path in schemas() {
        let schema = read_whole(read_file(&path));
        let text = print::rust::print(&schema, &Layouts::new(&schema));
        let again = read_whole(rust::read_str(Path::new("schema.rs"), &text));
        assert_same(&in_comments(&schema), &again, &text);
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

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_schema_is_the_same_after_rust((recipe, seed) in (recipe::recipes(), any::<u64>())) {
        let mut schema = recipe::schema(&[(0, recipe)]);
        decorate::decorate(&mut schema, seed);
        // By way of TOML, so that all of TOML -> Rust -> TOML is there.
        let written = print::toml::print(&schema);
        let schema = read_whole(read_str(Path::new("random.toml"), &written));
        let text = print::rust::print(&schema, &Layouts::new(&schema));
        let again = read_whole(rust::read_str(Path::new("random.rs"), &text));
        assert_same(&in_comments(&schema), &again, &text);
    }
}

/// Returns the schema with its docs as comments of Rust have them: without white space at the end of a line, or lines
/// of nothing else at the end.
fn in_comments(schema: &Schema) -> Schema {
    fn comment(doc: &mut Option<String>) {
        if let Some(doc) = doc {
            let lines: Vec<&str> = doc.trim_end().split('\n').map(str::trim_end).collect();
            *doc = lines.join("\n");
        }
    }
    fn members(body: &mut Composite) {
        for member in &mut body.members {
            comment(&mut member.doc);
            if let MemberType::Struct(body) | MemberType::Union(body) = &mut member.ty {
                members(body);
            }
        }
    }
    let mut schema = schema.clone();
    comment(&mut schema.doc);
    for def in &mut schema.types {
        comment(&mut def.doc);
        match &mut def.kind {
            TypeDefKind::Struct(body) | TypeDefKind::Union(body) => members(body),
            TypeDefKind::Enum(body) => {
                body.variants.iter_mut().for_each(|variant| comment(&mut variant.doc));
            }
            TypeDefKind::Alias(_) => {}
        }
    }
    for map in &mut schema.maps {
        comment(&mut map.doc);
        if let Some(InnerMap::Template(template)) = map.inner.as_mut().map(|inner| &mut inner.value)
        {
            comment(&mut template.doc);
        }
    }
    schema
}

fn read_whole(draft: Draft) -> Schema {
    let sources: Vec<&str> =
        draft.schema.sources.iter().map(|source| source.text.as_str()).collect();
    let found = render(&draft.findings, &draft.schema.sources, Style::Plain);
    assert!(found.is_empty(), "{found}\nin\n{}", sources.concat());
    draft.schema
}

/// Where they were written does not matter, as `Spanned` says.
fn assert_same(schema: &Schema, again: &Schema, text: &str) {
    let (before, after) = (print::toml::print(schema), print::toml::print(again));
    assert!(before == after, "{before}\nbecame\n{after}\nby\n{text}");
    assert_eq!(schema.name, again.name, "{text}");
    assert_eq!(schema.doc, again.doc, "{text}");
    assert_eq!(schema.min_kernel, again.min_kernel, "{text}");
    assert_eq!(without_spans(schema).types, without_spans(again).types, "{text}");
    assert_eq!(without_spans(schema).maps, without_spans(again).maps, "{text}");
}

/// Members and maps know where they stand as a whole, which no [`Spanned`] hides.
///
/// [`Spanned`]: bpfmap_schema::source::Spanned
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

/// Returns the schemas of this repository.
fn schemas() -> Vec<PathBuf> {
    let folders = ["../bpfmap-codegen/tests/goldens", "../schemas", "../fixtures"]
        .map(|folder| root().join(folder));
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
