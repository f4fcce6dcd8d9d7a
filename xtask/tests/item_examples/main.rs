//! Every public item of `bpfmap` is in an example.
//!
//! The items are those of `api/bpfmap.txt`, except for items of trait impls. The examples are the code blocks that are
//! compiled: in the documentation of `bpfmap`, `bpfmap-core` and `bpfmap-derive`, in the README, and in `docs/`. Blocks
//! that rustdoc ignores, and those that must not compile, are no examples. An example shows an item like this:
//!
//! - A module, a macro, an alias, a trait, a constant or a function of a module: the example has its path, or imports it.
//!   `#[derive(…)]` shows a derive, and not the trait of the same name. An item of another crate that `bpfmap` exports
//!   again may have its path there.
//! - A type: the same. It is also enough that the example calls a method that returns the type, if the documentation of
//!   the type names this method (``see [`Map::iter`]``). This is meant for iterators and guards, whose names are rarely
//!   written.
//! - A method, or a function or constant of a type: the example has the path, or calls the method with `.name(…)`. A call
//!   counts only if the example also has the type, or calls a function that returns it. The test does not infer types: in
//!   such an example, the call of another type's method with the same name counts too.
//! - An item of a trait: the example has the trait, and the item behind `::` or `.`, or defines or binds it.
//! - A variant: the example has its path. A field: the example has its type as above, and accesses, matches or
//!   initialises a field of this name.

mod api;
mod code;
mod pages;

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use api::{Item, Kind};
use code::Names;
use pages::Doc;

/// Items without an example, and the reason.
const WITHOUT: &[(&str, &str)] = &[(
    "bpfmap::include_maps",
    "it includes what a build script generates: the packages in `examples/` call it",
)];

#[test]
fn every_public_item_is_in_an_example() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let items = api::items(&fs::read_to_string(root.join("api/bpfmap.txt")).unwrap());
    assert!(items.len() > 400, "only {} items", items.len());

    let mut blocks = vec![];
    let mut docs = vec![];
    let sources = ["bpfmap/src", "bpfmap-core/src", "bpfmap-derive/src"];
    for source in sources.iter().flat_map(|folder| pages::files(&root.join(folder), "rs")) {
        // The examples of the markers are in the documentation of these, and a README that the crate documents is a page.
        blocks.extend(pages::rustdoc_blocks(&source));
        docs.extend(pages::docs(&source));
    }
    let mut markdown = pages::files(&root.join("docs"), "md");
    markdown.push(root.join("README.md"));
    blocks.extend(markdown.iter().flat_map(|page| pages::markdown_blocks(page)));
    assert!(blocks.len() > 60, "only {} blocks", blocks.len());

    let mut shown = HashSet::new();
    for block in blocks {
        let names = code::names(&block.code)
            .unwrap_or_else(|error| panic!("{} is not Rust: {error}\n{}", block.place, block.code));
        shown.extend(shown_by(&names, &items, &docs));
    }
    let is_shown = |item: &Item| shown.contains(&item.path_of_kind());
    for (path, _) in WITHOUT {
        let item = items.iter().find(|item| item.path == *path);
        let item = item.unwrap_or_else(|| panic!("`{path}` is in WITHOUT, but not in the API"));
        assert!(!is_shown(item), "`{path}` is in WITHOUT, but has an example");
    }
    let is_listed = |item: &Item| WITHOUT.iter().any(|(path, _)| item.path == *path);
    let missing = items.iter().filter(|item| !is_shown(item) && !is_listed(item));
    let missing: Vec<String> =
        missing.map(|item| format!("{:?} {}", item.kind, item.path)).collect();
    assert!(
        missing.is_empty(),
        "{} of {} public items are in no example:\n{}",
        missing.len(),
        items.len(),
        missing.join("\n")
    );
}

impl Item {
    /// Returns what distinguishes the item from all others. A derive and a trait can have the same path.
    fn path_of_kind(&self) -> (bool, String) {
        (self.kind == Kind::Derive, self.path.clone())
    }
}

