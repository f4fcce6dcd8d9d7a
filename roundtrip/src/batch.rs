//! Runs the stages that put many schemas into one crate: stages that compile the crate with rustc,
//! and the stage that runs the compiled tests.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::item::{Failure, Item, Stage};
use crate::shared;
use crate::tools::{self, Tools};

/// The failures of the schemas in a batch, by their indices.
pub(crate) type Failures = Vec<(usize, Failure)>;

/// A crate that is generated from the schemas.
struct Crate {
    stage: Stage,
    program: &'static str,
    /// The text at the beginning of the crate, before the modules.
    head: &'static str,
    /// Returns the module of a schema.
    module: fn(&Item, &Tools) -> String,
    arguments: &'static [&'static str],
}

const LIBRARY: &[&str] = &["--crate-type", "lib", "--emit", "metadata"];

/// The crate with the generated Rust code. It has no prelude, because generated code must not
/// depend on names in the surrounding code.
const RUST: Crate = Crate {
    stage: Stage::Rust,
    program: "rustc",
    head: "#![deny(warnings)]\n#![warn(unreachable_pub, unused_qualifications)]\n",
    module: |item, _| {
        format!(
            "pub mod {} {{\n    #![no_implicit_prelude]\n    ::core::include!({});\n}}\n",
            item.id,
            literal(&item.path(&format!("{}.rs", item.name())))
        )
    },
    arguments: LIBRARY,
};

const SHARED: Crate = Crate {
    stage: Stage::SharedRust,
    module: |item, _| {
        let file = |name: &str| {
            let path = literal(&item.path(&format!("{}/{name}.rs", shared::FOLDER)));
            format!("    ::core::include!({path});\n")
        };
        let files: String = shared::parts(item).map(file).collect();
        format!("pub mod {} {{\n    #![no_implicit_prelude]\n{files}}}\n", item.id)
    },
    ..RUST
};

const SHARED_FIXTURES: Crate = Crate {
    stage: Stage::SharedFixtures,
    module: |item, _| {
        let part = |name: &str| {
            let path = literal(&item.path(&format!("{}/{name}_fixture.rs", shared::FOLDER)));
            format!("    mod {name} {{ include!({path}); }}\n")
        };
        let parts: String = shared::parts(item).map(part).collect();
        format!("mod {} {{\n{parts}}}\n", item.id)
    },
    arguments: &["--test", "--emit", "metadata"],
    ..FIXTURES
};

const RUST_DOCS: Crate = Crate {
    stage: Stage::RustDocs,
    program: "rustdoc",
    arguments: &["--crate-type", "lib"],
    ..RUST
};

const DOC_TESTS: Crate =
    Crate { stage: Stage::DocTests, arguments: &["--crate-type", "lib", "--test"], ..RUST_DOCS };

const DERIVES: Crate = Crate {
    stage: Stage::Derives,
    program: "rustc",
    head: "#![deny(warnings)]\n",
    module: |item, _| {
        let path = literal(&item.path(&format!("rust/{}.rs", item.name())));
        // The derives also report the warnings of the check. They report each warning as the use of
        // a deprecated item.
        let allowed =
            if item.checked.warnings().is_empty() { "" } else { "#[allow(deprecated)]\n" };
        format!("{allowed}#[path = {path}]\npub mod {};\n", item.id)
    },
    arguments: LIBRARY,
};

const FIXTURES: Crate = Crate {
    stage: Stage::FixtureTests,
    program: "rustc",
    head: "#![deny(warnings)]\n#![allow(deprecated)]\n",
    module: |item, _| {
        let path = literal(&item.path(&format!("{}_fixture.rs", item.name())));
        format!("mod {} {{\n    include!({path});\n}}\n", item.id)
    },
    arguments: &["--test"],
};

