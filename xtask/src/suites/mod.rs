//! `cargo xtask suites`: runs the test suites of published crates in the matrix, and compares their
//! failures with the expected failures.

mod expected;
mod libbpf;
mod list;
mod source;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use bpfmap_vmtest::event::{Event, KernelResult, TestResult};
use bpfmap_vmtest::{SECOND_CPU_ON_REQUEST, WARNING_OF_7_1, kernel};

use crate::cargo::root;
use crate::{Error, matrix, packages};
use list::Suite;

/// The suites that take a few seconds a kernel. `cargo xtask test` runs them.
const DAILY: &[&str] = &["landlock", "caps"];

/// The result of a run of a suite.
struct Report {
    tests: Vec<TestResult>,
    kernels: Vec<KernelResult>,
}

/// Runs suites on kernels. The arguments are `[--kernel KERNEL]… [SUITE]…`. The default is to run
/// all suites on all kernels.
///
/// # Errors
///
/// Fails if a suite can't be run, or if its failures differ from the expected failures.
pub(crate) fn run(arguments: &[&str]) -> Result<(), Error> {
    let (mut kernels, mut names) = (vec![], vec![]);
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match *word {
            "--kernel" => kernels.push(*words.next().ok_or("--kernel needs a kernel")?),
            word if word.starts_with('-') => return Err(format!("unknown option {word}").into()),
            word => names.push(word),
        }
    }
    let mut suites = list::read()?;
    if let Some(unknown) = names.iter().find(|name| suites.iter().all(|it| it.name != **name)) {
        let known: Vec<&str> = suites.iter().map(|suite| suite.name.as_str()).collect();
        return Err(format!("unknown suite {unknown}; the suites are {}", known.join(", ")).into());
    }
    suites.retain(|suite| names.is_empty() || names.contains(&suite.name.as_str()));
    let kernels = if kernels.is_empty() { kernel::lines() } else { kernels };
    packages::ensure(packages::BUILD_AND_BOOT)?;
    packages::ensure(packages::SUITES)?;
    let harness = matrix::build_harness()?;
    let mut differences = vec![];
    for suite in &suites {
        println!("\n{} {}", suite.name, suite.version);
        let start = Instant::now();
        let report = one(suite, &kernels, &harness)?;
        let found = expected::compare(suite, &kernels, &report);
        let passed = report.tests.iter().filter(|test| test.outcome.is_green()).count();
        println!(
            "{} {}: {passed} of {} results are passed or skipped, on {} kernels, in {:.0} s; {} differ from the expected results",
            suite.name,
            suite.version,
            report.tests.len(),
            kernels.len(),
            start.elapsed().as_secs_f64(),
            found.len()
        );
        differences.extend(found);
    }
    if differences.is_empty() {
        return Ok(());
    }
    for difference in &differences {
        println!("{difference}");
    }
    Err(format!(
        "{} results differ from {}; find out why, and change the list only with a reason",
        differences.len(),
        list::PATH
    )
    .into())
}

/// Runs the short suites on all kernels, as a step of `cargo xtask test`.
///
/// # Errors
///
/// Fails like [`run`].
pub(crate) fn daily() -> Result<(), Error> {
    run(DAILY)
}

/// Runs a suite.
fn one(suite: &Suite, kernels: &[&str], harness: &Path) -> Result<Report, Error> {
    let folder = root().join("target/suites");
    let package = source::unpack(suite, &folder)?;
    if suite.name == "libbpf-rs" {
        libbpf::compile_objects(&package, &folder)?;
    }
    let json = folder.join(format!("{}.jsonl", suite.name));
    // The report of an earlier run must not be mistaken for the report of this run.
    if json.exists() {
        fs::remove_file(&json)?;
    }
    let mut command = Command::new(harness);
    command.arg("test").current_dir(&package);
    for kernel in kernels {
        command.args(["--kernel", kernel]);
    }
    command.args(["--cpus", "2", "--cmdline", SECOND_CPU_ON_REQUEST, "--allow", WARNING_OF_7_1]);
    command.arg("--target-dir").arg(folder.join("target")).arg("--json").arg(&json);
    command.args(&suite.arguments);
    for skipped in &suite.skipped {
        command.args(["--skip", &skipped.test]);
    }
    for file in &suite.files {
        command.arg("--file").arg(format!("{file}:{}", package.join(file).display()));
    }
    // With this variable, the guests would get all debug information.
    command.env_remove("RUST_BACKTRACE").stdin(Stdio::null());
    // The harness fails if one test fails, even if this failure is expected.
    let status = command.status()?;
    read(&json).map_err(|error| format!("{error} (the harness ended with {status})").into())
}

fn read(json: &Path) -> Result<Report, Error> {
    let lines = fs::read_to_string(json)
        .map_err(|error| format!("the harness left no report {}: {error}", json.display()))?;
    let mut report = Report { tests: vec![], kernels: vec![] };
    let mut is_whole = false;
    for line in lines.lines() {
        match serde_json::from_str(line)? {
            Event::Test(test) => report.tests.push(test),
            Event::Kernel(kernel) => report.kernels.push(kernel),
            Event::Summary(_) => is_whole = true,
            _ => {}
        }
    }
    if is_whole { Ok(report) } else { Err("the report has no summary".into()) }
}

/// Returns the names of the kernels in a report.
fn kernels_of(report: &Report) -> BTreeSet<&str> {
    report.kernels.iter().map(|kernel| kernel.kernel.as_str()).collect()
}
