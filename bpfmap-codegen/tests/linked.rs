//! Tests of objects that are linked from several programs. One file defines the maps of a header,
//! and the other files declare them.

#[path = "../../bpfmap-schema/tests/support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bpfmap_codegen::backend::c;
use bpfmap_schema::check::{Checked, check};
use bpfmap_schema::front::btf::read_object;
use bpfmap_schema::front::toml::{read_file, read_str};
use bpfmap_schema::ir::{InnerMap, MapDecl};
use bpfmap_schema::print;
use support::{CLANGS, clang, compile_bpf};

/// libbpf refuses the values of `pinning` that other loaders use.
const INCLUDES: &str = "#include <linux/bpf.h>\n#include <linux/types.h>\n#include <bpf/bpf_helpers.h>\n\
                        #define BPFMAP_FIXTURE\n";

/// For each schema of this repository, the linker recognizes that both files use the same maps, and
/// the linked object contains each map once.
#[test]
fn maps_of_two_files_are_one() {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for schema in ["tests/goldens", "../schemas"].iter().flat_map(|of| schemas(&root.join(of))) {
        let checked = check(read_file(&schema)).unwrap();
        let maps = &checked.schema().maps;
        let names: Vec<&str> = maps.iter().map(|map| map.name.value.as_str()).collect();
        // These maps are left out: the program itself defines a `struct_ops` map, and bpftool's
        // libbpf can be too old for a `map_extra` of 64 bits.
        let is_wide = |map: &MapDecl| {
            map.map_extra.as_ref().is_some_and(|extra| u32::try_from(extra.value).is_err())
        };
        if names.is_empty() || maps.iter().any(|map| map.ops.is_some() || is_wide(map)) {
            continue;
        }
        let header = write_header(folder.path(), &checked);
        let used = format!("void *used[] = {{ &{} }};\n", names.join(", &"));
        let files = [
            ("define", format!("#include \"{header}\"\n{}", programs(&checked))),
            ("declare", format!("#define BPFMAP_EXTERN\n#include \"{header}\"\n{used}")),
        ];
        let compiler = clang(CLANGS[1].1);
        let [define, declare] =
            files.map(|(name, text)| program(folder.path(), &compiler, name, &text));
        let alone = imported(&define);
        assert!(!imported(&declare).contains("[maps."), "{}", schema.display());
        // The file that defines the maps comes first: see `docs/build-systems.md`.
        let linked = link(folder.path(), [&define, &declare]);
        let linked = linked.unwrap_or_else(|error| panic!("{}: {error}", schema.display()));
        assert_eq!(imported(&linked), alone, "{}", schema.display());
        count += 1;
    }
    assert!(count > 40, "{count}");
}

/// The linker reports a declaration that differs from the definition.
#[test]
fn a_header_that_was_generated_before_the_schema_changed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let clang = clang(CLANGS[1].1);
    let schema = |entries: u32| {
        let text = format!(
            "[maps.counters]\ntype = \"array\"\nvalue = \"u64\"\nmax_entries = {entries}\n"
        );
        let checked = check(read_str(Path::new("counters.toml"), &text)).unwrap();
        write_header(folder.path(), &checked)
    };
    let define = program(folder.path(), &clang, "define", &format!("#include \"{}\"\n", schema(1)));
    let text =
        format!("#define BPFMAP_EXTERN\n#include \"{}\"\nvoid *used = &counters;\n", schema(2));
    let declare = program(folder.path(), &clang, "declare", &text);
    let error = link(folder.path(), [&define, &declare]).unwrap_err();
    assert!(error.contains("counters"), "{error}");
}

#[test]
fn legacy_maps_cannot_be_declared_in_another_file() {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let header = c::emit_legacy(&check(read_file(&root.join("tests/goldens/maps.toml"))).unwrap());
    fs::write(folder.path().join(&header.name), header.contents).unwrap();
    let source = folder.path().join("declare.bpf.c");
    let text = format!("{INCLUDES}#define BPFMAP_EXTERN\n#include \"{}\"\n", header.name);
    fs::write(&source, text).unwrap();
    let object = source.with_extension("o");
    let error = compile_bpf(&clang(CLANGS[1].1), &source, &object).unwrap_err();
    assert!(error.contains("generate the header without --legacy"), "{error}");
}

/// Returns the maps and types of an object as a schema, in the order of their names.
fn imported(object: &Path) -> String {
    let mut schema = read_object(object, &fs::read(object).unwrap(), None).schema;
    let inner: Vec<Option<MapDecl>> =
        schema.maps.iter().map(|map| schema.inner_of(map).cloned()).collect();
    // The linker merges equal structs, so that an inner map without a name can be merged with a
    // named map.
    for (map, inner) in schema.maps.iter_mut().zip(inner) {
        if let (Some(inner), Some(place)) = (inner, &mut map.inner) {
            let name = String::new().into();
            place.value = InnerMap::Template(Box::new(MapDecl { name, ..inner }));
        }
    }
    schema.name = "object".to_owned().into();
    schema.maps.sort_by(|one, other| one.name.value.cmp(&other.name.value));
    schema.types.sort_by(|one, other| one.name.value.cmp(&other.name.value));
    print::toml::print(&schema)
}

/// Compiles a program, and returns the path of the object.
fn program(folder: &Path, clang: &str, name: &str, text: &str) -> PathBuf {
    let source = folder.join(name).with_extension("bpf.c");
    fs::write(&source, format!("{INCLUDES}{text}")).unwrap();
    let object = source.with_extension("o");
    compile_bpf(clang, &source, &object).unwrap_or_else(|error| panic!("{error}"));
    object
}

/// Links objects, as a build does.
fn link(folder: &Path, objects: [&PathBuf; 2]) -> Result<PathBuf, String> {
    let linked = folder.join("linked.o");
    let output = Command::new("bpftool")
        .args(["gen", "object"])
        .arg(&linked)
        .args(objects)
        .output()
        .expect("bpftool is not installed: `apt-get install bpftool`");
    if output.status.success() {
        Ok(linked)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// Returns the programs in the initial contents of maps. The file that defines the maps also
/// defines these programs.
fn programs(checked: &Checked) -> String {
    let maps = &checked.schema().maps;
    let values = maps.iter().flat_map(|map| &map.values).map(|(_, name)| name.value.as_str());
    let is_program = |name: &&str| !maps.iter().any(|map| map.name.value == *name);
    let names: BTreeSet<&str> = values.filter(is_program).collect();
    let define = |name| format!("SEC(\"tc\") int {name}(void *ctx) {{ return ctx != 0; }}\n");
    names.into_iter().map(define).collect()
}

fn write_header(folder: &Path, checked: &Checked) -> String {
    let header = c::emit(checked);
    fs::write(folder.join(&header.name), header.contents).unwrap();
    header.name
}

fn schemas(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_schema = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "toml");
    entries.filter(is_schema).collect()
}
