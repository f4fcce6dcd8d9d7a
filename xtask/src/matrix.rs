//! Runs test binaries on kernels with `bpfmap-vmtest`, and reads its report back.

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

/// Starts to fetch kernels; they come while something else is compiled.
pub(crate) fn start_fetching(harness: &Path, kernels: &[&str]) -> Result<Child, Error> {
    let mut command = Command::new(harness);
    Ok(command.args(["kernels", "fetch"]).args(kernels).spawn()?)
}

/// Waits until the kernels are there.
pub(crate) fn finish_fetching(mut fetching: Child) -> Result<(), Error> {
    let status = fetching.wait()?;
    if status.success() { Ok(()) } else { Err("the kernels could not be fetched".into()) }
}

/// What a run of the matrix found.
pub(crate) struct Report {
    /// Each test on each kernel.
    pub(crate) tests: Vec<TestResult>,
    /// Whether everything is proven to be well.
    pub(crate) green: bool,
    /// Where reports and console logs are.
    pub(crate) folder: PathBuf,
}

/// Runs the binaries on the kernels; on all that the harness knows when there is none. The
/// harness shows its progress, and leaves its reports in a folder of this name.
///
/// # Errors
///
/// Fails if the harness can't be run or leaves no report; a red result is no error.
pub(crate) fn run(
    harness: &Path,
    kernels: &[&str],
    binaries: &[PathBuf],
    name: &str,
) -> Result<Report, Error> {
    let folder = root().join("target").join(name);
    std::fs::create_dir_all(&folder)?;
    let json = folder.join("matrix.jsonl");
    // A report of an earlier run must not pass for this one's.
    if json.exists() {
        std::fs::remove_file(&json)?;
    }
    let mut command = Command::new(harness);
    command.arg("matrix");
    for kernel in kernels {
        command.args(["--kernel", kernel]);
    }
    // What passes only when it is tried again is named flaky in the report.
    command.args(["--cpus", "2", "--cmdline", SECOND_CPU_ON_REQUEST, "--retries", "2"]);
    command.args(["--allow", WARNING_OF_7_1]);
    command.arg("--json").arg(&json).arg("--report-dir").arg(&folder);
    // With it the guests are handed all debug information, 200 MB of it, and tests say where they fail
    // without.
    command.env_remove("RUST_BACKTRACE");
    let status = command.args(binaries).stdin(std::process::Stdio::null()).status()?;
    let (tests, summary) = read(&json)?;
    Ok(Report { tests, green: status.success() && summary, folder })
}

/// Returns the tests of a report, and whether its summary is green. Without a summary it is not.
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
