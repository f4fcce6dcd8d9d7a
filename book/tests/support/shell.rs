//! Runs the commands of a chapter in a separate directory, in the order of the page.
//!
//! One shell runs all commands, so that `cd` applies until the end. The shell has its own mount
//! namespace with an empty BPF file system at `/sys/fs/bpf`. The pins of the machine are therefore
//! neither visible nor changed.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bpfmap_book_source::{Block, Chapter, Kind, Place};
use bpfmap_codegen::clang;
use serde_json::Value;

use crate::support::root;

/// The first character of the lines in which the script reports its progress. No command prints
/// this character.
const MARK: char = '\u{1}';

/// The directory with the programs that chapters run.
pub(crate) struct Tools(tempfile::TempDir);

impl Tools {
    /// Builds both commands of this repository, and links them in a directory. In this directory,
    /// `clang` has its usual name, and `sudo` is a script that runs its arguments.
    pub(crate) fn build() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, program) in build() {
            symlink(program, folder.path().join(name)).unwrap();
        }
        let clang = clang::find().unwrap();
        let clang = which(Path::new(&clang)).expect("clang is on the PATH");
        symlink(clang, folder.path().join("clang")).unwrap();
        let sudo = folder.path().join("sudo");
        fs::write(&sudo, "#!/bin/sh\nexec \"$@\"\n").unwrap();
        fs::set_permissions(&sudo, fs::Permissions::from_mode(0o755)).unwrap();
        Self(folder)
    }

    fn path(&self) -> String {
        format!("{}:{}", self.0.path().display(), std::env::var("PATH").unwrap())
    }
}

fn which(program: &Path) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// Builds both commands, and returns their names and paths.
fn build() -> Vec<(String, PathBuf)> {
    let packages = ["--package", "bpfmap-cli", "--package", "bpfmap-vmtest"];
    let output = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["build", "--bins", "--message-format", "json"])
        .args(packages)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "cargo can't build the commands");
    let text = String::from_utf8(output.stdout).unwrap();
    let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let programs = messages.filter_map(|message| {
        let program = message["executable"].as_str()?;
        Some((message["target"]["name"].as_str()?.to_owned(), PathBuf::from(program)))
    });
    let programs: Vec<_> = programs.collect();
    for expected in ["bpfmap", "bpfmap-vmtest"] {
        assert!(programs.iter().any(|(name, _)| name == expected), "{expected}: {programs:?}");
    }
    programs
}

/// Writes the files of the chapter, and runs the blocks whose place is one of `places`. Returns the
/// mistakes that were found.
pub(crate) fn run(
    tools: &Tools,
    chapter: &Chapter,
    blocks: &[Block],
    places: &[Place],
) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let work = folder.path().join("work");
    fs::create_dir(&work).unwrap();
    // Quick starts expect a clone of this repository in the parent directory.
    symlink(root(), folder.path().join("bpfmap")).unwrap();
    let (script, steps) = script(folder.path(), blocks, places);
    fs::write(folder.path().join("script"), script).unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("layout_property/target");
    fs::create_dir_all(&target).unwrap();
    let output = Command::new("timeout")
        .args(["3600", "unshare", "--mount", "sh", "../script"])
        .current_dir(&work)
        .env("PATH", tools.path())
        // The hidden commands of a chapter need these variables to build offline and quickly.
        .env("CLONE", root())
        .env("TARGET", target)
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_TERM_COLOR", "never")
        .env_remove("GITHUB_STEP_SUMMARY")
        .env_remove("RUSTFLAGS")
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("timeout and unshare: {error}"));
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    compare(&said, &steps).into_iter().map(|it| format!("{}:{it}", chapter.file)).collect()
}

/// A step of the script.
struct Step {
    /// The line number of the step's block.
    line: usize,
    command: String,
    /// The lines that the step must print. `None` for commands that only have to succeed.
    expected: Option<Vec<String>>,
}

