//! Tests that crates with `rust-version` 1.85 use no newer syntax. A newer compiler and clippy do
//! not refuse such syntax. `cargo xtask msrv` builds and tests these crates with the old compiler,
//! whereas this test takes only a second.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use syn::visit::{self, Visit};
use syn::{BinOp, Expr};

const OLDEST: &str = "1.85";

#[test]
fn crates_for_1_85_have_no_let_chains() {
    let mut found = vec![];
    let packages = packages();
    assert!(packages.iter().any(|folder| folder.ends_with("bpfmap")), "{packages:?}");
    for folder in packages {
        let sources = sources(&folder);
        assert!(!sources.is_empty(), "{} has no sources", folder.display());
        for path in sources {
            let text = fs::read_to_string(&path).unwrap();
            match syn::parse_file(&text) {
                Ok(file) => {
                    found.extend(
                        let_chains(&file).iter().map(|at| format!("{}:{at}", path.display())),
                    );
                }
                // Some inputs of tests are intentionally invalid, or are only parts of a file.
                Err(error) => {
                    let is_part = !path.starts_with(folder.join("src"));
                    assert!(is_part, "{}: {error}", path.display());
                }
            }
        }
    }
    assert!(found.is_empty(), "let chains need Rust 1.88; nest the conditions: {found:#?}");
}

#[test]
fn let_chains_are_found() {
    let file = syn::parse_str(
        "fn f(a: Option<u8>, b: bool) {\n\
             if let Some(x) = a && x > 1 {}\n\
             while b && let Some(_) = a {}\n\
             match a { Some(x) if let 1 = x && b => {} _ => {} }\n\
             if let Some(_) = a {}\n\
             if b && a.is_some() {}\n\
         }",
    );
    assert_eq!(let_chains(&file.unwrap()), [2, 3, 4]);
}

/// Returns the lines of let chains.
fn let_chains(file: &syn::File) -> Vec<usize> {
    let mut finder = LetChains(vec![]);
    finder.visit_file(file);
    finder.0
}

struct LetChains(Vec<usize>);

impl<'ast> Visit<'ast> for LetChains {
    fn visit_expr_binary(&mut self, binary: &'ast syn::ExprBinary) {
        let is_let = |side: &Expr| matches!(side, Expr::Let(_));
        if let BinOp::And(and) = &binary.op
            && (is_let(&binary.left) || is_let(&binary.right))
        {
            self.0.push(and.spans[0].start().line);
        }
        visit::visit_expr_binary(self, binary);
    }
}

/// Returns the directories of the packages with the oldest `rust-version`.
fn packages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let metadata = ["metadata", "--no-deps", "--format-version", "1", "--locked"];
    let output = Command::new(env!("CARGO")).current_dir(root).args(metadata).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    let oldest = packages.filter(|package| package["rust_version"].as_str() == Some(OLDEST));
    let manifests = oldest.map(|package| package["manifest_path"].as_str().unwrap());
    manifests.map(|manifest| Path::new(manifest).parent().unwrap().to_owned()).collect()
}

/// Returns all Rust files in a directory.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension() == Some(OsStr::new("rs")) {
            found.push(path);
        }
    }
    found.sort();
    found
}
