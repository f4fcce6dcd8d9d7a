//! Compares the failures of a suite with the expected failures.

use std::collections::BTreeMap;

use bpfmap_vmtest::event::TestResult;

use super::list::{Failure, Suite};
use super::{Report, kernels_of};

/// The part of a message that reveals a missing file in the guest.
const MISSING: &str = "No such file or directory";

/// Returns the differences, one line for each.
pub(super) fn compare(suite: &Suite, kernels: &[&str], report: &Report) -> Vec<String> {
    let mut differences = vec![];
    let name = &suite.name;
    let ran = kernels_of(report);
    for kernel in kernels.iter().filter(|kernel| !ran.contains(*kernel)) {
        differences.push(format!("{name} on {kernel}: was not run"));
    }
    for kernel in report.kernels.iter().filter(|kernel| kernel.outcome != "ok") {
        let reason = kernel.reason.as_deref().unwrap_or_default();
        differences.push(format!("{name} on {}: {}: {reason}", kernel.kernel, kernel.outcome));
    }
    let mut expected = listed(&suite.failures, kernels);
    let flaky = listed(&suite.flaky, kernels);
    for test in &report.tests {
        let key = (test.kernel.clone(), format!("{} {}", test.binary, test.test));
        if test.outcome.is_green() {
            if test.attempts > 1 && !flaky.contains_key(&key) {
                let (attempts, (kernel, test)) = (test.attempts, &key);
                differences
                    .push(format!("{name} on {kernel}: {test}: passed only in attempt {attempts}"));
            }
            continue;
        }
        let Some(_) = expected.remove(&key) else {
            differences.push(unexpected(name, &key, test));
            continue;
        };
        if test.output.contains(MISSING) {
            let (kernel, test) = &key;
            differences.push(format!(
                "{name} on {kernel}: {test}: fails because a file is missing, which is unrelated to the kernel"
            ));
        }
    }
    differences.extend(expected.iter().map(|((kernel, test), reason)| {
        format!("{name} on {kernel}: {test}: passed, was skipped, or does not exist, but is expected to fail: {reason}")
    }));
    differences
}

fn unexpected(name: &str, (kernel, test): &(String, String), result: &TestResult) -> String {
    let said = result.output.lines().skip_while(|line| !line.contains("panicked at"));
    let said: Vec<&str> = said.take(3).map(str::trim).collect();
    let reason = result.reason.as_deref().unwrap_or_default();
    format!("{name} on {kernel}: {test}: {} {reason} {}", result.outcome, said.join(" | "))
}

/// Returns the failures of a list with their reasons, by kernel and test.
fn listed<'a>(failures: &'a [Failure], kernels: &[&str]) -> BTreeMap<(String, String), &'a str> {
    let mut listed = BTreeMap::new();
    for failure in failures {
        let is_on = |kernel: &&&str| {
            failure.kernels.is_empty() || failure.kernels.iter().any(|it| it == **kernel)
        };
        for kernel in kernels.iter().filter(is_on) {
            for test in &failure.tests {
                listed.insert(((*kernel).to_owned(), test.clone()), failure.reason.as_str());
            }
        }
    }
    listed
}

#[cfg(test)]
mod tests {
    use super::*;
    use bpfmap_vmtest::event::Event;

    const SUITE: &str = r#"
        name = "x"
        version = "1"
        flaky = [{ tests = ["b::t sometimes"], reason = "a packet can arrive too early" }]
        failures = [{ kernels = ["5.10"], tests = ["b::t fails"], reason = "the kernel lacks it before 6.1" }]
    "#;

    fn report(results: &[(&str, &str, &str, &str)]) -> Report {
        let (mut tests, mut kernels) = (vec![], vec![]);
        for (kernel, test, outcome, output) in results {
            let json = serde_json::json!({
                "type": "test", "kernel": kernel, "release": "", "binary": "b::t", "test": test,
                "outcome": outcome, "seconds": 0.0, "attempts": 1, "notes": {}, "output": output,
            });
            match serde_json::from_value(json).unwrap() {
                Event::Test(test) => tests.push(test),
                other => panic!("{other:?}"),
            }
            let json = serde_json::json!({
                "type": "kernel", "kernel": kernel, "release": "", "origin": "", "outcome": "ok",
                "seconds": 0.0, "engine": "tcg", "snapshot": true, "guests": 1,
            });
            match serde_json::from_value(json).unwrap() {
                Event::Kernel(kernel) => kernels.push(kernel),
                other => panic!("{other:?}"),
            }
        }
        Report { tests, kernels }
    }

    #[test]
    fn each_change_is_a_difference() {
        let suite: Suite = toml::from_str(SUITE).unwrap();
        let differences = |kernels: &[&str], results: &[(&str, &str, &str, &str)]| {
            compare(&suite, kernels, &report(results))
        };
        let right = ("5.10", "fails", "failed", "EINVAL");
        assert_eq!(differences(&["5.10"], &[right]), [""; 0]);
        let other = ("6.1", "fails", "failed", "panicked at x\nEINVAL");
        for (kernels, results, expected) in [
            (&["5.10"][..], &[("5.10", "fails", "passed", "")][..], "is expected to fail"),
            (&["5.10"], &[("5.10", "other", "passed", "")], "or does not exist"),
            (
                &["5.10", "6.1"],
                &[right, other],
                "x on 6.1: b::t fails: failed  panicked at x | EINVAL",
            ),
            (&["5.10"], &[("5.10", "fails", "failed", MISSING)], "fails because a file is missing"),
            (&["5.10", "6.1"], &[right], "x on 6.1: was not run"),
        ] {
            let found = differences(kernels, results);
            assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
        }
        let again = |test| {
            let mut report = report(&[right, ("5.10", test, "passed", "")]);
            report.tests[1].attempts = 2;
            compare(&suite, &["5.10"], &report)
        };
        assert_eq!(again("sometimes"), [""; 0]);
        assert_eq!(again("other"), ["x on 5.10: b::t other: passed only in attempt 2"]);
        let mut panicked = report(&[right]);
        panicked.kernels[0].outcome = "panic".to_owned();
        assert_eq!(compare(&suite, &["5.10"], &panicked), ["x on 5.10: panic: "]);
    }
}
