//! Finds and reads the files of a crate's modules.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::{Above, Child, Crate, MAX_MODULE_DEPTH, MAX_MODULES, MAX_TEXT, Module, ModuleId};
use crate::diagnostics::Finding;
use crate::input;
use crate::rules;
use crate::source::Span;

impl Crate {
    pub(super) fn child_file(
        &self,
        module: &Module,
        parent: ModuleId,
        name: &str,
        place: Span,
        path: Option<&str>,
    ) -> Option<ModuleId> {
        let file = if let Some(path) = path {
            // The path is relative to the file, unless the module is inside an inline module.
            module.file.parent().unwrap_or(Path::new("")).join(path)
        } else {
            let plain = module.folder.join(format!("{name}.rs"));
            let nested = module.folder.join(name).join("mod.rs");
            if nested.is_file() && !plain.is_file() { nested } else { plain }
        };
        self.file(&file, place, Above { parent: Some(parent), cfg: Rc::clone(&module.cfg) })
    }

    /// Reads the modules of the package, from its root to the file of `module`.
    pub(super) fn find_in_package(&self, id: ModuleId, module: &Module) {
        let file = canonical(&module.file);
        let Some(package) = file.ancestors().find(|folder| folder.join("Cargo.toml").is_file())
        else {
            return;
        };
        let sources = package.join("src");
        let Ok(within) = file.strip_prefix(&sources) else { return };
        let mut words: Vec<String> = within
            .with_extension("")
            .components()
            .map(|part| part.as_os_str().to_string_lossy().into_owned())
            .collect();
        if words.last().is_some_and(|last| last == "mod") {
            words.pop();
        }
        if words.is_empty() || is_root_name(&file) && words.len() == 1 || words[0] == "bin" {
            return;
        }
        for root in ["lib.rs", "main.rs"].map(|name| sources.join(name)) {
            if !root.is_file() {
                continue;
            }
            let root = shown(&module.file, &file, &root);
            let Some(mut above) = self.file(&root, Span::NONE, Above::root(&module.cfg)) else {
                continue;
            };
            let (last, folders) = words.split_last().expect("the list is not empty");
            for word in folders {
                let Some(child) = self.child(above, word) else { return };
                above = child;
            }
            let parent = self.module(above);
            if above != id && parent.children.borrow().contains_key(last) {
                parent.children.borrow_mut().insert(last.clone(), Child::Read(id));
                module.parent.set(Some(above));
                return;
            }
        }
    }

    /// Reads the file `path`, to which the source refers at `place`.
    pub(super) fn file(&self, path: &Path, place: Span, above: Above) -> Option<ModuleId> {
        let canonical = canonical(path);
        let known = self.files.borrow().get(&canonical).copied();
        if let Some(known) = known {
            return self.known_file(known, path, place, above.parent);
        }
        let bytes = match self.read(path, place) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.report(
                    Finding::new(
                        &rules::UNREADABLE_SOURCE,
                        place,
                        format!("can't read `{}`: {error}", path.display()),
                    )
                    .help("write the path of a readable file"),
                );
                return None;
            }
        };
        match String::from_utf8(bytes) {
            Ok(text) => Some(self.text(path, canonical, &text, above)),
            Err(error) => {
                let start = error.utf8_error().valid_up_to();
                self.report(
                    Finding::new(
                        &rules::UNREADABLE_SOURCE,
                        place,
                        format!("`{}` is not UTF-8 text", path.display()),
                    )
                    .note(format!("byte {start} of the file is not part of a character"))
                    .help("save the file as UTF-8"),
                );
                None
            }
        }
    }

    /// Returns the module `known` of a file that has already been read. If the module has no parent
    /// yet, sets its parent to `parent`.
    fn known_file(
        &self,
        known: ModuleId,
        path: &Path,
        place: Span,
        parent: Option<ModuleId>,
    ) -> Option<ModuleId> {
        let module = self.module(known);
        let is_above = std::iter::successors(parent, |id| self.module(*id).parent.get())
            .take(MAX_MODULE_DEPTH + 1)
            .any(|above| above == known);
        if is_above {
            self.report(
                Finding::new(
                    &rules::INCLUDE_CYCLE,
                    place,
                    format!("the module `{}` contains itself", path.display()),
                )
                .label("closes the cycle")
                .help("include each file as only one module, and refer to its items with `use`"),
            );
            return None;
        }
        if module.parent.get().is_none() && parent.is_some() {
            module.parent.set(parent);
        }
        Some(known)
    }

    fn read(&self, path: &Path, place: Span) -> std::io::Result<Vec<u8>> {
        let limit = self.rest.get();
        let is_too_much =
            std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() > limit);
        if is_too_much || self.modules.borrow().len() >= MAX_MODULES {
            return Err(std::io::Error::other(format!(
                "a schema can have at most {} MiB of Rust source in {MAX_MODULES} modules",
                MAX_TEXT >> 20
            )));
        }
        // A schema must not make bpfmap read arbitrary files, because its author might not be allowed to read them.
        let bytes = if place.source.is_none() {
            input::read_given(path, limit)?
        } else {
            input::read_named(path, "rs", limit)?
        };
        self.rest.set(limit - bytes.len() as u64);
        Ok(bytes)
    }
}

/// Returns whether a file that the user passed is a module of a package and not the root of a
/// program.
pub(super) fn is_in_sources(path: &Path) -> bool {
    let file = canonical(path);
    file.ancestors()
        .find(|folder| folder.join("Cargo.toml").is_file())
        .is_some_and(|package| file.starts_with(package.join("src")))
}

/// Returns whether the submodules of a file with this name are in the folder of the file.
pub(super) fn is_root_name(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    matches!(name, Some("lib.rs" | "main.rs" | "mod.rs"))
}

pub(super) fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// Returns the path of `root` in the same form as `named`, which is the path of `file` as the user
/// wrote it. Both files belong to the same package.
fn shown(named: &Path, file: &Path, root: &Path) -> PathBuf {
    let mut named = named.to_owned();
    let mut file = file.to_owned();
    let folder = root.parent().unwrap_or(Path::new(""));
    while file != folder {
        if !file.pop() || !named.pop() {
            return root.to_owned();
        }
    }
    named.join(root.file_name().unwrap_or_default())
}