/// Returns a shell script that reports when each step begins, and the status with which it ends.
fn script(folder: &Path, blocks: &[Block], places: &[Place]) -> (String, Vec<Step>) {
    let mut script = String::from("exec 2>&1\nmount --types bpf none /sys/fs/bpf || exit 1\n");
    let mut steps = vec![];
    for (index, block) in blocks.iter().enumerate() {
        match &block.kind {
            Kind::File { name, .. } => {
                let staged = folder.join(format!("file{index}"));
                fs::write(&staged, &block.text).unwrap();
                let _ = writeln!(script, "mkdir -p \"$(dirname '{name}')\"");
                let _ = writeln!(script, "cp '{}' '{name}'", staged.display());
                if name.ends_with("Cargo.toml") {
                    // With this lock file, the build uses only crates that the tests of this
                    // repository also use.
                    let _ = writeln!(script, "cp \"$CLONE/Cargo.lock\" \"$(dirname '{name}')/\"");
                    let _ = writeln!(script, "ln -sfn \"$TARGET\" \"$(dirname '{name}')/target\"");
                }
            }
            Kind::Commands(place) if places.contains(place) => {
                let step = Step { line: block.line, command: block.text.clone(), expected: None };
                push(&mut script, &mut steps, step);
            }
            Kind::Session(place) if places.contains(place) => {
                for (command, expected) in session(&block.text) {
                    push(
                        &mut script,
                        &mut steps,
                        Step { line: block.line, command, expected: Some(expected) },
                    );
                }
            }
            _ => {}
        }
    }
    (script, steps)
}

fn push(script: &mut String, steps: &mut Vec<Step>, step: Step) {
    let Step { line, command, expected } = &step;
    let index = steps.len();
    let _ = writeln!(script, "printf '\\n\\001 {index}\\n'");
    if expected.is_none() {
        // The commands of a block are one step. If a command fails, the chapter ends.
        let _ = writeln!(script, "set -e # line {line}");
    }
    let _ = writeln!(script, "{}", command.trim_end());
    let _ = writeln!(script, "status=$?; set +e; printf '\\n\\001 ended %s\\n' $status");
    steps.push(step);
}

/// Returns the commands of a `console` block, each with the lines after it.
fn session(text: &str) -> Vec<(String, Vec<String>)> {
    let mut commands: Vec<(String, Vec<String>)> = vec![];
    let mut continues = false;
    for line in text.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            commands.push((command.to_owned(), vec![]));
            continues = command.ends_with('\\');
        } else if let Some((command, expected)) = commands.last_mut() {
            if continues {
                command.push('\n');
                command.push_str(line);
                continues = line.ends_with('\\');
            } else {
                expected.push(line.to_owned());
            }
        } else {
            panic!("a `console` block begins with a command after `$ `, not with `{line}`");
        }
    }
    commands
}

/// Compares the output of the script with the expected output.
fn compare(said: &str, steps: &[Step]) -> Vec<String> {
    let mut mistakes = vec![];
    let mark = format!("\n{MARK} ");
    let mut reports = said.split(&mark).skip(1);
    for (index, Step { line, command, expected }) in steps.iter().enumerate() {
        let begun = reports.next().and_then(|report| report.split_once('\n'));
        let Some((_, output)) = begun.filter(|(number, _)| *number == index.to_string()) else {
            mistakes.push(format!("{line}: `{}` did not run: {said}", command.trim()));
            break;
        };
        let ended = reports.next().and_then(|report| report.trim_end().strip_prefix("ended "));
        match (expected, ended) {
            (None, Some("0")) => {}
            (None, _) => mistakes.push(format!("{line}: a command fails:\n{command}{output}")),
            (Some(_), None) => {
                mistakes.push(format!("{line}: `{command}` ended the shell: {output}"));
            }
            (Some(expected), Some(status)) => {
                let lines: Vec<&str> = output.trim_end().lines().collect();
                if !matches(expected, &lines) {
                    let expected = expected.join("\n");
                    mistakes.push(format!(
                        "{line}: `{command}` prints\n{output}\nexpected\n{expected}\n"
                    ));
                } else if status != "0" && expected.is_empty() {
                    mistakes.push(format!("{line}: `{command}` fails with status {status}"));
                }
            }
        }
        if ended.is_none() {
            break;
        }
    }
    mistakes
}

/// Returns whether the output matches the expected lines. The line `…` matches any lines, and `…`
/// in a line matches any text.
pub(crate) fn matches(expected: &[String], lines: &[&str]) -> bool {
    match (expected, lines) {
        ([], lines) => lines.is_empty(),
        ([any, rest @ ..], _) if any.trim() == "…" => {
            (0..=lines.len()).any(|skipped| matches(rest, &lines[skipped..]))
        }
        ([first, rest @ ..], [line, lines @ ..]) => {
            line_matches(first.trim_end(), line.trim_end()) && matches(rest, lines)
        }
        (_, []) => false,
    }
}

fn line_matches(expected: &str, line: &str) -> bool {
    match expected.split_once('…') {
        None => expected == line,
        Some((start, rest)) => line.strip_prefix(start).is_some_and(|line| {
            let ends = line.char_indices().map(|(at, _)| at).chain([line.len()]);
            ends.into_iter().any(|at| line_matches(rest, &line[at..]))
        }),
    }
}
