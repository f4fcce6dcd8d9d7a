//! Resolves paths that refer to items in modules, names that a `use` declares, and types of the crate `bpfmap`.

use std::cell::Cell;

use syn::ext::IdentExt as _;

use super::items::Use;
use super::krate::{Crate, DeclarationId, ModuleId};

/// The item that a path refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    Module(ModuleId),
    /// A type or a map.
    Declaration(DeclarationId),
    /// The constant with this name in this module.
    Constant(ModuleId, String),
    /// The variant of this enum with this name.
    Variant(DeclarationId, String),
    /// An item of another crate whose source is not read.
    External(Vec<String>),
}

/// The namespace in which a name is looked up. A type and a constant can have the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    Types,
    Constants,
}

/// The maximum number of steps to resolve one path, including the steps through `use`.
const MAX_STEPS: usize = 2000;

/// The maximum length of a chain of `use`s.
const MAX_DEPTH: usize = 64;

/// Returns the segments of a path.
pub(super) fn words(path: &syn::Path) -> Vec<String> {
    path.segments.iter().map(|segment| segment.ident.unraw().to_string()).collect()
}

/// Returns the item that `path` refers to in `module`, or `None` if the crate does not define it.
pub(super) fn resolve(
    krate: &Crate,
    module: ModuleId,
    path: &syn::Path,
    space: Space,
) -> Option<Meaning> {
    let words = words(path);
    let walk = Walk { krate, steps: Cell::new(0) };
    if path.leading_colon.is_some() {
        return walk.extern_path(&words, space, 0);
    }
    walk.path(module, &words, space, 0)
}

struct Walk<'a> {
    krate: &'a Crate,
    steps: Cell<usize>,
}

impl Walk<'_> {
    fn path(
        &self,
        module: ModuleId,
        words: &[String],
        space: Space,
        depth: usize,
    ) -> Option<Meaning> {
        let (first, rest) = words.split_first()?;
        let space_of = |rest: &[String]| if rest.is_empty() { space } else { Space::Types };
        let found = match first.as_str() {
            "crate" => Meaning::Module(self.krate.root(module)),
            "self" => Meaning::Module(module),
            "super" => Meaning::Module(self.krate.parent(module)?),
            first => match self.member(module, first, space_of(rest), depth) {
                Some(found) => found,
                // If the first segment of a path is not a name in the module, it is the name of a crate.
                None if !rest.is_empty() => return self.extern_path(words, space, depth),
                None => return None,
            },
        };
        self.follow(found, rest, space, depth)
    }

    /// Resolves the segments `rest` that follow `found`.
    fn follow(
        &self,
        mut found: Meaning,
        rest: &[String],
        space: Space,
        depth: usize,
    ) -> Option<Meaning> {
        let space_of = |rest: &[String]| if rest.is_empty() { space } else { Space::Types };
        for (index, word) in rest.iter().enumerate() {
            found = match found {
                Meaning::Module(module) if word == "super" => {
                    Meaning::Module(self.krate.parent(module)?)
                }
                Meaning::Module(module) => {
                    self.member(module, word, space_of(&rest[index + 1..]), depth)?
                }
                Meaning::External(mut path) => {
                    path.push(word.clone());
                    Meaning::External(path)
                }
                Meaning::Declaration(id) => Meaning::Variant(id, word.clone()),
                Meaning::Constant(..) | Meaning::Variant(..) => return None,
            };
        }
        Some(found)
    }

    /// Resolves a path whose first segment is the name of a crate.
    fn extern_path(&self, words: &[String], space: Space, depth: usize) -> Option<Meaning> {
        let (name, rest) = words.split_first()?;
        match self.krate.extern_crate(name) {
            Some(root) => self.follow(Meaning::Module(root), rest, space, depth + 1),
            None => Some(Meaning::External(words.to_vec())),
        }
    }

    /// Returns the item that `name` refers to in `module`.
    fn member(&self, module: ModuleId, name: &str, space: Space, depth: usize) -> Option<Meaning> {
        self.steps.set(self.steps.get() + 1);
        if depth > MAX_DEPTH || self.steps.get() > MAX_STEPS {
            return None;
        }
        let this = self.krate.module(module);
        match space {
            Space::Types => {
                if let Some(id) = this.types.get(name) {
                    return Some(Meaning::Declaration(*id));
                }
            }
            Space::Constants => {
                if this.constants.contains_key(name) {
                    return Some(Meaning::Constant(module, name.to_owned()));
                }
            }
        }
        if let Some(child) = self.krate.child(module, name) {
            return Some(Meaning::Module(child));
        }
        let of_name = |used: &&Use| used.name.as_deref() == Some(name);
        for used in this.uses.iter().filter(of_name) {
            if let Some(found) = self.used(module, used, space, depth) {
                self.krate.report_doubts(module, &used.doubts);
                return Some(found);
            }
        }
        for used in this.uses.iter().filter(|used| used.name.is_none()) {
            let Some(Meaning::Module(from)) = self.used(module, used, Space::Types, depth) else {
                continue;
            };
            if let Some(found) = self.member(from, name, space, depth + 1) {
                self.krate.report_doubts(module, &used.doubts);
                return Some(found);
            }
        }
        None
    }

    /// Resolves the path of a `use`.
    fn used(&self, module: ModuleId, used: &Use, space: Space, depth: usize) -> Option<Meaning> {
        if used.is_absolute {
            return self.extern_path(&used.path, space, depth);
        }
        // `use bpfmap::Be32 as bpfmap` and `use a::a` would refer to themselves.
        if used.path.first() == used.name.as_ref() {
            let walk = |path: &[String]| self.path_without_uses(module, path, space, depth);
            return walk(&used.path);
        }
        let found = self.path(module, &used.path, space, depth + 1);
        match used.path.as_slice() {
            // In a `use`, a single name can be the name of a crate.
            [name] if found.is_none() => self.krate.extern_crate(name).map(Meaning::Module),
            _ => found,
        }
    }

    /// Resolves a path whose first segment is a submodule of `module` or a crate. Does not follow names that a `use`
    /// declares.
    fn path_without_uses(
        &self,
        module: ModuleId,
        words: &[String],
        space: Space,
        depth: usize,
    ) -> Option<Meaning> {
        let (first, rest) = words.split_first()?;
        match self.krate.child(module, first) {
            None => self.extern_path(words, space, depth),
            Some(_) if rest.is_empty() => None,
            Some(child) => self.path(child, rest, space, depth + 1),
        }
    }
}
