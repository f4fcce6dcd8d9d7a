//! Tests of the header of a schema in an application. The header declares only types, in C and in
//! C++.

#[path = "../../bpfmap-schema/tests/support/mod.rs"]
mod support;
#[path = "support/user_space.rs"]
mod user_space;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bpfmap_codegen::backend::c;
use bpfmap_schema::check::check;
use bpfmap_schema::front::toml::{read_file, read_str};
use support::{CLANGS, clang, compile_bpf};
use user_space::{COMPILERS, compile};

/// The headers of all schemas of this repository.
#[test]
fn headers_compile_in_c_and_cpp() {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut count, mut errors) = (0, String::new());
    for schema in ["tests/goldens", "tests/goldens/includes", "../schemas"]
        .iter()
        .flat_map(|of| schemas(&root.join(of)))
    {
        for include in [schema.clone()].into_iter().chain(included(&schema)) {
            write_header(folder.path(), &include);
        }
        let name = schema.file_stem().unwrap().to_str().unwrap();
        let source = folder.path().join("application");
        fs::write(&source, format!("#include \"{name}.h\"\n#include \"{name}.h\"\n")).unwrap();
        for compiler in COMPILERS {
            errors.extend(compile(compiler, &source).err());
        }
        count += 1;
    }
    assert!(errors.is_empty(), "{errors}");
    assert!(count > 50, "{count}");
}

const SCHEMA: &str = r#"
[types.port]
kind = "alias"
type = "be16"

[types.class]
kind = "struct"
members = [
  { name = "new", type = "u32" },
  { name = "port", type = "port" },
  { name = "ports", type = "[port; 3]" },
  { name = "this", kind = "struct", members = [{ name = "private", type = "bool" }] },
]

[types.verdict]
kind = "enum"
repr = "i64"
prefix = ""
variants = { pass = 0, delete = -1 }

[maps.classes]
type = "hash"
key = "port"
value = "class"
max_entries = 1
"#;

/// In C++, names that are keywords of C++ end with an underscore.
#[test]
fn applications_use_the_types() {
    let folder = tempfile::tempdir().unwrap();
    let schema = folder.path().join("net.toml");
    fs::write(&schema, SCHEMA).unwrap();
    write_header(folder.path(), &schema);
    let c = "#include \"net.h\"\n\
             int main(void)\n{\n\
             \tstruct class it = { .new = 1, .this = { .private = 1 } };\n\
             \tport other = it.port;\n\
             \tenum verdict verdict = delete;\n\
             \treturn other || verdict == pass || sizeof(verdict) != 8;\n}\n";
    let cpp = "#include \"net.h\"\n#include <stdbool.h>\n\
               int main()\n{\n\
               \tclass_ it = {};\n\tit.new_ = 1;\n\tit.this_.private_ = true;\n\
               \tport other = it.port;\n\
               \tverdict found = delete_;\n\
               \treturn other || found == pass || sizeof(found) != 8;\n}\n";
    for compiler in COMPILERS {
        let text = if compiler.contains(&"c") { c } else { cpp };
        let source = folder.path().join("application");
        fs::write(&source, text).unwrap();
        compile(compiler, &source).unwrap_or_else(|error| panic!("{error}"));
    }
}

/// An application gets no maps from the header, and neither does a program that requests only
/// types.
#[test]
fn maps_are_for_programs() {
    let folder = tempfile::tempdir().unwrap();
    let schema = folder.path().join("net.toml");
    fs::write(&schema, SCHEMA).unwrap();
    write_header(folder.path(), &schema);
    let preprocessed = |command: &[&str]| {
        let output = Command::new(command[0])
            .args(&command[1..])
            .args(["-E", "-P", "-x", "c", "net.h"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let clang = clang(CLANGS[1].1);
    let text = preprocessed(&["gcc"]);
    assert!(text.contains("struct class {") && !text.contains("classes"), "{text}");
    let text = preprocessed(&[&clang, "-target", "bpf", "-DBPFMAP_TYPES"]);
    assert!(text.contains("struct class {") && !text.contains("classes"), "{text}");

    // A program can include only the types first, and the maps later.
    let source = folder.path().join("probe.bpf.c");
    let program = "#include <linux/bpf.h>\n#include <linux/types.h>\n\
                   #define BPFMAP_TYPES\n#include \"net.h\"\n#undef BPFMAP_TYPES\n\
                   struct wider { struct class it; };\n\
                   #include <bpf/bpf_helpers.h>\n#include \"net.h\"\n\
                   void *used = &classes;\n";
    fs::write(&source, program).unwrap();
    for (_, commands) in CLANGS {
        compile_bpf(&support::clang(commands), &source, &folder.path().join("probe.o")).unwrap();
    }
}

/// In an application, the header of a schema without types declares nothing.
#[test]
fn the_header_of_a_schema_without_types_is_empty_in_applications() {
    let text = "[maps.m]\ntype = \"array\"\nvalue = \"u64\"\nmax_entries = 1\n";
    let checked = check(read_str(Path::new("alone.toml"), text)).unwrap();
    let header = c::emit(&checked).contents;
    let (before, _) = header.split_once("#if defined(__bpf__)").unwrap();
    assert!(!before.contains('#'), "{before}");
}

fn write_header(folder: &Path, schema: &Path) {
    let checked = check(read_file(schema)).unwrap_or_else(|rejected| panic!("{rejected}"));
    let header = c::emit(&checked);
    fs::write(folder.join(header.name), header.contents).unwrap();
}

fn included(schema: &Path) -> Vec<PathBuf> {
    bpfmap_codegen::generate::includes(&[check(read_file(schema)).unwrap()])
}

fn schemas(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_schema = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "toml");
    entries.filter(is_schema).collect()
}
