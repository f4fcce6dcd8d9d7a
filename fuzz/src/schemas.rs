//! Reads an input as a schema, as BTF or as an object file, checks it, and generates all files from
//! it. No input may cause a panic or take a long time, and reading an input may use at most 64 MiB.

#[path = "../../bpfmap-schema/tests/support/memory.rs"]
mod memory;

use std::path::Path;
use std::str;

use bpfmap_btf::Btf;
use bpfmap_schema::check::{Checked, check};
use bpfmap_schema::diagnostics::{Rejected, Style, render, to_json_line};
use bpfmap_schema::front::btf::{Imported, definitions, read_object};
use bpfmap_schema::front::{rust as front_rust, toml as front_toml};
use bpfmap_schema::draft::Draft;
use bpfmap_codegen::generate::{Emit, Options, generate};
use bpfmap_schema::print;
use object::{Object as _, ObjectSection as _};

/// Reads the input as a schema in TOML.
pub fn toml(data: &[u8]) {
    if let Ok(text) = str::from_utf8(data) {
        schema(|| front_toml::read_str(Path::new("fuzz.toml"), text));
    }
}

/// Reads the input as a schema in Rust.
pub fn rust(data: &[u8]) {
    if let Ok(text) = str::from_utf8(data) {
        schema(|| front_rust::read_str(Path::new("fuzz.rs"), text));
    }
}

/// Reads the input as BTF. If the input is an object file, as in the initial corpus, reads the
/// section `.BTF`.
pub fn btf(data: &[u8]) {
    let object = object::File::parse(data).ok();
    let section = object.as_ref().and_then(|object| object.section_by_name(".BTF")?.data().ok());
    let data = section.unwrap_or(data);
    let Ok(btf) = bounded(|| Btf::parse(data)) else { return };
    for (id, ty) in btf.iter() {
        assert_eq!(btf.get(id).map(|ty| format!("{ty:?}")), Some(format!("{ty:?}")));
        // For a type that refers to itself, these methods return an error instead of looping.
        let _ = (btf.size(id), btf.resolve(id), btf.unqualified(id));
    }
}

/// Imports the maps of an object file. The imported schema must not break any rule.
pub fn object(data: &[u8]) {
    let imported = bounded(|| read_object(Path::new("fuzz.bpf.o"), data, None));
    let text = render(&imported.findings, &imported.schema.sources, Style::Plain);
    assert_eq!(text.is_empty(), imported.findings.is_empty());
    no_map_is_lost(data, &imported);
    if imported.schema.maps.is_empty() {
        return;
    }
    let text = print::toml::print(&imported.schema);
    let checked = check(front_toml::read_str(Path::new("fuzz.toml"), &text));
    accepted(&checked.unwrap_or_else(|rejected| panic!("{rejected}\n{text}")));
}

/// Checks that each map of an object is in the imported schema, or that a finding reports that the
/// import left out the map.
fn no_map_is_lost(data: &[u8], imported: &Imported) {
    let Ok(defined) = definitions(data) else {
        assert!(imported.is_partial());
        return;
    };
    let names = defined.maps.iter().map(|map| &map.name);
    for name in names.chain(defined.unread.iter().map(|(name, _)| name)) {
        let is_kept = imported.schema.maps.iter().any(|map| map.name.value == *name);
        let is_told = imported.left_out.iter().any(|one| {
            let told = |rule: &str| imported.findings.iter().any(|it| it.rule.id == rule);
            one.map == *name && told(one.rule.id)
        });
        assert!(is_kept || is_told, "`{name}` is neither in the schema nor left out");
    }
}

/// Runs `work`, and panics if it uses more memory than an input may use.
fn bounded<T>(work: impl FnOnce() -> T) -> T {
    let (made, most) = memory::most_used(work);
    assert!(most <= memory::LIMIT, "{} KiB were in use at once", most >> 10);
    made
}

fn schema(read: impl FnOnce() -> Draft) {
    match bounded(|| check(read())) {
        Ok(checked) => accepted(&checked),
        Err(rejected) => refused(&rejected),
    }
}

/// Generates all files from a valid schema. Also checks that printing the schema as TOML and
/// reading the text again results in the same schema.
fn accepted(checked: &Checked) {
    let emit: Vec<Emit> = Emit::ALL.iter().map(|(_, kind)| *kind).collect();
    for legacy in [false, true] {
        for file in generate(checked, &Options { emit: emit.clone(), legacy }) {
            assert!(!file.contents.is_empty(), "{} is empty", file.name);
        }
    }
    let text = print::toml::print(checked.schema());
    let again = check(front_toml::read_str(Path::new("fuzz.toml"), &text));
    let again = again.unwrap_or_else(|rejected| panic!("{rejected}\n{text}"));
    assert_eq!(print::toml::print(again.schema()), text);
}

fn refused(rejected: &Rejected) {
    assert!(!rejected.findings.is_empty());
    for finding in &rejected.findings {
        let json = to_json_line(finding, &rejected.sources);
        assert!(!json.contains('\n') && json.starts_with('{') && json.ends_with('}'));
    }
    assert!(!render(&rejected.findings, &rejected.sources, Style::Plain).is_empty());
}
