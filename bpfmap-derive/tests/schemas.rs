//! Tests that the derives accept the output of `bpfmap convert` for every schema of the repository,
//! and prove the layout of each type. The test needs Cargo, so it runs only on the host.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use bpfmap_schema::check::check;
use bpfmap_schema::front::toml::read_file;
use bpfmap_schema::print::rust::print;

const FOLDERS: &[&str] = &["schemas", "bpfmap-codegen/tests/goldens"];

#[test]
fn every_schema_compiles_in_rust() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("schemas");
    fs::create_dir_all(&out).unwrap();
    // The program declares the maps, but does not use them.
    let mut program = "#![allow(dead_code)]\n#![deny(unused_imports)]\n".to_owned();
    let mut count = 0;
    for folder in FOLDERS {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let schema = entry.unwrap().path();
            if schema.extension().is_none_or(|extension| extension != "toml") {
                continue;
            }
            let checked = check(read_file(&schema)).unwrap();
            let source = out.join(format!("schema{count}.rs"));
            fs::write(&source, print(checked.schema(), checked.layouts())).unwrap();
            // The name of the module is a path without quotes.
            let _ = writeln!(
                program,
                "#[path = {:?}]\nmod schema{count};",
                source.display().to_string()
            );
            count += 1;
        }
    }
    assert!(count > 50, "{count} schemas");
    program.push_str("fn main() {}\n");
    let all = out.join("all.rs");
    fs::write(&all, program).unwrap();
    trybuild::TestCases::new().pass(all);
}
