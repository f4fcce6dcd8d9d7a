//! Tests that the C of the book compiles without warnings, with the headers of the schemas in
//! `docs/schemas/`.

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use bpfmap_book_source::Kind;
use bpfmap_codegen::clang::Clang;
use support::{assert_none, chapters, files, run, write_generated};

/// The kernel determines the parameters of a program, so unused parameters are allowed.
const WARNINGS: &[&str] = &["-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror"];

#[test]
fn programs_compile() {
    let (headers, clang) = (headers(), Clang::find().unwrap());
    let mut mistakes = vec![];
    let object = headers.path().join("program.bpf.o");
    let options: Vec<_> = WARNINGS.iter().map(Into::into).collect();
    let mut compile = |place: &str, source: &Path| {
        let compiled = clang.compile(source, &object, headers.path(), &options);
        mistakes.extend(compiled.err().map(|error| format!("{place}: {error}")));
    };
    for program in files("programs", ".bpf.c") {
        compile(&program.file_name().unwrap().display().to_string(), &program);
    }
    for (chapter, blocks) in chapters() {
        for block in blocks.iter().filter(|block| block.kind == Kind::Program) {
            let source = headers.path().join("block.bpf.c");
            fs::write(&source, &block.text).unwrap();
            compile(&format!("{}:{}", chapter.file, block.line), &source);
        }
    }
    assert_none(&mistakes);
}

#[test]
fn applications_compile() {
    let headers = headers();
    let mut mistakes = vec![];
    for (chapter, blocks) in chapters() {
        for block in blocks.iter().filter(|block| block.kind == Kind::Application) {
            let source = headers.path().join("application.c");
            fs::write(&source, &block.text).unwrap();
            let mut gcc = Command::new("gcc");
            gcc.args(WARNINGS).arg("-I").arg(headers.path()).arg("-fsyntax-only").arg(&source);
            let compiled = run(&mut gcc);
            let place = format!("{}:{}", chapter.file, block.line);
            mistakes.extend(compiled.err().map(|error| format!("{place}: {error}")));
        }
    }
    assert_none(&mistakes);
}

/// Returns a directory with the headers of all schemas in `docs/schemas/`.
fn headers() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for schema in files("schemas", ".toml") {
        write_generated(&schema, folder.path()).unwrap_or_else(|error| panic!("{error}"));
    }
    folder
}