const FIXTURES_OF_DERIVES: Crate = Crate {
    stage: Stage::FixtureTestsOfDerives,
    program: "rustc",
    head: "#![deny(warnings)]\n#![allow(deprecated, dead_code, unreachable_pub)]\n",
    module: |item, _| {
        let schema = literal(&item.path(&format!("rust/{}.rs", item.name())));
        let tests = literal(&item.path(&format!("rust/made/{}_fixture.rs", item.name())));
        format!(
            "mod {} {{\n    #[path = {schema}]\n    mod schema;\n    include!({tests});\n}}\n",
            item.id
        )
    },
    arguments: &["--test", "--emit", "metadata"],
};

/// Returns a path as a Rust literal.
fn literal(path: &Path) -> String {
    format!("{:?}", path.display().to_string())
}

/// Compiles the schemas, and runs their tests.
pub(crate) fn run(items: &[&Item], tools: &Tools, name: &str) -> Failures {
    let folder = tools.work.join(name);
    if let Err(error) = fs::create_dir_all(&folder) {
        return vec![(0, Failure::new(Stage::Rust, error.to_string()))];
    }
    let (mut failures, fixtures) = std::thread::scope(|scope| {
        let checked = scope.spawn(|| {
            let mut failures = vec![];
            for made in [
                &RUST,
                &RUST_DOCS,
                &DOC_TESTS,
                &DERIVES,
                &FIXTURES_OF_DERIVES,
                &SHARED,
                &SHARED_FIXTURES,
            ] {
                let failed: HashSet<usize> = failures.iter().map(|(at, _)| *at).collect();
                failures.extend(made.compile(items, &failed, tools, &folder));
            }
            failures
        });
        let fixtures = FIXTURES.compile(items, &HashSet::new(), tools, &folder);
        (checked.join().unwrap_or_default(), fixtures)
    });
    let failed: HashSet<usize> = fixtures.iter().map(|(at, _)| *at).collect();
    failures.extend(fixtures);
    failures.extend(on_kernel(items, &failed, &folder));
    failures
}

impl Crate {
    fn output(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{:?}.out", self.stage))
    }

    /// Compiles the schemas that have not failed yet. If some of these schemas fail, compiles the
    /// others again.
    fn compile(
        &self,
        items: &[&Item],
        failed: &HashSet<usize>,
        tools: &Tools,
        folder: &Path,
    ) -> Failures {
        let mut left: Vec<usize> = (0..items.len()).filter(|at| !failed.contains(at)).collect();
        let mut failures = vec![];
        while !left.is_empty() {
            let part: Vec<&Item> = left.iter().map(|at| items[*at]).collect();
            let Err(said) = self.rustc(&part, tools, folder) else { break };
            let found: Vec<(usize, String)> = left
                .iter()
                .filter_map(|at| {
                    Some((*at, said.iter().find(|text| names(text, items[*at]))?.clone()))
                })
                .collect();
            let text = said.concat();
            let found = if let (true, [only]) = (found.is_empty(), left.as_slice()) {
                vec![(*only, text)]
            } else {
                found
            };
            if found.is_empty() {
                // No message mentions a schema, so each half of the schemas is compiled separately.
                // It is also possible that only all schemas together fail.
                let (one, other) = left.split_at(left.len() / 2);
                for half in [one, other] {
                    let others = (0..items.len()).filter(|at| !half.contains(at)).collect();
                    failures.extend(self.compile(items, &others, tools, folder));
                }
                break;
            }
            left.retain(|at| found.iter().all(|(failed, _)| failed != at));
            failures
                .extend(found.into_iter().map(|(at, text)| (at, Failure::new(self.stage, text))));
        }
        failures
    }

