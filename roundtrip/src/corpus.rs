//! Reads the schemas of this repository.

use std::fs;
use std::path::{Path, PathBuf};

use bpfmap_schema::check::check;
use bpfmap_schema::front::toml::read_file;
use bpfmap_schema::ir::Schema;

use crate::Error;

const FOLDERS: &[&str] = &["schemas", "bpfmap-codegen/tests/goldens", "fixtures"];

/// Returns all schemas, and a name for the module of each schema.
pub(crate) fn schemas() -> Result<Vec<(String, Schema)>, Error> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let mut found = vec![];
    for folder in FOLDERS {
        let mut files: Vec<PathBuf> = vec![];
        for entry in fs::read_dir(root.join(folder))? {
            let path = entry?.path();
            let is_schema = path.extension().is_some_and(|extension| extension == "toml");
            if is_schema && !path.ends_with("Cargo.toml") {
                files.push(path);
            }
        }
        files.sort();
        for path in files {
            let draft = read_file(&path);
            let schema = draft.schema.clone();
            check(draft).map_err(|rejected| format!("{rejected}"))?;
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let folder = folder.rsplit('/').next().unwrap_or(folder);
            found.push((format!("{folder}_{stem}"), schema));
        }
    }
    Ok(found)
}
