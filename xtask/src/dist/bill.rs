//! The bill of materials of a tool, which cargo-cyclonedx writes.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::crates::{self, Crates, Selection};
use super::{TARGET, Tool};
use crate::Error;
use crate::cargo::{cargo, root};
use crate::step::run as run_command;
use crate::tools::path_with;

/// The file that cargo-cyclonedx writes into the directory of each package.
const FILE: &str = "bpfmap-dist.cdx";

/// Returns the bill of materials of a tool, created at `time`, in seconds since 1970.
///
/// # Errors
///
/// Fails if cargo-cyclonedx can't be installed, or if it returns an error.
pub(crate) fn of(tool: &Tool, time: u64) -> Result<Vec<u8>, Error> {
    let mut command = cargo();
    command.env("PATH", path_with("cyclonedx")?).env("SOURCE_DATE_EPOCH", time.to_string());
    command.args(["cyclonedx", "--quiet", "--format", "json", "--spec-version", "1.5"]);
    command.args(["--target", TARGET, "--override-filename", FILE, "--manifest-path"]);
    command.arg(root().join(tool.folder).join("Cargo.toml"));
    run_command(&mut command)?;
    let mut bill = None;
    for folder in folders()? {
        let path = folder.join(FILE).with_extension("cdx.json");
        if !path.exists() {
            continue;
        }
        if folder == root().join(tool.folder) {
            bill = Some(fs::read_to_string(&path)?);
        }
        fs::remove_file(&path)?;
    }
    let bill = bill.ok_or("cargo-cyclonedx wrote no bill of materials")?;
    let mut bill: Value = serde_json::from_str(&without_place(&bill))?;
    keep(&mut bill, &crates::of(tool.package, TARGET, Selection::All)?);
    Ok(serde_json::to_vec_pretty(&bill)?)
}

/// Returns the directories of the workspace's packages.
fn folders() -> Result<Vec<PathBuf>, Error> {
    let mut command = cargo_metadata::MetadataCommand::new();
    let metadata = command.current_dir(root()).no_deps().exec()?;
    let manifests = metadata.packages.iter().filter_map(|package| package.manifest_path.parent());
    Ok(manifests.map(|folder| folder.as_std_path().to_owned()).collect())
}

/// Removes the path of this checkout from the text.
fn without_place(text: &str) -> String {
    text.replace(&root().display().to_string(), "/bpfmap")
}

/// Removes all crates that are not in `crates`. cargo-cyclonedx also lists crates that other
/// packages of the workspace would add through their features.
fn keep(bill: &mut Value, crates: &Crates) {
    let mut kept = BTreeSet::new();
    if let Some(own) = bill["metadata"]["component"]["bom-ref"].as_str() {
        kept.insert(own.to_owned());
    }
    if let Some(components) = bill["components"].as_array_mut() {
        let text =
            |component: &Value, key: &str| component[key].as_str().unwrap_or_default().to_owned();
        components.retain(|it| crates.contains(&(text(it, "name"), text(it, "version"))));
        kept.extend(components.iter().map(|it| text(it, "bom-ref")));
    }
    let is_kept = |value: &Value| value.as_str().is_some_and(|name| kept.contains(name));
    if let Some(dependencies) = bill["dependencies"].as_array_mut() {
        dependencies.retain(|it| is_kept(&it["ref"]));
        for dependency in dependencies {
            if let Some(names) = dependency["dependsOn"].as_array_mut() {
                names.retain(is_kept);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_is_built_is_listed() {
        let component = |name: &str| json!({"name": name, "version": "1.0.0", "bom-ref": name});
        let mut bill = json!({
            "metadata": {"component": {"bom-ref": "tool"}},
            "components": [component("used"), component("unused")],
            "dependencies": [
                {"ref": "tool", "dependsOn": ["used", "unused"]},
                {"ref": "unused", "dependsOn": []},
            ],
        });
        keep(&mut bill, &[("used".to_owned(), "1.0.0".to_owned())].into());
        assert_eq!(bill["components"], json!([component("used")]));
        assert_eq!(bill["dependencies"], json!([{"ref": "tool", "dependsOn": ["used"]}]));
    }
}
