//! Reads `suites.toml`, the list of the suites and of the expected failures.

use serde::Deserialize;

use crate::Error;

/// The path of the list, for messages.
pub(super) const PATH: &str = "xtask/src/suites/suites.toml";

const TEXT: &str = include_str!("suites.toml");

/// The tests of a published crate.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Suite {
    /// The name of the crate.
    pub(super) name: String,
    pub(super) version: String,
    /// Arguments for `bpfmap-vmtest test`.
    #[serde(default)]
    pub(super) arguments: Vec<String>,
    /// The files and directories of the package that the tests read.
    #[serde(default)]
    pub(super) files: Vec<String>,
    #[serde(default)]
    pub(super) skipped: Vec<Skipped>,
    /// Tests that fail in some runs, and pass when they are repeated.
    #[serde(default)]
    pub(super) flaky: Vec<Failure>,
    #[serde(default)]
    pub(super) failures: Vec<Failure>,
}

/// Tests that are not run because they need more than a kernel.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Skipped {
    /// A part of the names of the tests.
    pub(super) test: String,
    reason: String,
}

/// Tests that fail, always or in some runs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Failure {
    /// The kernels on which the tests fail. If the list is empty, the tests fail on all kernels.
    #[serde(default)]
    pub(super) kernels: Vec<String>,
    /// The tests. Each name is preceded by the name of the test's binary.
    pub(super) tests: Vec<String>,
    pub(super) reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    suite: Vec<Suite>,
}

/// Reads the list.
///
/// # Errors
///
/// Fails if the list is not well formed, or if an entry has no reason.
pub(super) fn read() -> Result<Vec<Suite>, Error> {
    let list: List = toml::from_str(TEXT).map_err(|error| format!("{PATH}: {error}"))?;
    for suite in &list.suite {
        let skipped = suite.skipped.iter().map(|skipped| &skipped.reason);
        let failures = suite.flaky.iter().chain(&suite.failures);
        let mut reasons = skipped.chain(failures.map(|failure| &failure.reason));
        if reasons.any(|reason| reason.trim().len() < 20) {
            return Err(format!("{PATH}: an entry of {} has no reason", suite.name).into());
        }
    }
    Ok(list.suite)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bpfmap_vmtest::kernel;
    use std::collections::BTreeSet;

    #[test]
    fn the_list_is_right() {
        let lines = kernel::lines();
        for suite in read().unwrap() {
            let mut seen = BTreeSet::new();
            for failure in suite.flaky.iter().chain(&suite.failures) {
                for kernel in &failure.kernels {
                    assert!(lines.contains(&kernel.as_str()), "{}: {kernel}", suite.name);
                }
                let kernels: Vec<&str> = if failure.kernels.is_empty() {
                    lines.clone()
                } else {
                    failure.kernels.iter().map(String::as_str).collect()
                };
                for kernel in kernels {
                    for test in &failure.tests {
                        assert!(seen.insert((kernel, test)), "{test} is listed twice on {kernel}");
                    }
                }
            }
        }
    }
}
