//! Generates a module for each schema of the chapters, and turns the Rust blocks of the chapters
//! into documentation tests.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

use bpfmap_book_source::{Kind, Problems, block, chapter};
use bpfmap_codegen::{Builder, Emit};

fn main() -> ExitCode {
    match generate() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn generate() -> Result<(), Box<dyn Error>> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("..");
    let out = Path::new(&env::var("OUT_DIR")?).to_owned();
    let docs = root.join(chapter::DOCS);
    println!("cargo::rerun-if-changed={}", docs.display());
    // Chapters include parts of the README.
    println!("cargo::rerun-if-changed={}", root.join("README.md").display());

    let mut schemas = vec![];
    for entry in fs::read_dir(docs.join("schemas"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            schemas.push(path);
        }
    }
    schemas.sort();
    let builder = Builder::new().emit([Emit::Rust]);
    schemas.iter().fold(builder, Builder::schema).generate()?;

    // Problems of one chapter must not hide the problems of other chapters.
    let mut problems = vec![];
    let mut modules = String::new();
    for chapter in chapter::read_all(&root)? {
        let text = match block::blocks(&chapter) {
            Ok(blocks) => tests(&blocks),
            Err(Problems(found)) => {
                problems.extend(found);
                continue;
            }
        };
        let name = chapter.name();
        fs::write(out.join(format!("{name}.md")), text)?;
        let path = format!("concat!(env!(\"OUT_DIR\"), \"/{name}.md\")");
        writeln!(modules, "#[doc = include_str!({path})]\nmod {name} {{}}\n")?;
    }
    Problems(problems).into_result()?;
    fs::write(out.join("chapters.rs"), modules)?;
    Ok(())
}

/// Returns a page with only the Rust blocks. If possible, they have the same line numbers as in the
/// chapter.
fn tests(blocks: &[block::Block]) -> String {
    let mut page = String::new();
    for block in blocks {
        let Kind::Rust { attributes } = &block.kind else { continue };
        let lines = page.matches('\n').count();
        page.push_str(&"\n".repeat(block.line.saturating_sub(lines + 1)));
        let words: Vec<&str> =
            std::iter::once("rust").chain(attributes.iter().map(String::as_str)).collect();
        page.push_str(&["```", &words.join(","), "\n", &block.text, "```\n"].concat());
    }
    page
}