/// Returns the items that an example shows.
fn shown_by(names: &Names, items: &[Item], docs: &[Doc]) -> Vec<(bool, String)> {
    // The types that the example has, by name or as the result of a function.
    let mut has: HashSet<&str> = items
        .iter()
        .filter(|item| matches!(item.kind, Kind::Type | Kind::Trait | Kind::Variant))
        .filter(|item| names.paths.contains(&item.path))
        .map(|item| item.path.as_str())
        .collect();
    let mut shown: HashSet<&str> = has.clone();
    loop {
        let before = has.len();
        for item in items.iter().filter(|item| !item.returns.is_empty()) {
            if !is_named(item, names, &has) {
                continue;
            }
            for path in &item.returns {
                has.insert(path);
                let method = format!("{}::{}", last(item.parent()), item.name());
                if docs.iter().any(|doc| doc.item == last(path) && has_path(&doc.text, &method)) {
                    shown.insert(path);
                }
            }
        }
        if has.len() == before {
            break;
        }
    }
    let is_shown = |item: &&Item| match item.kind {
        Kind::Type | Kind::Trait => shown.contains(item.path.as_str()),
        _ => is_named(item, names, &has),
    };
    items.iter().filter(is_shown).map(Item::path_of_kind).collect()
}

/// Returns whether an example names an item, if the example has the types and traits `has`.
fn is_named(item: &Item, names: &Names, has: &HashSet<&str>) -> bool {
    let name = item.name();
    let is_path = names.paths.contains(&item.path);
    match item.kind {
        Kind::Free | Kind::Type | Kind::Trait | Kind::Variant => is_path,
        // The same item has a path in its own crate, and may have several in this one.
        Kind::ReExport => {
            let is_item = |path: &&String| path.starts_with("bpfmap") && last(path) == name;
            names.paths.iter().any(|path| is_item(&path)) || names.derives.contains(&item.path)
        }
        Kind::Derive => names.derives.contains(&item.path),
        Kind::OfType => is_path || (names.methods.contains(name) && has.contains(item.parent())),
        Kind::OfTrait => {
            let sets = [&names.tails, &names.methods, &names.defined];
            let is_behind = names.paths.iter().any(|path| last(path) == name);
            let is_used = is_behind || sets.iter().any(|set| set.contains(name));
            is_path || (is_used && has.contains(item.parent()))
        }
        Kind::Field => names.fields.contains(name) && has.contains(item.parent()),
    }
}

/// Returns the last segment of a path.
fn last(path: &str) -> &str {
    path.rsplit("::").next().unwrap()
}

/// Returns whether a text contains a path that does not continue with another character of a name.
fn has_path(text: &str, path: &str) -> bool {
    text.match_indices(path).any(|(start, _)| {
        !text[start + path.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
    })
}

#[test]
fn an_example_shows_what_it_names() {
    let items = api::items(
        "pub mod bpfmap\npub struct bpfmap::Map<S>\nimpl<S> bpfmap::Map<S>\n\
         pub fn bpfmap::Map<S>::iter(&self) -> bpfmap::Iter<'_, S>\npub fn bpfmap::Map<S>::len(&self) -> u32\n\
         pub struct bpfmap::Iter<'a, S>\nimpl bpfmap::Iter<'_, S>\npub fn bpfmap::Iter<'_, S>::left(&self) -> u32\n\
         pub use bpfmap::Spec\npub trait bpfmap::Spec\npub const bpfmap::Spec::DEF: u32\n",
    );
    let docs =
        [Doc { item: "Iter".to_owned(), text: "An iterator: see [`Map::iter`].".to_owned() }];
    let shown = |code: &str, docs: &[Doc]| {
        let shown = shown_by(&code::names(code).unwrap(), &items, docs);
        let mut shown: Vec<String> = shown
            .iter()
            .filter(|(_, path)| path != "bpfmap")
            .map(|(derive, path)| format!("{}{path}", if *derive { "derive " } else { "" }))
            .collect();
        shown.sort();
        shown
    };
    // A call without the type is the call of something else.
    assert_eq!(shown("let x = vec.len();", &docs), [] as [&str; 0]);
    let walks = "fn f(map: &bpfmap::Map<S>) { map.iter().left(); }";
    let expected = ["bpfmap::Iter", "bpfmap::Iter::left", "bpfmap::Map", "bpfmap::Map::iter"];
    assert_eq!(shown(walks, &docs), expected);
    assert_eq!(shown(walks, &[]), expected[1..], "the documentation does not name the method");
    let derives = "use bpfmap::Spec; #[derive(Spec)] struct S; const D: u32 = S::DEF;";
    assert_eq!(shown(derives, &docs), ["derive bpfmap::Spec"]);
    let implements = "impl bpfmap::Spec for S { const DEF: u32 = 1; }";
    assert_eq!(shown(implements, &docs), ["bpfmap::Spec", "bpfmap::Spec::DEF"]);
}