    /// Compiles a crate.
    ///
    /// # Errors
    ///
    /// Returns the errors of rustc if the crate does not compile.
    fn rustc(&self, items: &[&Item], tools: &Tools, folder: &Path) -> Result<(), Vec<String>> {
        let source = folder.join(format!("{:?}.rs", self.stage));
        let modules: Vec<String> = items.iter().map(|item| (self.module)(item, tools)).collect();
        let written = fs::write(&source, format!("{}{}", self.head, modules.concat()));
        written.map_err(|error| vec![error.to_string()])?;
        let mut command = Command::new(self.program);
        command.args(["--edition", "2024", "--error-format", "json", "--crate-name", "random"]);
        command.args(self.arguments).arg(&source).arg("-o").arg(self.output(folder));
        for library in &tools.libraries {
            command.args(["--extern", library]);
        }
        for path in &tools.search {
            command.args(["-L", path]);
        }
        let output = tools::run(&mut command).map_err(|error| vec![error])?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let errors = said.lines().filter_map(|line| {
            let message: Value = serde_json::from_str(line).ok()?;
            let is_error = message.get("level")?.as_str()?.starts_with("error");
            Some(message.get("rendered")?.as_str().filter(|_| is_error)?.to_owned())
        });
        let errors: Vec<String> = errors.collect();
        let all = || format!("{said}{}", String::from_utf8_lossy(&output.stdout));
        Err(if errors.is_empty() { vec![all()] } else { errors })
    }
}

/// Returns whether a message mentions a file or the module of the schema.
fn names(text: &str, item: &Item) -> bool {
    text.contains(&format!("{}/", item.folder.display()))
}

/// Runs the tests of the schemas that have compiled.
fn on_kernel(items: &[&Item], failed: &HashSet<usize>, folder: &Path) -> Failures {
    let binary = FIXTURES.output(folder);
    let left: Vec<usize> = (0..items.len()).filter(|at| !failed.contains(at)).collect();
    if left.is_empty() {
        return vec![];
    }
    match tests(&binary, None) {
        Ok(failures) => left
            .into_iter()
            .filter_map(|at| {
                let prefix = format!("{}::", items[at].id);
                let own: Vec<&str> = failures
                    .iter()
                    .filter(|(test, _)| test.starts_with(&prefix))
                    .map(|(_, text)| text.as_str())
                    .collect();
                (!own.is_empty()).then(|| (at, Failure::new(Stage::Kernel, own.join("\n"))))
            })
            .collect(),
        // The test program ended before its tests had finished, so each schema is tested in a
        // separate process.
        Err(why) => {
            let alone = left.iter().filter_map(|at| {
                let failures = tests(&binary, Some(&items[*at].id));
                let text = match failures {
                    Ok(failures) if failures.is_empty() => return None,
                    Ok(failures) => failures.into_iter().map(|(_, text)| text).collect::<String>(),
                    Err(why) => why,
                };
                Some((*at, Failure::new(Stage::Kernel, text)))
            });
            let alone: Failures = alone.collect();
            if alone.is_empty() {
                vec![(
                    left[0],
                    Failure::new(
                        Stage::Kernel,
                        format!("the schemas fail only in the same process: {why}"),
                    ),
                )]
            } else {
                alone
            }
        }
    }
}

/// Returns a command that runs a program as root. The program needs root because it creates maps.
/// If the current user is not root, sudo must work without a password.
fn as_root(program: &Path) -> Command {
    if fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0) {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.arg("--non-interactive").arg(program);
    command
}

/// Runs all tests, or only the tests of the schema `of`. Returns the name and the output of each
/// test that fails.
///
/// # Errors
///
/// Fails if the test program ends before it has run all tests.
fn tests(binary: &Path, of: Option<&str>) -> Result<Vec<(String, String)>, String> {
    let mut command = as_root(binary);
    command.args(of.map(|id| format!("{id}::"))).env("RUST_BACKTRACE", "0");
    let output = tools::run(&mut command)?;
    let text = String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        return Ok(vec![]);
    }
    if output.status.code() != Some(101) || !text.contains("test result: FAILED") {
        let errors = String::from_utf8_lossy(&output.stderr);
        let last: Vec<&str> = text.lines().rev().take(3).collect();
        return Err(format!(
            "error: the test program ended with {}: {last:?}\n{errors}",
            output.status
        ));
    }
    // The output contains a heading such as `---- s1::counters::answers stdout ----`, followed by
    // the test's output.
    let parts = text.split("\n---- ").skip(1).filter_map(|part| {
        let (name, wrote) = part.split_once(" stdout ----")?;
        let wrote = wrote.split("\n\nfailures:\n").next().unwrap_or(wrote);
        Some((name.to_owned(), format!("{name}: {}\n", wrote.trim())))
    });
    Ok(parts.collect())
}
