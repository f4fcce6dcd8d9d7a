//! A schema knows which of its types are those of schemas that it includes.

use std::fs;

use bpfmap_schema::front::toml::read_file;
use bpfmap_schema::ir::Schema;

/// Writes `files`, and reads the last of them.
fn read(files: &[(&str, &str)]) -> Schema {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let draft = read_file(&folder.path().join(files[files.len() - 1].0));
    assert!(draft.findings.is_empty(), "{:?}", draft.findings);
    draft.schema
}

fn alias(name: &str, ty: &str) -> String {
    format!("[types.{name}]\nkind = \"alias\"\ntype = \"{ty}\"\n")
}

/// `TYPE of SCHEMA` of each type.
fn origins(schema: &Schema) -> Vec<String> {
    let origin = |include: Option<usize>| {
        include.map_or("itself", |include| &schema.includes[include].name.value).to_owned()
    };
    let types = schema.types.iter();
    types.map(|def| format!("{} of {}", def.name.value, origin(def.include))).collect()
}

#[test]
fn each_type_is_of_the_schema_that_declares_it() {
    let schema = read(&[
        ("base/words.toml", &alias("word", "u32")),
        ("left.toml", &format!("include = [\"base/words.toml\"]\n{}", alias("left", "word"))),
        (
            "right-side.toml",
            &format!("include = [\"base/../base/words.toml\"]\n{}", alias("right", "word")),
        ),
        (
            "top.toml",
            &format!(
                "include = [\"left.toml\", \"right-side.toml\"]\n{}{}",
                alias("first", "left"),
                alias("second", "right"),
            ),
        ),
    ]);
    assert_eq!(
        origins(&schema),
        [
            "word of words",
            "left of left",
            "right of right_side",
            "first of itself",
            "second of itself"
        ]
    );
    let includes: Vec<(&str, bool)> = schema
        .includes
        .iter()
        .map(|include| (include.name.value.as_str(), include.is_direct))
        .collect();
    assert_eq!(includes, [("words", false), ("left", true), ("right_side", true)]);
    let paths = schema.includes.iter().map(|include| &schema.sources.get(include.source).path);
    let names: Vec<&str> = paths.map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["words.toml", "left.toml", "right-side.toml"]);
    let own: Vec<&str> = schema.own_types().map(|def| def.name.value.as_str()).collect();
    assert_eq!(own, ["first", "second"]);
}

#[test]
fn a_schema_that_is_also_included_by_another_is_direct() {
    let schema = read(&[
        ("net.toml", &alias("port", "be16")),
        ("more.toml", &format!("include = [\"net.toml\"]\n{}", alias("ports", "[port; 2]"))),
        ("maps.toml", "include = [\"more.toml\", \"net.toml\"]\n"),
    ]);
    let direct: Vec<bool> = schema.includes.iter().map(|include| include.is_direct).collect();
    assert_eq!(direct, [true, true]);
}

#[test]
fn an_included_schema_is_called_as_it_says() {
    let schema = read(&[
        ("1.toml", &format!("name = \"net\"\n{}", alias("port", "be16"))),
        ("maps.toml", &format!("include = [\"1.toml\"]\n{}", alias("ports", "[port; 2]"))),
    ]);
    assert_eq!(origins(&schema), ["port of net", "ports of itself"]);
}

/// What is included brings types, whatever its file is called.
#[test]
fn an_included_schema_needs_no_name() {
    let schema = read(&[
        ("net types.toml", &alias("port", "be16")),
        ("maps.toml", &format!("include = [\"net types.toml\"]\n{}", alias("ports", "[port; 2]"))),
    ]);
    assert_eq!(origins(&schema), ["port of ", "ports of itself"]);
}
