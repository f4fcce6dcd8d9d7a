//! Tests the schemas of the book. The schemas in `docs/schemas/` and in chapters have no
//! diagnostics, and the code that is generated from them compiles. A schema that shows a mistake
//! breaks the rule in its info string, and no other rule.

#[path = "../../bpfmap-codegen/tests/support/package.rs"]
mod package;
mod support;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use bpfmap_book_source::{Block, Kind, chapter};
use bpfmap_codegen::clang::Clang;
use bpfmap_schema::check::check;
use bpfmap_schema::front::toml::read_file;
use support::{assert_at_least, assert_none, chapters, files, write_generated};

/// Files in TOML that are not schemas.
const OTHER_TOML: &[&str] = &["Cargo.toml", "bpfmap.toml", "bpfmap-vmtest.toml"];

#[test]
fn schemas_have_no_diagnostics_and_their_code_compiles() {
    let folder = tempfile::tempdir().unwrap();
    let clang = Clang::find().unwrap();
    let mut mistakes = vec![];
    let mut library = format!("//! The schemas of the book.\n\n{}", package::LINTS);
    let mut count = 0;
    let mut compile = |place: &str, schema: &Path| {
        // Schemas of different chapters may have the same name.
        count += 1;
        let generated = folder.path().join(format!("generated{count}"));
        fs::create_dir(&generated).unwrap();
        let module = match write_generated(schema, &generated) {
            Ok(module) => module,
            Err(message) => return mistakes.push(format!("{place}: {message}")),
        };
        mistakes
            .extend(compile_c(&clang, &module).err().map(|message| format!("{place}: {message}")));
        let modules = fs::read_dir(&generated).unwrap().map(|entry| entry.unwrap().path());
        writeln!(library, "/// {place}\npub mod schema{count} {{").unwrap();
        for module in modules.filter(|path| path.extension().is_some_and(|it| it == "rs")) {
            writeln!(library, "    include!({module:?});").unwrap();
        }
        library.push_str("}\n");
    };
    for schema in files("schemas", ".toml") {
        compile(&format!("docs/schemas/{}", schema.file_name().unwrap().display()), &schema);
    }
    for (chapter, blocks) in chapters() {
        let place = tempfile::tempdir().unwrap();
        for block in &blocks {
            if let Some(path) = written(block, place.path()) {
                compile(&format!("{}:{}", chapter.file, block.line), &path);
            }
        }
    }
    assert_none(&mistakes);
    assert_at_least(4, count, "schemas");
    let package = package::make("book", "");
    fs::write(package.join("src/lib.rs"), library).unwrap();
    package::cargo(&package, &["check"], &[]);
}

/// Writes a block to a file if it is a file or a schema without mistakes. Returns the path if the
/// block is a schema.
fn written(block: &Block, folder: &Path) -> Option<PathBuf> {
    let name = match &block.kind {
        Kind::Schema => format!("block{}.toml", block.line),
        Kind::File { name, .. } => name.clone(),
        _ => return None,
    };
    let path = folder.join(&name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, &block.text).unwrap();
    let is_other = OTHER_TOML.iter().any(|other| path.ends_with(other)) || name.starts_with('.');
    (chapter::has_extension(&name, "toml") && !is_other).then_some(path)
}

fn compile_c(clang: &Clang, module: &Path) -> Result<(), String> {
    let (name, folder) = (module.file_stem().unwrap().to_str().unwrap(), module.parent().unwrap());
    let source = folder.join("program.bpf.c");
    let includes = "#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n";
    fs::write(&source, format!("{includes}#include \"{name}.h\"\n")).unwrap();
    let options = ["-Wall", "-Wextra", "-Werror"].map(Into::into);
    let compiled = clang.compile(&source, &folder.join("program.bpf.o"), folder, &options);
    compiled.map(drop).map_err(|error| error.to_string())
}

#[test]
fn schemas_with_a_mistake_break_the_rule_that_they_name() {
    let folder = tempfile::tempdir().unwrap();
    let mut mistakes = vec![];
    for (chapter, blocks) in chapters() {
        for block in &blocks {
            written(block, folder.path());
            let Kind::BrokenSchema { rule } = &block.kind else { continue };
            let path = folder.path().join("broken.toml");
            fs::write(&path, &block.text).unwrap();
            let findings = match check(read_file(&path)) {
                Ok(checked) => checked.warnings().to_vec(),
                Err(rejected) => rejected.findings,
            };
            let mut broken: Vec<&str> = findings.iter().map(|finding| finding.rule.id).collect();
            broken.dedup();
            if broken != [rule] {
                let place = format!("{}:{}", chapter.file, block.line);
                mistakes.push(format!("{place}: expected `{rule}`, found {broken:?}"));
            }
        }
    }
    assert_none(&mistakes);
}

#[test]
fn project_files_are_toml() {
    let mut mistakes = vec![];
    for (chapter, blocks) in chapters() {
        for block in &blocks {
            let Kind::File { name, .. } = &block.kind else { continue };
            let is_toml = chapter::has_extension(name, "toml");
            let parsed = is_toml.then(|| toml::de::DeTable::parse(&block.text));
            if let Some(Err(error)) = parsed {
                mistakes.push(format!("{}:{}: {error}", chapter.file, block.line));
            }
        }
    }
    assert_none(&mistakes);
}
