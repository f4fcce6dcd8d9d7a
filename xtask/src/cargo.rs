//! Calls of cargo, and the executables that it made.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::Error;
use crate::step::output;

/// The cargo that runs this program.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// The folder of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies in the workspace")
}

/// An executable that cargo made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Executable {
    /// The name of the target: of a test, its file's.
    pub(crate) target: String,
    /// Where it is.
    pub(crate) path: PathBuf,
}

/// Builds what `arguments` say, which start with `build` or `test --no-run`, and returns the
/// executables.
pub(crate) fn build(arguments: &[&str]) -> Result<Vec<Executable>, Error> {
    let messages = output(cargo().args(arguments).arg("--message-format=json-render-diagnostics"))?;
    Ok(executables(&messages))
}

fn executables(messages: &str) -> Vec<Executable> {
    let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let executables = artifacts.filter_map(|message| {
        let path = message.get("executable")?.as_str()?;
        let target = message.get("target")?.get("name")?.as_str()?;
        Some(Executable { target: target.to_owned(), path: path.into() })
    });
    executables.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_artifacts_with_an_executable_count() {
        let messages = r#"
            {"reason":"compiler-artifact","target":{"name":"bpfmap"},"executable":null}
            {"reason":"compiler-artifact","target":{"name":"fixtures"},"executable":"/t/fixtures-1"}
            {"reason":"build-finished","success":true}
            no JSON
        "#;
        let expected = Executable { target: "fixtures".to_owned(), path: "/t/fixtures-1".into() };
        assert_eq!(executables(messages), [expected]);
    }
}
