//! Code that the tests share: the harness as a program, and the test binary that breaks guests.

use bpfmap_vmtest::event::{Event, KernelResult, TestResult};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The kernel that most tests boot.
pub(crate) const KERNEL: &str = "6.12";

/// The beginning of an ELF file for x86-64. The harness takes a file that begins like this for an
/// uncompressed kernel.
pub(crate) const ELF_HEADER: &[u8] = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0";

/// Returns a command that runs the harness.
pub(crate) fn harness() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bpfmap-vmtest"));
    // A configuration file above this crate must not change the test.
    command.current_dir(std::env::temp_dir());
    command.env_remove("GITHUB_STEP_SUMMARY").env_remove("BPFMAP_VMTEST_KERNEL");
    command
}

/// Returns the path of the test binary that breaks guests.
pub(crate) fn victim() -> &'static Path {
    static VICTIM: OnceLock<PathBuf> = OnceLock::new();
    VICTIM.get_or_init(|| build_example("victim"))
}

/// Builds an example of this crate, and returns its path.
pub(crate) fn build_example(name: &str) -> PathBuf {
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "bpfmap-vmtest", "--example", name])
        .status()
        .unwrap();
    assert!(status.success(), "the example `{name}` does not build");
    let harness = Path::new(env!("CARGO_BIN_EXE_bpfmap-vmtest"));
    harness.with_file_name("examples").join(name)
}

/// The result of a run of the harness.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) green: bool,
    pub(crate) tests: Vec<TestResult>,
    pub(crate) kernels: Vec<KernelResult>,
    pub(crate) said: String,
}

impl Report {
    /// Returns the result of a test.
    pub(crate) fn test(&self, name: &str) -> &TestResult {
        self.tests.iter().find(|test| test.test == name).unwrap_or_else(|| panic!("{self:#?}"))
    }

    /// Returns the result of the only kernel.
    pub(crate) fn kernel(&self) -> &KernelResult {
        self.kernels.first().unwrap_or_else(|| panic!("{self:#?}"))
    }
}

/// Runs `matrix` with these arguments on one kernel, and reads its report.
pub(crate) fn matrix(args: &[&str], change: impl FnOnce(&mut Command)) -> Report {
    let kernel: &[&str] = if args.contains(&"--kernel") { &[] } else { &["--kernel", KERNEL] };
    report("matrix", &[kernel, args].concat(), change)
}

/// Runs a subcommand with these arguments, and reads its report.
pub(crate) fn report(subcommand: &str, args: &[&str], change: impl FnOnce(&mut Command)) -> Report {
    let directory = tempfile::tempdir().unwrap();
    let json = directory.path().join("events.json");
    let mut command = harness();
    command.args([subcommand, "--json"]).arg(&json).args(args);
    change(&mut command);
    let output = command.output().unwrap();
    let mut report = Report {
        green: output.status.success(),
        tests: Vec::new(),
        kernels: Vec::new(),
        said: said(&output),
    };
    for line in std::fs::read_to_string(&json).unwrap_or_default().lines() {
        match serde_json::from_str(line).unwrap() {
            Event::Test(test) => report.tests.push(test),
            Event::Kernel(kernel) => report.kernels.push(kernel),
            Event::Summary(summary) => assert_eq!(summary.green, report.green, "{}", report.said),
            other => panic!("{other:?}"),
        }
    }
    report
}

/// Runs tests of the victim.
pub(crate) fn run_victim(tests: &[&str], args: &[&str]) -> Report {
    let mut all = vec![victim().to_str().unwrap(), "--exact"];
    for test in tests {
        all.extend(["--filter", test]);
    }
    all.extend(args);
    matrix(&all, |_| {})
}

/// Returns everything that a program printed.
pub(crate) fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Records the changed files of a snapshot as if they were the original files. Any user that can
/// write to the cache can do this.
pub(crate) fn forge_what_was_written(snapshot: &Path) {
    use std::os::unix::fs::MetadataExt as _;
    let files = ["memory", "state", "console.log"].map(|name| {
        let found = snapshot.join(name).metadata().unwrap();
        let (modified, changed) =
            ((found.mtime(), found.mtime_nsec()), (found.ctime(), found.ctime_nsec()));
        let (inode, size) = (found.ino(), found.size());
        let file = serde_json::json!({
            "inode": inode, "size": size, "modified": modified, "changed": changed,
        });
        (name.to_owned(), file)
    });
    let json = serde_json::Value::Object(files.into_iter().collect()).to_string();
    std::fs::write(snapshot.join("written.json"), json).unwrap();
}

/// Returns the processes whose command line contains this text.
pub(crate) fn processes_with(text: &str) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let line = std::fs::read(entry.path().join("cmdline")).ok()?;
            String::from_utf8_lossy(&line).contains(text).then_some(pid)
        })
        .collect()
}
