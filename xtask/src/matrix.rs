//! Runs test binaries on kernels with `bpfmap-vmtest`, and reads its report.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use bpfmap_vmtest::event::{Event, TestResult};
use bpfmap_vmtest::{SECOND_CPU_ON_REQUEST, WARNING_OF_7_1};

use crate::Error;
use crate::cargo::{self, root};

/// Builds `bpfmap-vmtest`.
pub(crate) fn build_harness() -> Result<PathBuf, Error> {
    let built = cargo::build(&["--package", "bpfmap-vmtest"])?;
    let binary = built.into_iter().find(|executable| executable.target == "bpfmap-vmtest");
    Ok(binary.ok_or("cargo built no bpfmap-vmtest")?.path)
}

/// Starts to fetch kernels in the background.
pub(crate) fn start_fetching(harness: &Path, kernels: &[&str]) -> Result<Child, Error> {
    let mut command = Command::new(harness);
    Ok(command.args(["kernels", "fetch"]).args(kernels).spawn()?)
}

/// Waits until the kernels are fetched.
pub(crate) fn finish_fetching(mut fetching: Child) -> Result<(), Error> {
    let status = fetching.wait()?;
    if status.success() { Ok(()) } else { Err("the kernels could not be fetched".into()) }
}

/// The results of a run of the matrix.
pub(crate) struct Report {
    /// The result of each test on each kernel.
    pub(crate) tests: Vec<TestResult>,
    /// Whether all tests passed and nothing else failed.
    pub(crate) green: bool,
    /// The directory with reports and console logs.
    pub(crate) folder: PathBuf,
}

/// Runs the binaries on the kernels, or on all kernels of the harness if `kernels` is empty. The
/// harness shows its progress, and writes its reports into a directory with this name.
///
/// # Errors
///
/// Fails if the harness can't be run or leaves no report. Failed tests are not an error.
pub(crate) fn run(
    harness: &Path,
    kernels: &[&str],
    binaries: &[PathBuf],
    name: &str,
) -> Result<Report, Error> {
    run_with(harness, kernels, binaries, name, &[])
}

/// Like [`run`], with additional options of the harness.
///
/// # Errors
///
/// Fails if the harness can't be run or leaves no report. Failed tests are not an error.
pub(crate) fn run_with(
    harness: &Path,
    kernels: &[&str],
    binaries: &[PathBuf],
    name: &str,
    options: &[&str],
) -> Result<Report, Error> {
    let folder = root().join("target").join(name);
    std::fs::create_dir_all(&folder)?;
    let json = folder.join("matrix.jsonl");
    // The report of an earlier run must not be mistaken for the report of this run.
    if json.exists() {
        std::fs::remove_file(&json)?;
    }
    let mut command = Command::new(harness);
    command.arg("matrix").args(options);
    for kernel in kernels {
        command.args(["--kernel", kernel]);
    }
    // The report marks tests that pass only in a later attempt as flaky.
    command.args(["--cpus", "2", "--cmdline", SECOND_CPU_ON_REQUEST, "--retries", "2"]);
    // A guest has all test binaries in its memory, some 540 MB before they are packed.
    command.args(["--memory", "1G"]);
    command.args(["--allow", WARNING_OF_7_1]);
    command.arg("--json").arg(&json).arg("--report-dir").arg(&folder);
    // With this variable, the guests would get all debug information, which takes 200 MB. Tests
    // report the location of a failure without it.
    command.env_remove("RUST_BACKTRACE");
    let status = command.args(binaries).stdin(std::process::Stdio::null()).status()?;
    let (tests, summary) = read(&json)?;
    Ok(Report { tests, green: status.success() && summary, folder })
}

/// Returns the tests of a report, and whether its summary is green. A report without a summary is
/// not green.
fn read(json: &Path) -> Result<(Vec<TestResult>, bool), Error> {
    let report = std::fs::read_to_string(json)
        .map_err(|error| format!("the matrix left no report {}: {error}", json.display()))?;
    let mut tests = vec![];
    let mut green = false;
    for line in report.lines() {
        match serde_json::from_str(line)? {
            Event::Test(test) => tests.push(test),
            Event::Summary(summary) => green = summary.green,
            _ => {}
        }
    }
    Ok((tests, green))
}
