//! The plan, which tells the guest what to do. The plan is the first file of the payload.

use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// The path of the plan in the guest.
pub(crate) const PLAN: &str = "/vmtest/plan.json";
/// The file that tells init to switch to a different root. The file lists the modules to load
/// first.
pub(crate) const SWITCH_ROOT: &str = "/vmtest/switch-root.json";
/// The path of a program's input, if the input is known beforehand.
pub(crate) const INPUT: &str = "/vmtest/input";
/// The name of the file through which QEMU passes the payload to the guest.
pub(crate) const PAYLOAD: &str = "opt/bpfmap-vmtest/payload";
/// The name of the file through which QEMU passes the root file system to the guest, if there is
/// one.
pub(crate) const ROOT: &str = "opt/bpfmap-vmtest/root";
/// The part of init's message which says that the root file system needs more memory than the guest
/// has.
pub(crate) const ROOT_TOO_LARGE: &str = "the root file system does not fit into the memory";
/// The `PATH` of every program in a guest.
pub(crate) const PROGRAMS: &str =
    "/vmtest/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The time limit for a process to end after it was killed.
pub(crate) const DYING: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// The environment of every process.
    pub(crate) env: Vec<(String, String)>,
    /// The paths in the guest of the modules to load, in this order.
    pub(crate) modules: Vec<PathBuf>,
    /// Whether the processes keep all capabilities, including the capabilities with which a process
    /// can impersonate the runner.
    pub(crate) privileged: bool,
    pub(crate) action: Action,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Action {
    /// Runs one program.
    Run(Program),
    /// Runs the tests of libtest binaries, each test in its own process.
    Test(Vec<TestBinary>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) args: Vec<String>,
    pub(crate) directory: PathBuf,
    /// The file that the program reads as its standard input. If `None`, the input comes from the
    /// host.
    pub(crate) input: Option<PathBuf>,
    /// The size of the program's terminal in rows and columns, if the program has a terminal.
    pub(crate) terminal: Option<(u16, u16)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TestBinary {
    pub(crate) path: PathBuf,
    /// The arguments that precede the options of a test binary.
    pub(crate) args: Vec<String>,
    pub(crate) directory: PathBuf,
    /// Environment variables of the binary's tests, in addition to the variables of every process.
    pub(crate) env: Vec<(String, String)>,
    /// The time limit for one test, and for listing the tests.
    pub(crate) time_out: Duration,
    /// The maximum number of times that a failed test is repeated.
    pub(crate) retries: u32,
    /// The number of tests that run at the same time.
    pub(crate) threads: usize,
    /// Whether to stop after the first test that fails in all attempts.
    pub(crate) fail_fast: bool,
    pub(crate) filter: Filter,
    /// The binary's tests, if they are known. If not, the binary is asked for them.
    pub(crate) list: Option<List>,
    /// The full names of tests that were run in an earlier guest.
    pub(crate) done: Vec<String>,
}

/// The tests of a binary.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct List {
    /// The names of all tests.
    pub(crate) tests: Vec<String>,
    /// The names of the tests that are marked `#[ignore]`.
    pub(crate) ignored: Vec<String>,
}

/// A selection of tests. The fields have the same meaning as the options of a test binary.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// Only tests whose name contains one of these texts are run. If empty, all tests are run.
    pub texts: Vec<String>,
    /// Whether names must be equal to one of the texts, instead of containing it.
    pub exact: bool,
    /// Tests whose name contains one of these texts are left out.
    pub skip: Vec<String>,
    /// Whether to run the tests that are marked `#[ignore]` as well.
    pub include_ignored: bool,
}

impl Filter {
    /// Returns whether the filter selects a test with this name, if the test is not ignored.
    #[must_use]
    pub fn takes(&self, test: &str) -> bool {
        let has =
            |part: &String| if self.exact { test == part } else { test.contains(part.as_str()) };
        (self.texts.is_empty() || self.texts.iter().any(has)) && !self.skip.iter().any(has)
    }

    /// Returns the reason why none of a binary's tests is selected, and a suggestion.
    pub(crate) fn why_none(&self, tests: &[String]) -> String {
        let list = |before: &str, texts: &[String]| {
            let all = texts.iter().map(|text| format!("`{before}{text}`"));
            all.collect::<Vec<_>>().join(", ")
        };
        let exactly = if self.exact { " exactly" } else { "" };
        let count = tests.len();
        let s = if count == 1 { "" } else { "s" };
        let without_skip = Self { skip: Vec::new(), ..self.clone() };
        if tests.iter().any(|test| without_skip.takes(test)) {
            let skip = list("--skip ", &self.skip);
            return format!(
                "{skip} leaves out every test that would be selected (of {count} test{s})"
            );
        }
        let filters = list("", &self.texts);
        let why = format!("the filter {filters} matches none of its {count} test{s}{exactly}");
        let part_of_a_name = Self { exact: false, skip: Vec::new(), ..self.clone() };
        let help =
            if let Some(test) = tests.iter().find(|it| self.exact && part_of_a_name.takes(it)) {
                format!("write `{test}`, or leave out `--exact`")
            } else if let Some(test) = self.texts.iter().find_map(|text| nearest(text, tests)) {
                format!("did you mean `{test}`?")
            } else {
                let example = tests.first().map_or("", String::as_str);
                format!("one of the tests is `{example}`")
            };
        format!("{why}; help: {help}")
    }
}

