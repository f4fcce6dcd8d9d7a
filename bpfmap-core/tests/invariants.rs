//! Checks the sources of the workspace: only this crate names map types.

use bpfmap_core::map_type::MAP_TYPES;
use std::fs;
use std::path::{Path, PathBuf};

/// The crates that work with maps of any type.
const CRATES: &[&str] = &[
    "bpfmap",
    "bpfmap-btf",
    "bpfmap-cli",
    "bpfmap-codegen",
    "bpfmap-core",
    "bpfmap-derive",
    "bpfmap-ebpf",
    "bpfmap-fixture",
    "bpfmap-schema",
];

/// The type of a list in JSON Schema, which is not a map type.
const JSON_LIST: &str = r#""type": "array""#;

/// The folder of the facts table.
const TABLE: &str = "bpfmap-core/src/map_type";

#[test]
fn only_the_table_names_map_types() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = vec![];
    for name in CRATES {
        sources(&root.join(name).join("src"), &mut files);
    }
    assert!(files.len() > 100, "{} files", files.len());
    let mut found = vec![];
    for file in files {
        let path = file.strip_prefix(root).unwrap();
        if path.starts_with(TABLE) {
            continue;
        }
        for (index, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
            // Tests of a file are at its end.
            if line == "#[cfg(test)]" {
                break;
            }
            if !line.trim_start().starts_with("//") && names_a_type(line) {
                found.push(format!("{}:{}: {}", path.display(), index + 1, line.trim()));
            }
        }
    }
    assert!(
        found.is_empty(),
        "use the row of the map type instead of its name:\n{}",
        found.join("\n")
    );
}

#[test]
fn names_of_map_types_are_found_in_quotes_and_in_c() {
    assert!(names_a_type(r#"    matches!(facts.name, "lru_hash" | "other")"#));
    assert!(names_a_type(r#"    let lru = row.name.starts_with("lru_");"#));
    assert!(names_a_type(r#"    code.push_str("BPF_MAP_TYPE_HASH");"#));
    assert!(!names_a_type("    let hash = map_type::HASH.number;"));
    assert!(!names_a_type(r#"    json!({ "type": "array", "items": item })"#));
    assert!(names_a_type(r#"    json!({ "type": "hash" })"#));
}

fn names_a_type(line: &str) -> bool {
    let line = line.replace(JSON_LIST, "");
    let quoted = line.split('"').skip(1).step_by(2);
    let is_name = |text: &str| {
        // A part that several names contain, such as `lru_` and `_storage`, counts as a name too.
        let is_part = text.len() > 3
            && (text.starts_with('_') || text.ends_with('_'))
            && MAP_TYPES.iter().filter(|row| row.name.contains(text)).count() > 1;
        is_part || MAP_TYPES.iter().any(|row| row.name == text)
    };
    let in_c = |text: &str| MAP_TYPES.iter().any(|row| text.contains(&row.c_name().to_string()));
    quoted.into_iter().any(|text| is_name(text) || in_c(text))
}

/// Returns the source files below a folder, except the files of tests.
fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap();
        if path.is_dir() {
            // The examples declare maps, because users copy them.
            if name != "examples" && name != "tests" {
                sources(&path, files);
            }
        } else if path.extension().is_some_and(|end| end == "rs") && name != "tests" {
            files.push(path);
        }
    }
}
