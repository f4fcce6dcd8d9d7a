//! The Rust file that `bpfmap::include_maps!` includes. It declares a module for each schema.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::backend::GeneratedFile;
use crate::backend::rust::emit_modules;

/// The name of the file that declares the modules.
const NAME: &str = "bpfmap_modules.rs";

/// Returns the file that declares `modules` in `folder`. The file also declares the modules that
/// this process has already generated in `folder`, because a build script can use several builders.
/// Returns `None` if `modules` is empty.
pub(crate) fn file(folder: &Path, modules: &[String]) -> Option<GeneratedFile> {
    static GENERATED: Mutex<BTreeMap<PathBuf, Vec<String>>> = Mutex::new(BTreeMap::new());
    if modules.is_empty() {
        return None;
    }
    let mut generated = GENERATED.lock().unwrap_or_else(PoisonError::into_inner);
    let all = generated.entry(folder.to_owned()).or_default();
    for module in modules {
        if !all.contains(module) {
            all.push(module.clone());
        }
    }
    Some(emit_modules(NAME, all))
}

/// Tells Cargo the path of the file that `include_maps!` includes.
pub(crate) fn tell_cargo(folder: &Path) {
    let file = folder.join(NAME);
    let file = std::path::absolute(&file).unwrap_or(file);
    println!("cargo::rustc-env=BPFMAP_MODULES={}", file.display());
}
