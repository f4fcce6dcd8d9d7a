//! The command line of `bpfmap test`.

use std::path::PathBuf;

use bpfmap_vmtest::config;
use bpfmap_vmtest::kernel::{Downloads, Mirror, Packages};
use clap::Args;

use crate::manual;
use crate::options::{BuildOptions, DiagnosticOptions, SchemasOption};

/// Test maps on real kernels.
///
/// Compiles a BPF program that uses each map, boots the kernels in QEMU, and runs the tests there.
/// If one side (the program or user space) writes a member, the other side must read the same data
/// from the same member. Each operation must have the result that `bpfmap kernels` shows for the
/// map type and the kernel. If a kernel refuses an operation as expected, the test passes. The
/// table lists the operations that only some of the kernels refuse.
///
/// The command needs clang. Without `--host`, it also needs QEMU. Kernels that are not in the cache are
/// fetched with apt, which must be installed. The command does not compile any Rust.
#[derive(Debug, Args)]
#[command(after_long_help = manual::TEST)]
pub(crate) struct TestOptions {
    #[command(flatten)]
    pub(super) schemas: SchemasOption,
    /// Test the maps of an object file that clang compiled for the BPF target with -g
    #[arg(long = "object", value_name = "FILE")]
    pub(super) objects: Vec<PathBuf>,
    /// A kernel: a line such as 6.1, or a name in bpfmap-vmtest.toml [default: the kernels of
    /// bpfmap.toml, or the newest line and the oldest line that `min_kernel` allows]
    #[arg(long = "kernel", value_name = "KERNEL", conflicts_with_all = ["matrix", "host"])]
    pub(super) kernels: Vec<String>,
    /// Run on every kernel line, or on the matrix of bpfmap-vmtest.toml
    #[arg(long, conflicts_with = "host")]
    pub(super) matrix: bool,
    /// Run on the kernel of this machine, as root, without QEMU
    #[arg(long)]
    pub(super) host: bool,
    #[arg(long = "filter", value_name = "TEXT")]
    #[arg(
        help = "Run only tests whose names contain this text; the names have the form SCHEMA::MAP::TEST"
    )]
    pub(super) filters: Vec<String>,
    /// The number of kernels that run at the same time [default: the number of cores]
    #[arg(long, value_name = "N")]
    pub(super) jobs: Option<usize>,
    /// The memory of a guest, such as 2G [default: 512M, or more if the maps need more; `memory` in
    /// bpfmap-vmtest.toml replaces this]
    #[arg(long, value_name = "SIZE", value_parser = config::parse_memory, conflicts_with = "host")]
    pub(super) memory: Option<u32>,
    #[command(flatten)]
    pub(super) packages: PackageOptions,
    /// Write events to a file, as JSON lines
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    #[arg(long, value_name = "FILE")]
    #[arg(help = "Write a report for continuous integration to a file, as JUnit XML")]
    pub(super) junit: Option<PathBuf>,
    /// Write a report for people to a file, as one HTML page
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
    /// Add a report to a file, as Markdown
    #[arg(long, value_name = "FILE", env = "GITHUB_STEP_SUMMARY")]
    pub(super) github_summary: Option<PathBuf>,
    /// Keep the console logs of the kernels in a folder
    #[arg(long, value_name = "DIR")]
    pub(super) report_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(super) build: BuildOptions,
    #[command(flatten)]
    pub(super) diagnostics: DiagnosticOptions,
}

/// The source of Debian's kernels. The options have the same meaning as for `bpfmap-vmtest`.
#[derive(Debug, Args)]
pub(crate) struct PackageOptions {
    /// The mirror of Debian's packages [default: the mirror that apt uses]
    #[arg(long, value_name = "ADDRESS")]
    mirror: Option<String>,
    /// The mirror of Debian's security updates [default: the mirror that apt uses]
    #[arg(long, value_name = "ADDRESS")]
    security_mirror: Option<String>,
    /// Use only kernels that are in the cache, and fetch nothing
    #[arg(long)]
    offline: bool,
    /// The file that pins the kernels' packages [default: bpfmap-vmtest.lock, if it exists]
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
}

impl PackageOptions {
    pub(super) fn resolve(&self) -> bpfmap_vmtest::Result<Packages> {
        let mirror = Mirror::configured(self.mirror.clone(), self.security_mirror.clone());
        let downloads = if self.offline { Downloads::forbidden() } else { Downloads::default() };
        config::packages(mirror, self.lock.as_deref(), downloads)
    }
}
