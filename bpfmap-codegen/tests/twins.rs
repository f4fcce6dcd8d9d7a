//! Tests that each schema in `schemas/` generates exactly the same files as its twin in Rust,
//! `schemas/rust/NAME.rs`.

use std::path::{Path, PathBuf};
use std::{env, fs};

use bpfmap_codegen::backend::GeneratedFile;
use bpfmap_codegen::generate::{Emit, Options, generate};
use bpfmap_schema::check::{Checked, check};
use bpfmap_schema::draft::Draft;
use bpfmap_schema::front::{rust, toml};
use bpfmap_schema::layout::Layouts;
use bpfmap_schema::print;

#[test]
fn twins_generate_the_same_files() {
    for path in schemas("../schemas") {
        let twin = twin(&path);
        let in_toml = checked(toml::read_file(&path));
        let in_rust = checked(rust::read_file(&twin));
        assert_same_files(&in_toml, &in_rust);
    }
}

/// Each twin equals the output of `bpfmap convert`, so that the difference shows what to change in
/// a twin.
#[test]
fn twins_equal_the_output_of_convert() {
    let bless = env::var_os("BPFMAP_BLESS").is_some();
    for path in schemas("../schemas") {
        let schema = toml::read_file(&path).schema;
        let text = print::rust::print(&schema, &Layouts::new(&schema));
        let twin = twin(&path);
        let there = fs::read_to_string(&twin);
        if bless {
            // Another test reads the files at the same time, so the test only writes files that
            // differ.
            if there.ok().as_ref() != Some(&text) {
                fs::write(&twin, text).unwrap();
            }
        } else {
            assert!(
                there.unwrap() == text,
                "{} is not\n{text}\nIf this is as it should be: \
                 BPFMAP_BLESS=1 cargo test -p bpfmap-codegen --test twins",
                twin.display()
            );
        }
    }
    let twins = fs::read_dir(root().join("../schemas/rust")).unwrap().count();
    assert_eq!(twins, schemas("../schemas").len(), "a twin without a schema");
}

/// Tests the schemas with unusual names and types, too.
#[test]
fn the_output_of_convert_generates_the_same_files() {
    for path in schemas("tests/goldens") {
        let draft = toml::read_file(&path);
        let text = print::rust::print(&draft.schema, &Layouts::new(&draft.schema));
        let in_rust = checked(rust::read_str(Path::new("twin.rs"), &text));
        assert_same_files(&checked(draft), &in_rust);
    }
}

fn assert_same_files(one: &Checked, other: &Checked) {
    for legacy in [false, true] {
        let files = |checked| -> Vec<GeneratedFile> {
            let emit = Emit::ALL.iter().map(|(_, emit)| *emit).collect();
            generate(checked, &Options { emit, legacy })
        };
        for (one, other) in files(one).into_iter().zip(files(other)) {
            assert_eq!(one.name, other.name);
            assert_eq!(comparable(&one), comparable(&other), "{}", one.name);
        }
    }
}

/// Returns the part of a file that must be equal. For fixtures, this is the part after the
/// types, because the fixture of a schema in Rust uses the author's types.
fn comparable(file: &GeneratedFile) -> &str {
    let text = file.contents.as_str();
    let after_types = if file.name.ends_with("_fixture.rs") {
        "static OBJECT: "
    } else if file.name.ends_with("_fixture_programs.rs") {
        "mod programs {"
    } else {
        return text;
    };
    text.find(after_types).map_or(text, |start| &text[start..])
}

fn checked(draft: Draft) -> Checked {
    check(draft).unwrap_or_else(|rejected| panic!("{rejected}"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn twin(schema: &Path) -> PathBuf {
    let name = Path::new(schema.file_name().unwrap()).with_extension("rs");
    root().join("../schemas/rust").join(name)
}

fn schemas(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let mut schemas: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    schemas.sort();
    assert!(!schemas.is_empty(), "{folder} has no schemas");
    schemas
}
