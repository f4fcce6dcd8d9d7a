//! Divides a schema into several schemas that include each other.
//!
//! The schemas `base` and `more` contain the types, and `more` includes `base`. The schemas `one`
//! and `two` contain the maps. The files that are generated from these four schemas must work in
//! one program, in any order.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use bpfmap_codegen::generate::{Emit, Options, generate};
use bpfmap_schema::check::check;
use bpfmap_schema::front::toml::read_file;
use bpfmap_schema::ir::{InnerMap, MapDecl, Schema};
use bpfmap_schema::print;

use crate::item::{Failure, Item, Stage};
use crate::tools::{self, CLANG, Way};

/// The names of the schemas. Each schema comes after the schemas that it includes. If a schema
/// would contain neither types nor maps, it is left out.
const NAMES: [&str; 4] = ["base", "more", "one", "two"];

/// The directory of the schemas and of the files that are generated from them.
pub(crate) const FOLDER: &str = "shared";

/// Returns the names of the schemas into which `item` is divided. Each schema comes after the
/// schemas that it includes.
pub(crate) fn parts(item: &Item) -> impl Iterator<Item = &'static str> {
    let folder = item.path(FOLDER);
    NAMES.into_iter().filter(move |name| folder.join(format!("{name}.toml")).exists())
}

/// Divides the schema into parts, and generates and compiles the C code of these parts. The Rust
/// code is compiled later, together with the Rust code of other schemas.
///
/// # Errors
///
/// Returns the failure of the stage that fails.
pub(crate) fn run(item: &Item, ways: &[&Way]) -> Result<(), Failure> {
    let folder = item.path(FOLDER);
    let fail = |error: std::io::Error| Failure::new(Stage::Shared, error.to_string());
    fs::create_dir_all(&folder).map_err(fail)?;
    let parts = divide(&item.written, seed(&item.id));
    for (name, text) in &parts {
        fs::write(folder.join(format!("{name}.toml")), text).map_err(fail)?;
    }
    for (name, _) in &parts {
        let draft = read_file(&folder.join(format!("{name}.toml")));
        let checked =
            check(draft).map_err(|rejected| Failure::new(Stage::Shared, rejected.to_string()))?;
        let emit = vec![Emit::C, Emit::Rust, Emit::Fixtures, Emit::Docs];
        for file in generate(&checked, &Options { emit, legacy: false }) {
            fs::write(folder.join(file.name), file.contents).map_err(fail)?;
        }
    }
    compile(item, &folder, ways).map_err(|text| Failure::new(Stage::SharedPrograms, text))
}

/// Compiles BPF programs and user-space code that include the headers, in two orders.
fn compile(item: &Item, folder: &Path, ways: &[&Way]) -> Result<(), String> {
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|error| error.to_string()).map(|()| path)
    };
    let mut headers: Vec<String> =
        parts(item).map(|name| format!("#include \"{name}.h\"\n")).collect();
    for order in 0..2 {
        headers.reverse();
        let headers = headers.concat();
        let program = write(&format!("{order}.bpf.c"), &headers)?;
        for way in ways {
            way.compile(&program, &folder.join("program.bpf.o"))?;
        }
        if item.checked.schema().types.iter().any(|def| def.in_c.kernel) {
            continue;
        }
        let user = write(&format!("{order}.c"), &headers)?;
        for compiler in [["gcc", "-std=c11", "c"], ["g++", "-std=c++17", "c++"]] {
            tools::compile_user_space(compiler, &user)?;
        }
    }
    // The fixture of a part uses the types of the other parts.
    for name in parts(item) {
        let program = folder.join(format!("{name}.fixture.bpf.c"));
        tools::compile_fixture(CLANG, &program, &folder.join(format!("{name}.fixture.bpf.o")))?;
    }
    Ok(())
}

/// Returns a number that depends only on the ID of the schema, so that the number is the same in
/// each run.
fn seed(id: &str) -> usize {
    id.bytes().fold(7, |seed: usize, byte| seed.wrapping_mul(31).wrapping_add(byte.into()))
}

