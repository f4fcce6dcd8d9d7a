//! Checks out a schema from a git revision.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A temporary directory with the files of a revision that could be part of a schema. The directory
/// is deleted when this value is dropped.
pub(crate) struct Revision {
    /// The name of the revision on the command line.
    name: String,
    folder: tempfile::TempDir,
    /// The path of the schema in the temporary directory.
    schema: PathBuf,
}

/// The subdirectory of the temporary directory that contains the files.
const TREE: &str = "tree";

impl Revision {
    /// Checks out the files of the revision `name` that can be part of the schema in the file
    /// `schema`. These are all TOML files, all Rust sources, and the files in the same folder as
    /// the schema. The function does not change the repository or its index.
    ///
    /// Returns `None` if the revision does not contain the schema.
    pub(crate) fn check_out(name: &str, schema: &Path) -> Result<Option<Self>, String> {
        let beside = match schema.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let file =
            schema.file_name().ok_or_else(|| format!("`{}` is not a file", schema.display()))?;
        let top = line(git(beside).args(["rev-parse", "--show-toplevel"]))?;
        let prefix = line(git(beside).args(["rev-parse", "--show-prefix"]))?;
        let within = Path::new(&prefix).join(file);
        let top = Path::new(&top);
        let commit = format!("{name}^{{commit}}");
        let commit =
            line(git(top).args(["rev-parse", "--verify", "--quiet", "--end-of-options", &commit]))
                .map_err(|error| {
                    if error.is_empty() { format!("unknown git revision `{name}`") } else { error }
                })?;

        let folder =
            tempfile::tempdir().map_err(|error| format!("can't create a folder: {error}"))?;
        // With a separate index file, git does not change the index of the repository.
        let index = folder.path().join("index");
        run(git(top).env("GIT_INDEX_FILE", &index).args([OsStr::new("read-tree"), &commit]), &[])?;
        let mut list = git(top);
        list.env("GIT_INDEX_FILE", &index).args(["ls-files", "-z", "--", "*.toml", "*.rs"]);
        let mut siblings = OsString::from(":(literal,top)");
        siblings.push(if prefix.is_empty() { within.as_os_str() } else { &prefix });
        let files = run(list.arg(siblings), &[])?;
        let mut into = OsString::from("--prefix=");
        into.push(folder.path().join(TREE).join(""));
        let mut copy = git(top);
        copy.env("GIT_INDEX_FILE", &index).args(["checkout-index", "-z", "--stdin"]).arg(into);
        run(&mut copy, &files)?;

        let schema = folder.path().join(TREE).join(&within);
        Ok(schema.is_file().then(|| Self { name: name.to_owned(), folder, schema }))
    }

    /// Returns the path of the schema in the temporary directory.
    pub(crate) fn path(&self) -> &Path {
        &self.schema
    }

    /// Returns the name that messages use for a file, such as `main:schemas/maps.toml`.
    pub(crate) fn shown(&self, path: &Path) -> PathBuf {
        let tree = self.folder.path().join(TREE);
        match path.strip_prefix(&tree) {
            Ok(within) => PathBuf::from(format!("{}:{}", self.name, within.display())),
            Err(_) => path.to_owned(),
        }
    }
}

fn git(folder: &Path) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(folder);
    git
}

/// Runs a git command that prints a single line, and returns the line.
fn line(command: &mut Command) -> Result<OsString, String> {
    use std::os::unix::ffi::OsStringExt as _;
    let mut bytes = run(command, &[])?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    Ok(OsString::from_vec(bytes))
}

/// Runs a git command with `input` on standard input, and returns its output. If the command fails,
/// returns git's message.
fn run(command: &mut Command, input: &[u8]) -> Result<Vec<u8>, String> {
    let started =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = started.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            "`--against` needs git, which is not installed: install git, or compare two files"
                .to_owned()
        }
        _ => format!("can't run git: {error}"),
    })?;
    if let Some(mut stdin) = child.stdin.take() {
        // If a git command stops reading the input, its own message gives the reason.
        let _ = stdin.write_all(input);
    }
    let output = child.wait_with_output().map_err(|error| format!("can't run git: {error}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.trim();
    Err(if said.is_empty() { String::new() } else { format!("git failed: {said}") })
}
