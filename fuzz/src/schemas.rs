//! Schemas and objects: an input is read, checked, and all is made of it that can be made. Whatever it is,
//! nothing panics, nothing takes long, and reading takes 64 MiB at most.

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

/// A schema in TOML.
pub fn toml(data: &[u8]) {
    if let Ok(text) = str::from_utf8(data) {
        schema(|| front_toml::read_str(Path::new("fuzz.toml"), text));
    }
}

/// A schema in Rust.
pub fn rust(data: &[u8]) {
    if let Ok(text) = str::from_utf8(data) {
        schema(|| front_rust::read_str(Path::new("fuzz.rs"), text));
    }
}

/// What describes types: by itself, or as a section of an object, as the first inputs are.
pub fn btf(data: &[u8]) {
    let object = object::File::parse(data).ok();
    let section = object.as_ref().and_then(|object| object.section_by_name(".BTF")?.data().ok());
    let data = section.unwrap_or(data);
    let Ok(btf) = bounded(|| Btf::parse(data)) else { return };
    for (id, ty) in btf.iter() {
        assert_eq!(btf.get(id).map(|ty| format!("{ty:?}")), Some(format!("{ty:?}")));
        // Whatever refers to itself is refused, not followed.
        let _ = (btf.size(id), btf.resolve(id), btf.unqualified(id));
    }
}

/// An object file whose maps are imported. What comes of it is a schema that keeps every rule.
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

/// Each map of an object is in the schema, or a finding says that it is left out.
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

/// Does `work`, and panics where it takes more memory than an input may.
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

/// A good schema becomes every file there is; and written down in the other language it is the same.
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