/// Returns the names and the texts of the schemas that are not empty, in the order of [`NAMES`].
fn divide(schema: &Schema, seed: usize) -> Vec<(&'static str, String)> {
    let needs: BTreeMap<&str, BTreeSet<&str>> =
        schema.types.iter().map(|def| (def.name.value.as_str(), def.named_types())).collect();
    let closure = |from: BTreeSet<&str>| {
        let mut all = from;
        loop {
            let more = all.iter().filter_map(|name| needs.get(name)).flatten().copied();
            let next: BTreeSet<&str> = all.iter().copied().chain(more).collect();
            if next.len() == all.len() {
                return all.into_iter().map(str::to_owned).collect::<BTreeSet<String>>();
            }
            all = next;
        }
    };
    let every = |step: usize| {
        let names = schema.types.iter().map(|def| def.name.value.as_str());
        closure(
            names
                .enumerate()
                .filter(|(at, _)| (at + seed).is_multiple_of(step))
                .map(|(_, it)| it)
                .collect(),
        )
    };
    let base = every(4);
    let more: BTreeSet<String> = every(2).difference(&base).cloned().collect();
    let is_shared =
        |name: &str| base.contains(name) || more.contains(name) || !needs.contains_key(name);
    let in_two = |map: &MapDecl| {
        let types: BTreeSet<&str> = map.named_types();
        (seed / 4).is_multiple_of(2)
            && closure(types).iter().all(|name| is_shared(name))
            && !is_tied_to_others(schema, map)
    };
    let part = |name: &str, is_in: &dyn Fn(&str) -> bool, maps: Vec<MapDecl>| Schema {
        name: name.to_owned().into(),
        min_kernel: schema.min_kernel,
        types: schema.types.iter().filter(|def| is_in(&def.name.value)).cloned().collect(),
        maps,
        ..Schema::default()
    };
    let (two, one): (Vec<MapDecl>, Vec<MapDecl>) = schema.maps.iter().cloned().partition(in_two);
    let is_one = |name: &str| !base.contains(name) && !more.contains(name);
    let whole = [
        (part("base", &|name| base.contains(name), vec![]), vec![]),
        (part("more", &|name| more.contains(name), vec![]), vec!["base"]),
        (part("one", &is_one, one), vec!["more", "base"]),
        (part("two", &|_| false, two), vec!["base", "more"]),
    ];
    let mut texts: Vec<(&str, String)> = vec![];
    for (name, (schema, mut includes)) in NAMES.into_iter().zip(whole) {
        if schema.types.is_empty() && schema.maps.is_empty() {
            continue;
        }
        includes.retain(|include| texts.iter().any(|(name, _)| name == include));
        if includes == ["more", "base"] && seed.is_multiple_of(2) {
            // `more` also provides the types of `base`.
            includes.pop();
        }
        let includes: Vec<String> =
            includes.iter().map(|name| format!("\"{name}.toml\"")).collect();
        let text = print::toml::print(&schema);
        let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
        texts.push((name, format!("{first}\ninclude = [{}]\n{rest}", includes.join(", "))));
    }
    texts
}

/// Returns whether the map refers to another map of the schema, or whether another map refers to
/// this map.
fn is_tied_to_others(schema: &Schema, map: &MapDecl) -> bool {
    let names = |one: &MapDecl, other: &str| {
        let inner = one.inner.as_ref().map(|inner| &inner.value);
        matches!(inner, Some(InnerMap::Named(name)) if name == other)
            || one.values.iter().any(|(_, name)| name.value == other)
    };
    let others = schema.maps.iter().filter(|other| other.name.value != map.name.value);
    others.into_iter().any(|other| {
        names(map, &other.name.value)
            || names(other, &map.name.value)
            // Maps with the same program are tied, because only one fixture can define the program.
            || map.values.iter().any(|(_, name)| names(other, &name.value))
    })
}
