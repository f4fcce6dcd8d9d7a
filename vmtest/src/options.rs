//! The options of the command line.

use bpfmap_vmtest::Engine;
use bpfmap_vmtest::kernel::Mirror;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Boots Linux kernels in QEMU and runs programs and test binaries in them.
#[derive(Debug, Parser)]
#[command(version, about)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs a program in a kernel as if it ran here
    Run(RunOptions),
    /// Runs test binaries on a list of kernels
    Matrix(MatrixOptions),
    /// Fetches kernels and lists those that are there
    Kernels(KernelsOptions),
}

#[derive(Debug, Args)]
pub(crate) struct RunOptions {
    /// The kernel's line, such as 6.1
    #[arg(long, value_name = "LINE")]
    pub(crate) kernel: String,
    #[command(flatten)]
    pub(crate) machine: MachineOptions,
    #[command(flatten)]
    pub(crate) mirror: MirrorOptions,
    /// Hands a file or directory to the guest; without DST at the same path
    #[arg(long = "file", value_name = "SRC[:DST]", value_parser = parse_file)]
    pub(crate) files: Vec<(PathBuf, PathBuf)>,
    /// Ends the guest after so many seconds
    #[arg(long, value_name = "SECONDS")]
    pub(crate) time_out: Option<u64>,
    /// Writes the kernel's console log to a file
    #[arg(long, value_name = "FILE")]
    pub(crate) console: Option<PathBuf>,
    /// The program and its arguments
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "PROGRAM"
    )]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct MatrixOptions {
    /// A kernel's line, such as 6.1; without any: all
    #[arg(long = "kernel", value_name = "LINE")]
    pub(crate) kernels: Vec<String>,
    /// How many guests run side by side; without it as many as there are cores
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<usize>,
    #[command(flatten)]
    pub(crate) machine: MachineOptions,
    #[command(flatten)]
    pub(crate) mirror: MirrorOptions,
    /// Ends a test after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) test_time_out: u64,
    /// Runs a test that fails again, up to so many times
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) retries: u32,
    /// Stops a kernel's tests at the first that fails
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// Runs only tests with this in their names
    #[arg(long = "filter", value_name = "TEXT")]
    pub(crate) filters: Vec<String>,
    /// Takes filters for whole names
    #[arg(long)]
    pub(crate) exact: bool,
    /// Leaves tests out that have this in their names
    #[arg(long, value_name = "TEXT")]
    pub(crate) skip: Vec<String>,
    /// Runs the tests marked #[ignore] as well
    #[arg(long)]
    pub(crate) include_ignored: bool,
    /// Writes events to a file, as JSON lines
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Writes a report for continuous integration to a file, as `JUnit` XML
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Writes a report for people to a file, as one HTML page
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Adds a report to a file, as Markdown; without it to GitHub's job summary, if there is one
    #[arg(long, value_name = "FILE", env = "GITHUB_STEP_SUMMARY")]
    pub(crate) github_summary: Option<PathBuf>,
    /// Lets the kernel complain with this text
    #[arg(long = "allow", value_name = "TEXT")]
    pub(crate) allowed: Vec<String>,
    /// Keeps the console logs in a directory
    #[arg(long, value_name = "DIR")]
    pub(crate) report_dir: Option<PathBuf>,
    /// The test binaries
    #[arg(required = true, value_name = "BIN")]
    pub(crate) binaries: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct MachineOptions {
    /// The number of processors
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) cpus: u32,
    /// The memory, such as 512M or 2G
    #[arg(long, value_name = "SIZE", default_value = "512M", value_parser = parse_memory)]
    pub(crate) memory: u32,
    /// Loads a kernel module, and those that it depends on, first
    #[arg(long = "module", value_name = "NAME")]
    pub(crate) modules: Vec<String>,
    /// Sets a variable in the environment
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_variable)]
    pub(crate) env: Vec<(String, String)>,
    /// Adds an argument to the kernel's command line
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    pub(crate) cmdline: Vec<String>,
    /// What executes the guest; without it KVM if a trial shows that it works, or else TCG
    #[arg(long, value_name = "ENGINE")]
    pub(crate) engine: Option<EngineOption>,
    /// Boots from cold, not from a snapshot
    #[arg(long)]
    pub(crate) no_snapshot: bool,
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

#[derive(Debug, Args)]
pub(crate) struct MirrorOptions {
    /// The mirror of Debian's packages; without it the one that apt uses
    #[arg(long, value_name = "ADDRESS")]
    mirror: Option<String>,
    /// The mirror of Debian's security updates; without it the one that apt uses
    #[arg(long, value_name = "ADDRESS")]
    security_mirror: Option<String>,
}

impl MirrorOptions {
    pub(crate) fn resolve(&self) -> Mirror {
        Mirror::configured(self.mirror.clone(), self.security_mirror.clone())
    }
}

#[derive(Debug, Args)]
pub(crate) struct KernelsOptions {
    #[command(subcommand)]
    pub(crate) command: KernelsCommand,
    #[command(flatten)]
    pub(crate) mirror: MirrorOptions,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KernelsCommand {
    /// Fetches kernels that are not there yet
    Fetch {
        /// The kernels' lines; without any: all
        #[arg(value_name = "LINE")]
        lines: Vec<String>,
    },
    /// Lists kernels, and what is there of them
    List {
        /// The kernels' lines; without any: all
        #[arg(value_name = "LINE")]
        lines: Vec<String>,
    },
}

/// A size such as 512M or 2G, in MiB; a bare number is in MiB.
fn parse_memory(text: &str) -> Result<u32, String> {
    let (number, unit) = match text.strip_suffix(['G', 'g']) {
        Some(number) => (number, 1024),
        None => (text.strip_suffix(['M', 'm']).unwrap_or(text), 1),
    };
    let number: u32 =
        number.parse().map_err(|_| "a size is a number with M or G after it".to_owned())?;
    match number.checked_mul(unit) {
        Some(size) if (128..=1 << 20).contains(&size) => Ok(size),
        _ => Err("a guest needs from 128M to 1024G".to_owned()),
    }
}

fn parse_variable(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("a variable is KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
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
        Options::parse_from(["x", "run", "--kernel", "6.1", "--", "ls", "--kernel"]);
    }

    #[test]
    fn memory_is_read_with_its_unit() {
        assert_eq!(parse_memory("512M"), Ok(512));
        assert_eq!(parse_memory("2G"), Ok(2048));
        assert_eq!(parse_memory("300"), Ok(300));
        for wrong in ["", "1K", "64M", "99999999G", "-1"] {
            assert!(parse_memory(wrong).is_err(), "{wrong}");
        }
    }
}
