//! Collects pairs of schemas that differ in one way.

use std::fs;
use std::path::{Path, PathBuf};

use bpfmap_codegen::evolve::rules::ALL;

/// An older and a newer schema, in TOML.
pub(crate) struct Pair {
    /// The name of the rule, or `RULE__CASE` for a further case of the rule.
    pub(crate) name: String,
    pub(crate) schemas: [String; 2],
}

/// Returns the pair on the page of each rule, and the pairs in `tests/evolve`.
pub(crate) fn pairs() -> Vec<Pair> {
    let on_pages = ALL
        .iter()
        .map(|rule| Pair { name: rule.id.to_owned(), schemas: rule.schemas().map(str::to_owned) });
    let cases = fs::read_dir(folder()).expect("the folder is readable").filter_map(|entry| {
        let entry = entry.expect("the folder is readable");
        let name = entry.file_name().into_string().expect("names are text");
        name.contains("__").then_some(())?;
        let schemas = ["old.toml", "new.toml"].map(|schema| {
            let path = entry.path().join(schema);
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        });
        Some(Pair { name, schemas })
    });
    let mut pairs: Vec<Pair> = on_pages.chain(cases).collect();
    pairs.sort_by(|one, other| one.name.cmp(&other.name));
    pairs
}

/// Returns the folder of the cases and of the snapshots.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../bpfmap-codegen/tests/evolve")
}
