//! Collects the schemas of this repository.

use std::fs;
use std::path::{Path, PathBuf};

use bpfmap_schema::rules;

/// Returns the name and text of each schema in TOML of this repository, including the examples in
/// the explanations of rules.
pub(crate) fn all() -> Vec<(String, String)> {
    let mut schemas = vec![];
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("..")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "toml") {
                let text = fs::read_to_string(&path).unwrap();
                if text.lines().any(|line| line.starts_with("[types") || line.starts_with("[maps"))
                {
                    schemas.push((path.display().to_string(), text));
                }
            }
        }
    }
    for rule in rules::ALL {
        let blocks = rule.explanation.split("```toml\n").skip(1);
        let blocks = blocks.filter_map(|block| block.split_once("```"));
        schemas.extend(blocks.map(|(text, _)| (rule.id.to_owned(), text.to_owned())));
    }
    schemas
}
