//! The options of the command line.

use crate::cargo_options::TestOptions;
use crate::manual;
use bpfmap_vmtest::kernel::{Downloads, Mirror, Packages};
use bpfmap_vmtest::{
    Architecture, Driver, Engine, Filter, Result, RootSource, SILENCE, Shard, config,
};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use std::path::PathBuf;
use std::time::Duration;

/// Boot Linux kernels in QEMU and run programs and test binaries in them
#[derive(Debug, Parser)]
#[command(version, about, after_long_help = manual::TOP)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a program in a kernel as if it ran here
    #[command(after_long_help = manual::RUN)]
    Run(RunOptions),
    /// Open a shell in a kernel
    #[command(after_long_help = manual::SHELL)]
    Shell(ShellOptions),
    /// Build tests with Cargo and run them on a list of kernels
    #[command(after_long_help = manual::TEST)]
    Test(Box<TestOptions>),
    /// Run test binaries on a list of kernels
    #[command(after_long_help = manual::MATRIX)]
    Matrix(Box<BinariesOptions>),
    /// Fetch kernels and list the available kernels
    #[command(after_long_help = manual::KERNELS)]
    Kernels(KernelsOptions),
    /// Explain a name that a report uses for a failure, or list all of them
    #[command(after_long_help = manual::EXPLAIN)]
    Explain {
        /// The name, such as `fetch-failed` (default: list all names)
        #[arg(value_name = "NAME")]
        name: Option<String>,
    },
    /// Print a completion script for a shell
    #[command(after_long_help = manual::COMPLETIONS)]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write man pages into an existing directory
    #[command(hide = true)]
    Man {
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RunOptions {
    #[command(flatten)]
    pub(crate) system: System,
    #[command(flatten)]
    pub(crate) machine: MachineOptions,
    /// End the guest after this many seconds
    #[arg(long, value_name = "SECONDS")]
    pub(crate) time_out: Option<u64>,
    /// Write the kernel's console log to a file
    #[arg(long, value_name = "FILE")]
    pub(crate) console: Option<PathBuf>,
    /// Wait for a debugger before the kernel boots, on a socket that only you can access
    #[arg(long)]
    pub(crate) gdb: bool,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    #[arg(value_name = "PROGRAM")]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ShellOptions {
    #[command(flatten)]
    pub(crate) system: System,
    #[command(flatten)]
    pub(crate) machine: MachineOptions,
    /// Wait for a debugger before the kernel boots, on a socket that only you can access
    #[arg(long)]
    pub(crate) gdb: bool,
}

#[derive(Debug, Args)]
pub(crate) struct System {
    /// The kernel: a line such as 6.1, or a name in bpfmap-vmtest.toml (default: `kernel` in that
    /// file)
    #[arg(long, value_name = "KERNEL", env = "BPFMAP_VMTEST_KERNEL")]
    pub(crate) kernel: Option<String>,
    #[command(flatten)]
    pub(crate) packages: PackageOptions,
}

#[derive(Debug, Args)]
pub(crate) struct BinariesOptions {
    #[command(flatten)]
    pub(crate) matrix: MatrixOptions,
    /// Print the matrix as jobs for a continuous integration service, and run no tests
    #[arg(long, value_name = "SERVICE")]
    pub(crate) print: Option<Service>,
    /// The number of jobs that --print makes (default: one for each kernel)
    #[arg(long, value_name = "N", requires = "print")]
    pub(crate) shards: Option<usize>,
    /// The test binaries
    #[arg(required_unless_present = "print", value_name = "BIN")]
    pub(crate) binaries: Vec<PathBuf>,
}

/// The kernels on which tests run, the selection of tests, and the reports.
#[derive(Debug, Args)]
pub(crate) struct MatrixOptions {
    /// A kernel: a line such as 6.1, or a name in bpfmap-vmtest.toml (default: `matrix` in that
    /// file, or else `kernels` in bpfmap.toml, or else all lines)
    #[arg(long = "kernel", value_name = "KERNEL")]
    pub(crate) kernels: Vec<String>,
    /// The number of guests that run at the same time (default: the number of cores)
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<usize>,
    /// The driver that runs the tests
    #[arg(long, value_enum, default_value_t = DriverOption::Guest)]
    pub(crate) driver: DriverOption,
    /// Run only the I-th of N parts of all kernels and binaries
    #[arg(long, value_name = "I/N")]
    pub(crate) shard: Option<Shard>,
    #[command(flatten)]
    pub(crate) machine: MachineOptions,
    #[command(flatten)]
    pub(crate) packages: PackageOptions,
    /// End a test after this many seconds (default: 60)
    #[arg(long, value_name = "SECONDS")]
    pub(crate) test_time_out: Option<u64>,
    /// Repeat a failed test, or a test whose guest failed, up to this many times; a test that then
    /// passes is reported as flaky
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) retries: u32,
    /// Run up to this many tests of a binary at the same time in each guest; give the guest several
    /// processors with --cpus (default: 1)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) test_threads: Option<u16>,
    /// Stop a kernel's tests after the first failure
    #[arg(long)]
    pub(crate) fail_fast: bool,
    #[command(flatten)]
    pub(crate) filters: FilterOptions,
    /// Write events to a file, as JSON lines
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write a report for continuous integration to a file, in the XML format of `JUnit`
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Write a report for people to a file, as one HTML page
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Append a Markdown report to a file (default: GitHub's job summary, if there is one)
    #[arg(long, value_name = "FILE", env = "GITHUB_STEP_SUMMARY")]
    pub(crate) github_summary: Option<PathBuf>,
    /// Copy the symbols and the debug information of test binaries to the guests, for tests that
    /// look for symbols in their own program
    #[arg(long)]
    pub(crate) symbols: bool,
    /// Allow complaints of the kernel that contain this text
    #[arg(long = "allow", value_name = "TEXT")]
    pub(crate) allowed: Vec<String>,
    /// Keep the console logs in this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) report_dir: Option<PathBuf>,
}

/// The selection of tests.
#[derive(Debug, Args)]
pub(crate) struct FilterOptions {
    /// Run only tests whose names contain this text
    #[arg(long = "filter", value_name = "TEXT")]
    filters: Vec<String>,
    /// Run only tests whose names are equal to a filter
    #[arg(long)]
    exact: bool,
    /// Leave out tests whose names contain this text
    #[arg(long, value_name = "TEXT")]
    skip: Vec<String>,
    /// Run the tests marked #[ignore] as well
    #[arg(long)]
    include_ignored: bool,
}

impl MatrixOptions {
    /// Returns which tests to run.
    pub(crate) fn filter(&self) -> Filter {
        let FilterOptions { filters, exact, skip, include_ignored } = &self.filters;
        Filter {
            texts: filters.clone(),
            exact: *exact,
            skip: skip.clone(),
            include_ignored: *include_ignored,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct MachineOptions {
    /// The architecture of the guest: x86-64 or arm64 (default: that of the program)
    #[arg(long, value_name = "ARCH")]
    pub(crate) arch: Option<Architecture>,
    /// The number of processors (default: 1)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) cpus: Option<u32>,
    /// The memory, such as 2G (default: 512M)
    #[arg(long, value_name = "SIZE", value_parser = config::parse_memory)]
    pub(crate) memory: Option<u32>,
    /// Load a kernel module and its dependencies first; if `?` follows the name, a missing module
    /// is ignored
    #[arg(long = "module", value_name = "NAME")]
    pub(crate) modules: Vec<String>,
    /// Copy a file or directory to the guest (default for DST: the same path)
    #[arg(long = "file", value_name = "SRC[:DST]", value_parser = parse_file)]
    pub(crate) files: Vec<(PathBuf, PathBuf)>,
    /// Give the guest a root file system: a directory, a tar archive, an OCI image (layout or
    /// archive), or Debian packages (`debian:SUITE/PACKAGE,PACKAGE`)
    #[arg(long, value_name = "SOURCE")]
    pub(crate) root: Option<RootSource>,
    /// Add programs of this machine to the guest, with the libraries that they need
    #[arg(long, value_name = "NAME,NAME", value_delimiter = ',')]
    pub(crate) host_programs: Vec<String>,
    /// Set an environment variable (default for the value: the variable's present value)
    #[arg(long, value_name = "KEY[=VALUE]", value_parser = parse_variable)]
    pub(crate) env: Vec<(String, String)>,
    /// Let programs and tests keep the capabilities `CAP_SYS_PTRACE` and `CAP_SYS_RAWIO`, with which
    /// they can forge results
    #[arg(long)]
    pub(crate) privileged: bool,
    /// Add an argument to the kernel's command line
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    pub(crate) cmdline: Vec<String>,
    /// The engine that executes the guest (default: KVM if a trial boot shows that it works, or
    /// else TCG)
    #[arg(long, value_name = "ENGINE")]
    pub(crate) engine: Option<EngineOption>,
    /// Consider a guest hung if it sends nothing for this many seconds (default: 30)
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) silence: Option<u64>,
    /// Boot the guest cold instead of from a snapshot
    #[arg(long)]
    pub(crate) no_snapshot: bool,
}

impl MachineOptions {
    pub(crate) fn silence(&self) -> Duration {
        self.silence.map_or(SILENCE, Duration::from_secs)
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum EngineOption {
    Kvm,
    Tcg,
}

impl From<EngineOption> for Engine {
    fn from(option: EngineOption) -> Self {
        match option {
            EngineOption::Kvm => Self::Kvm,
            EngineOption::Tcg => Self::Tcg,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DriverOption {
    /// Kernels that this program boots in QEMU
    Guest,
    /// Kernels that danobi/vmtest boots; that program must be installed
    Vmtest,
    /// This machine itself: no kernel is booted, and a faulty test can damage this machine
    Host,
}

impl From<DriverOption> for Driver {
    fn from(option: DriverOption) -> Self {
        match option {
            DriverOption::Guest => Self::Guest,
            DriverOption::Vmtest => Self::Vmtest,
            DriverOption::Host => Self::Host,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Service {
    Github,
    Gitlab,
}

impl Service {
    /// Returns the jobs of a matrix that is divided into this many parts, in the format of the
    /// continuous integration service.
    pub(crate) fn jobs(self, shards: usize) -> String {
        let shards: Vec<String> =
            (1..=shards).map(|shard| format!("\"{shard}/{shards}\"")).collect();
        let list = shards.join(", ");
        match self {
            Self::Github => format!("{{\"shard\": [{list}]}}\n"),
            Self::Gitlab => format!("parallel:\n  matrix:\n    - SHARD: [{list}]\n"),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct PackageOptions {
    /// The mirror of Debian's packages (default: the mirror that apt uses)
    #[arg(long, value_name = "ADDRESS")]
    mirror: Option<String>,
    /// The mirror of Debian's security updates (default: the mirror that apt uses)
    #[arg(long, value_name = "ADDRESS")]
    security_mirror: Option<String>,
    /// Use only kernels and packages that are in the cache, and fetch nothing; for `test`, Cargo
    /// gets this option as well
    #[arg(long)]
    pub(crate) offline: bool,
    /// The file that pins the kernels' packages (default: bpfmap-vmtest.lock, if it exists)
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
}

impl PackageOptions {
    pub(crate) fn resolve(&self) -> Result<Packages> {
        let mirror = Mirror::configured(self.mirror.clone(), self.security_mirror.clone());
        let downloads = if self.offline { Downloads::forbidden() } else { Downloads::default() };
        config::packages(mirror, self.lock.as_deref(), downloads)
    }
}

#[derive(Debug, Args)]
pub(crate) struct KernelsOptions {
    #[command(subcommand)]
    pub(crate) command: KernelsCommand,
    /// The architecture of the kernels: x86-64 or arm64 (default: that of this machine)
    #[arg(long, value_name = "ARCH", global = true)]
    pub(crate) arch: Option<Architecture>,
    #[command(flatten)]
    pub(crate) packages: PackageOptions,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KernelsCommand {
    /// Fetch kernels that are not in the cache
    Fetch {
        /// The kernels (default: all)
        #[arg(value_name = "KERNEL")]
        names: Vec<String>,
    },
    /// Fetch the newest kernels of Debian's lines, and pin them in the lock file
    Update {
        /// The kernels (default: all)
        #[arg(value_name = "KERNEL")]
        names: Vec<String>,
    },
    /// Remove kernels that are no longer used, all root file systems and all snapshots
    Prune,
    /// List kernels, and show which of them are in the cache
    List {
        /// The kernels (default: all)
        #[arg(value_name = "KERNEL")]
        names: Vec<String>,
    },
}

fn parse_variable(text: &str) -> Result<(String, String), String> {
    if let Some((key, value)) = text.split_once('=') {
        return Ok((key.to_owned(), value.to_owned()));
    }
    let value =
        std::env::var_os(text).ok_or("it has no value, and is not set in the environment")?;
    let value = value.into_string().map_err(|_| "its value in the environment is not UTF-8")?;
    Ok((text.to_owned(), value))
}

fn parse_file(text: &str) -> Result<(PathBuf, PathBuf), String> {
    let (source, target) = text.split_once(':').unwrap_or((text, text));
    let target = std::path::absolute(target).map_err(|error| error.to_string())?;
    Ok((PathBuf::from(source), target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_are_sound() {
        <Options as clap::CommandFactory>::command().debug_assert();
        let parsed = Options::parse_from(["x", "run", "--kernel", "6.1", "--", "ls", "--kernel"]);
        let Command::Run(run) = parsed.command else { panic!("{parsed:?}") };
        assert_eq!(run.command, ["ls", "--kernel"]);
    }

    #[test]
    fn jobs_are_printed_for_each_service() {
        assert_eq!(Service::Github.jobs(2), "{\"shard\": [\"1/2\", \"2/2\"]}\n");
        assert_eq!(Service::Gitlab.jobs(1), "parallel:\n  matrix:\n    - SHARD: [\"1/1\"]\n");
    }
}