/// Returns the test whose name, or the last part of it, is similar to `text`.
fn nearest<'t>(text: &str, tests: &'t [String]) -> Option<&'t String> {
    let distance = |test: &str| {
        let last = test.rsplit("::").next().unwrap_or(test);
        strsim::damerau_levenshtein(text, test).min(strsim::damerau_levenshtein(text, last))
    };
    let nearest = tests.iter().map(|test| (distance(test), test)).min_by_key(|(far, _)| *far)?;
    Some(nearest.1).filter(|_| nearest.0 <= 1 + text.len() / 4)
}

/// Returns the environment of every program in a guest.
pub(crate) fn guest_environment(kernel: &str, more: &[(String, String)]) -> Vec<(String, String)> {
    let mut env = vec![
        ("PATH".to_owned(), PROGRAMS.to_owned()),
        ("HOME".to_owned(), "/root".to_owned()),
        ("TERM".to_owned(), "dumb".to_owned()),
        ("VMTEST_KERNEL".to_owned(), kernel.to_owned()),
    ];
    env.extend(std::env::vars_os().filter_map(passed_on));
    env.extend_from_slice(more);
    env
}

/// Returns a variable of this process if a guest's programs also get it. Returns `None` if they do
/// not, or if the variable is not UTF-8.
///
/// A guest gets the variables that Cargo, nextest, Rust's standard library and test harness, and
/// the dynamic linker use. Other variables may contain a secret, such as `CARGO_REGISTRY_TOKEN`.
fn passed_on((key, value): (OsString, OsString)) -> Option<(String, String)> {
    const NAMES: [&str; 10] = [
        "CARGO",
        "CARGO_BIN_NAME",
        "CARGO_CRATE_NAME",
        "CARGO_MANIFEST_DIR",
        "CARGO_MANIFEST_PATH",
        "CARGO_PRIMARY_PACKAGE",
        "CARGO_TARGET_TMPDIR",
        "CARGO_TERM_COLOR",
        "LD_LIBRARY_PATH",
        "NEXTEST",
    ];
    const PREFIXES: [&str; 5] = ["BPFMAP_", "CARGO_BIN_EXE_", "CARGO_PKG_", "NEXTEST_", "RUST_"];
    let key = key.into_string().ok()?;
    let is_known =
        NAMES.contains(&key.as_str()) || PREFIXES.iter().any(|prefix| key.starts_with(prefix));
    Some((key, value.into_string().ok().filter(|_| is_known)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_variables_that_are_known_and_text_are_passed_on() {
        use std::os::unix::ffi::OsStringExt as _;
        let passes = |key: &str| passed_on((key.into(), "x".into())).is_some();
        for key in ["RUST_BACKTRACE", "CARGO_PKG_NAME", "CARGO_MANIFEST_DIR", "NEXTEST_RUN_ID"] {
            assert!(passes(key), "{key}");
        }
        for key in [
            "CARGO_REGISTRY_TOKEN",
            "CARGO_REGISTRIES_MINE_TOKEN",
            "CARGO_REGISTRIES_MINE_CREDENTIAL_PROVIDER",
            "CARGO_HTTP_PROXY",
            "RUSTUP_TOKEN",
            "GITHUB_TOKEN",
            "HOME",
        ] {
            assert!(!passes(key), "{key}");
        }
        let bytes = || OsString::from_vec(vec![0xff]);
        assert_eq!(passed_on(("RUST_LOG".into(), bytes())), None);
        assert_eq!(passed_on((bytes(), "x".into())), None);
    }

    #[test]
    fn a_filter_has_the_meaning_of_a_test_binarys_options() {
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect();
        let mut select =
            Filter { texts: words(&["map::"]), skip: words(&["slow"]), ..Filter::default() };
        assert!(select.takes("a::map::fast"));
        assert!(!select.takes("a::map::slow"));
        assert!(!select.takes("a::fast"));
        select.exact = true;
        assert!(!select.takes("a::map::fast"));
        assert!(select.takes("map::"));
    }

    #[test]
    fn a_filter_that_selects_nothing_says_why() {
        let names = ["map::fast", "map::slow", "ring::reads"].map(str::to_owned);
        let why = |text: &str, exact: bool, skip: &[&str]| {
            let words = |words: &[&str]| words.iter().map(ToString::to_string).collect();
            let skip = words(skip);
            let texts = if text.is_empty() { vec![] } else { words(&[text]) };
            Filter { texts, exact, skip, include_ignored: false }.why_none(&names)
        };
        for (text, exact, skip, expected) in [
            (
                "fsat",
                false,
                &[][..],
                "the filter `fsat` matches none of its 3 tests; help: did you mean `map::fast`?",
            ),
            (
                "fast",
                true,
                &[],
                "the filter `fast` matches none of its 3 tests exactly; help: write `map::fast`, or leave out `--exact`",
            ),
            (
                "network",
                false,
                &[],
                "the filter `network` matches none of its 3 tests; help: one of the tests is `map::fast`",
            ),
            (
                "map",
                false,
                &["map::"],
                "`--skip map::` leaves out every test that would be selected (of 3 tests)",
            ),
            (
                "",
                false,
                &[":"],
                "`--skip :` leaves out every test that would be selected (of 3 tests)",
            ),
        ] {
            assert_eq!(why(text, exact, skip), expected);
        }
    }
}
