//! The items of a public interface, read from its list in `api/`.

use std::collections::HashSet;

/// A public item. Items of trait impls are not in the list.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) kind: Kind,
    /// The path without generics, such as `bpfmap::Map::lookup`.
    pub(crate) path: String,
    /// The paths of the types that a function returns.
    pub(crate) returns: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A module, a macro, an alias, or a function or constant of a module.
    Free,
    /// An item of another crate.
    ReExport,
    /// A derive of another crate with the name of a trait.
    Derive,
    Type,
    Trait,
    /// A function, constant or type of an `impl` without a trait.
    OfType,
    /// A function, constant or type that a trait declares.
    OfTrait,
    Variant,
    Field,
}

impl Item {
    /// Returns the last segment of the path.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit("::").next().unwrap()
    }

    /// Returns the path of the type, trait, variant or module in which the item is.
    pub(crate) fn parent(&self) -> &str {
        parent(&self.path)
    }
}

/// Returns the items of a list.
pub(crate) fn items(list: &str) -> Vec<Item> {
    let mut items: Vec<Item> = vec![];
    let mut containers = Containers::default();
    let mut is_trait_impl = false;
    for line in list.lines() {
        let line = without_attributes(line);
        if let Some(header) = line.strip_prefix("impl").or(line.strip_prefix("unsafe impl")) {
            is_trait_impl = after_generics(header).contains(" for ");
            continue;
        }
        let line = line.strip_prefix("pub ").unwrap_or_else(|| panic!("unknown line `{line}`"));
        let (keyword, rest) = keyword(line);
        let path = path(rest);
        let is_in_module = containers.modules.contains(parent(&path));
        let kind = match keyword {
            "mod" => {
                containers.modules.insert(path.clone());
                Kind::Free
            }
            "macro" => Kind::Free,
            "use" => Kind::ReExport,
            "enum" | "struct" | "union" => {
                containers.types.insert(path.clone());
                Kind::Type
            }
            "trait" => {
                containers.traits.insert(path.clone());
                Kind::Trait
            }
            "const" | "fn" | "static" | "type" if is_in_module => Kind::Free,
            "const" | "fn" | "type" if is_trait_impl => continue,
            "const" | "fn" | "type" if containers.traits.contains(parent(&path)) => Kind::OfTrait,
            "const" | "fn" | "type" => Kind::OfType,
            "" if path.rsplit("::").next().unwrap().starts_with(char::is_uppercase) => {
                containers.types.insert(path.clone());
                Kind::Variant
            }
            "" => Kind::Field,
            other => panic!("unknown keyword `{other}` in `{line}`"),
        };
        is_trait_impl &= matches!(kind, Kind::OfType | Kind::OfTrait);
        let is_known = is_in_module
            || containers.types.contains(parent(&path))
            || containers.traits.contains(parent(&path));
        assert!(is_known || keyword == "mod", "`{line}` is in no module and no type");
        let returns = if keyword == "fn" { returns(rest, parent(&path)) } else { vec![] };
        items.push(Item { kind, path, returns });
    }
    // Types and traits may be listed after the items that need them here.
    for item in &mut items {
        item.returns.retain(|path| containers.types.contains(path));
        if item.kind == Kind::ReExport && containers.traits.contains(&item.path) {
            item.kind = Kind::Derive;
        }
    }
    items
}

#[derive(Default)]
struct Containers {
    modules: HashSet<String>,
    types: HashSet<String>,
    traits: HashSet<String>,
}

fn parent(path: &str) -> &str {
    path.rsplit_once("::").map_or("", |(parent, _)| parent)
}

/// Removes `#[…]` at the start of a line.
fn without_attributes(mut line: &str) -> &str {
    while let Some((_, rest)) = line.strip_prefix("#[").and_then(|rest| rest.split_once("] ")) {
        line = rest;
    }
    line
}

