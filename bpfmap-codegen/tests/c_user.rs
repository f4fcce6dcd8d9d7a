//! Tests of the generated functions for applications in C and C++. They compile in both languages,
//! and accept only the types of their map. As root, the tests also call the functions on the kernel
//! of this machine.

#[path = "../../bpfmap-schema/tests/support/mod.rs"]
mod support;
#[path = "support/user_space.rs"]
mod user_space;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bpfmap_codegen::generate::{Emit, Options, generate, includes};
use bpfmap_schema::check::{Checked, check};
use bpfmap_schema::front::toml::read_file;
use support::{CLANGS, clang, compile_bpf};
use user_space::{COMPILERS, compile};

#[test]
fn functions_of_every_map_compile_in_c_and_cpp() {
    let folder = tempfile::tempdir().unwrap();
    let folders = ["tests/goldens", "tests/goldens/includes", "../schemas"];
    let mut errors = String::new();
    for schema in folders.iter().flat_map(|folder| schemas(&root().join(folder))) {
        let name = write(folder.path(), &schema);
        let source = folder.path().join("application");
        fs::write(&source, format!("#include \"{name}.user.h\"\n")).unwrap();
        for compiler in COMPILERS {
            errors.extend(compile(compiler, &source).err());
        }
    }
    assert!(errors.is_empty(), "{errors}");
}

#[test]
fn functions_accept_only_the_types_of_their_map() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &root().join("tests/c_user/maps.toml"));
    let source = folder.path().join("application");
    let declarations = "struct source key; struct visit value; __u64 number; __u8 bytes[4]; __u32 at;\n\
                        struct totals__percpu totals[2];";
    let compile_call = |compiler: &[&str], call: &str| {
        let text = format!(
            "#include \"maps.user.h\"\n{declarations}\nint call(void);\nint call(void)\n{{\n\treturn {call};\n}}\n"
        );
        fs::write(&source, text).unwrap();
        compile(compiler, &source)
    };
    for compiler in COMPILERS {
        for right in [
            "visits__lookup(0, &key, &value)",
            "slots__update(0, &at, (__u8(*)[3])bytes, 0)",
            "totals__lookup(0, &at, totals, 2)",
            "of_sockets__lookup(0, 1, &value)",
        ] {
            compile_call(compiler, right).unwrap_or_else(|error| panic!("{error}"));
        }
        for wrong in [
            "visits__lookup(0, &number, &value)",
            "visits__lookup(0, &key, &number)",
            "visits__update(0, &value, &key, 0)",
            "slots__lookup(0, &at, &bytes)",
            "totals__lookup(0, &at, &number, 2)",
            "of_sockets__lookup(0, &key, &value)",
            "rooms__update(0, &at, &value, 0)",
            // Operations that the map type or the flags of the map do not allow have no functions.
            "slots__delete(0, &at)",
            "constants__update(0, &at, &at, 0)",
            "events__lookup(0, &at, &value)",
            "jobs__lookup(0, &value)",
        ] {
            let said = compile_call(compiler, wrong);
            assert!(said.is_err(), "{} takes {wrong}", compiler.join(" "));
        }
    }
}

#[test]
fn the_header_for_applications_refuses_bpf_programs() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &root().join("tests/c_user/maps.toml"));
    let source = folder.path().join("probe.bpf.c");
    fs::write(&source, "#include \"maps.user.h\"\n").unwrap();
    let object = source.with_extension("o");
    let error = compile_bpf(&clang(CLANGS[1].1), &source, &object).unwrap_err();
    assert!(error.contains("maps.user.h is for applications: include maps.h"), "{error}");
}

/// `application.c` calls each function, on the maps of `probe.bpf.c`.
#[test]
fn functions_work_as_documented() {
    let folder = tempfile::tempdir().unwrap();
    let sources = root().join("tests/c_user");
    write(folder.path(), &sources.join("maps.toml"));
    let include = format!("-I{}", folder.path().display());
    let program = folder.path().join("probe.bpf.c");
    fs::copy(sources.join("probe.bpf.c"), &program).unwrap();
    let object = program.with_extension("o");
    compile_bpf(&clang(CLANGS[1].1), &program, &object).unwrap_or_else(|error| panic!("{error}"));
    let application = folder.path().join("application");
    for compiler in COMPILERS.iter().filter(|compiler| ["gcc", "g++"].contains(&compiler[0])) {
        let compiled = Command::new(compiler[0])
            .args(&compiler[1..])
            .args(["-Wall", "-Wextra", "-Werror", "-g", &include])
            .arg(sources.join("application.c"))
            .arg("-o")
            .arg(&application)
            .arg("-lbpf")
            .output()
            .unwrap();
        assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
        let output = Command::new(&application).arg(&object).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}, as root: {said}", compiler.join(" "));
    }
}

/// Writes the headers of a schema and of the schemas that it includes. Returns the name of the
/// schema.
fn write(folder: &Path, schema: &Path) -> String {
    let checked = |path: &Path| -> Checked {
        check(read_file(path)).unwrap_or_else(|rejected| panic!("{rejected}"))
    };
    let options = Options { emit: vec![Emit::C, Emit::CUser], legacy: false };
    let root = checked(schema);
    let mut files = generate(&root, &options);
    for include in includes(std::slice::from_ref(&root)) {
        files.extend(generate(&checked(&include), &options.clone().for_include()));
    }
    for file in files {
        fs::write(folder.join(file.name), file.contents).unwrap();
    }
    root.schema().name.value.clone()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn schemas(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_schema = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "toml");
    entries.filter(is_schema).collect()
}