/// Splits the keyword from the item. Fields and variants have none.
fn keyword(line: &str) -> (&str, &str) {
    let mut rest = line;
    let mut keyword = "";
    while let Some((word, after)) = rest.split_once(' ') {
        match word {
            "unsafe" => rest = after,
            // Of `const fn`, the second.
            "const" | "enum" | "fn" | "macro" | "mod" | "static" | "struct" | "trait" | "type"
            | "union" | "use" => {
                keyword = word;
                rest = after;
            }
            _ => break,
        }
    }
    (keyword, rest)
}

/// Returns the path at the start of `text`, without generics.
fn path(text: &str) -> String {
    let mut path = String::new();
    let mut rest = text;
    loop {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        path.push_str(&rest[..end]);
        rest = after_generics(&rest[end..]);
        let Some(next) = rest.strip_prefix("::") else { return path };
        path.push_str("::");
        rest = next;
    }
}

/// Removes `<…>` at the start of `text`.
fn after_generics(text: &str) -> &str {
    let mut depth = 0;
    for (index, c) in text.char_indices() {
        match c {
            '<' => depth += 1,
            '>' if !text[..index].ends_with('-') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return if index == 0 { text } else { &text[index + 1..] };
        }
    }
    text
}

/// Returns all paths in the type that a function returns.
fn returns(function: &str, parent: &str) -> Vec<String> {
    let mut depth = 0;
    let mut end = None;
    for (index, c) in function.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            end = Some(index + 1);
            break;
        }
    }
    let returned = &function[end.unwrap_or_else(|| panic!("`{function}` has no arguments"))..];
    let returned = returned.split(" where ").next().unwrap();
    let words = returned.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
    let paths = words.map(|word| if word == "Self" { parent } else { word.trim_matches(':') });
    paths.map(str::to_owned).collect()
}

#[test]
fn items_of_a_list() {
    let list = "\
pub mod krate
pub use krate::Other
pub use krate::Spec
#[repr(C, align(8))] pub struct krate::Map<S: krate::Spec>
pub krate::Map::field: u32
impl<S: krate::Spec> krate::Map<S>
pub const krate::Map<S>::NULL: Self
pub fn krate::Map<S>::find<T: Into<u8>>(&self, impl Fn(u8) -> T) -> Option<krate::Walk<'_, S>>
impl<S: krate::Spec> core::fmt::Debug for krate::Map<S>
pub fn krate::Map<S>::fmt(&self) -> u8
pub enum krate::Walk<'a, S>
pub krate::Walk::End
pub krate::Walk::Item(u8)
pub trait krate::Spec: 'static
pub type krate::Spec::Key: krate::Plain
impl krate::Spec for u8
pub type u8::Key = u8
pub unsafe fn krate::free() -> krate::Map<u8>
pub macro krate::plain!
";
    let found = items(list);
    let found = found.iter().map(|item| (item.kind, item.path.as_str(), item.returns.join(" ")));
    let expected = [
        (Kind::Free, "krate", ""),
        (Kind::ReExport, "krate::Other", ""),
        (Kind::Derive, "krate::Spec", ""),
        (Kind::Type, "krate::Map", ""),
        (Kind::Field, "krate::Map::field", ""),
        (Kind::OfType, "krate::Map::NULL", ""),
        (Kind::OfType, "krate::Map::find", "krate::Walk"),
        (Kind::Type, "krate::Walk", ""),
        (Kind::Variant, "krate::Walk::End", ""),
        (Kind::Variant, "krate::Walk::Item", ""),
        (Kind::Trait, "krate::Spec", ""),
        (Kind::OfTrait, "krate::Spec::Key", ""),
        (Kind::Free, "krate::free", "krate::Map"),
        (Kind::Free, "krate::plain", ""),
    ];
    let expected = expected.map(|(kind, path, returns)| (kind, path, returns.to_owned()));
    assert_eq!(found.collect::<Vec<_>>(), expected);
}
