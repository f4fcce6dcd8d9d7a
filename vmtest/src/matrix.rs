//! A matrix: test binaries, and the kernels on which they run.

use crate::arch::Architecture;
use crate::binary::Binary;
use crate::config::Config;
use crate::kernel::{KernelSource, Packages};
use crate::machine::{Engine, SILENCE};
use crate::plan::Filter;
use crate::root::RootSource;
use crate::shard::Shard;
use crate::stop::Stop;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// A set of test binaries and kernels, and the settings with which the binaries run on the kernels.
#[derive(Debug, Clone)]
pub struct Matrix {
    /// The names of the kernels. A name is one of `sources` or a line of Debian's kernels.
    pub kernels: Vec<String>,
    /// Kernels from sources other than Debian's packages, by name.
    pub sources: BTreeMap<String, KernelSource>,
    /// The architecture of the guests. `None` means the architecture of each test binary: if the
    /// binaries are for two architectures, each kernel runs once for each of the two.
    pub architecture: Option<Architecture>,
    /// The test binaries.
    pub binaries: Vec<Binary>,
    /// The program that runs the tests: as init in the guests of its architecture, or as the runner
    /// on this machine. The program must be built with the same version of this crate, and must call
    /// [`init::main_if_init`](crate::init::main_if_init) first. `None` means the program
    /// `bpfmap-vmtest` that [`Init::find_for`](crate::Init::find_for) finds.
    pub init: Option<PathBuf>,
    /// The driver that runs the tests.
    pub driver: Driver,
    /// The part of all kernels and binaries that this run covers. `None` means all of them.
    pub shard: Option<Shard>,
    /// The maximum number of guests that run at the same time.
    pub jobs: usize,
    /// The amount of memory of each guest, in MiB.
    pub memory: u32,
    /// The number of processors of each guest.
    pub cpus: u32,
    /// Kernel modules to load before the tests, in addition to the modules that the test binaries
    /// declare. Dependencies are loaded as well. For the syntax of the names, see
    /// [`Kernel::modules`](crate::kernel::Kernel::modules).
    pub modules: Vec<String>,
    /// Additional files and directories for the guests: the path on this machine, and the path in
    /// the guest. Only [`Driver::Guest`] accepts them, because tests of the other drivers can
    /// access this machine's files.
    pub files: Vec<(PathBuf, PathBuf)>,
    /// The root file system of the guests, if they have one. Only [`Driver::Guest`] supports it.
    pub root: Option<RootSource>,
    /// Programs of this machine to add to the guests, by name or path. Only [`Driver::Guest`]
    /// supports them.
    pub host_programs: Vec<String>,
    /// Whether the symbols of test binaries are copied to the guests.
    pub symbols: Symbols,
    /// Environment variables of the tests, in addition to the variables that all programs in a
    /// guest get.
    pub env: Vec<(String, String)>,
    /// Whether tests keep all capabilities of root, including `CAP_SYS_PTRACE` and `CAP_SYS_RAWIO`.
    /// With these two capabilities, a test can forge results. Tests that run on this machine itself
    /// always keep their capabilities.
    pub privileged: bool,
    /// Additional arguments for the kernels.
    pub arguments: Vec<String>,
    /// The time limit of one test in a guest.
    pub time_out: Duration,
    /// The time after which a guest that sends no message is considered hung.
    pub silence: Duration,
    /// The maximum number of times that a failed test is repeated.
    pub retries: u32,
    /// The maximum number of tests of a binary that run at the same time in a guest. After a guest
    /// has failed, the remaining tests of its kernel run one after the other, so that the test that
    /// breaks the guest is found.
    pub test_threads: usize,
    /// Whether a kernel's tests stop after the first failure.
    pub fail_fast: bool,
    /// The signal by which a caller ends the matrix early.
    pub stop: Stop,
    /// The selection of the tests to run.
    pub filter: Filter,
    /// The source of Debian's packages.
    pub packages: Packages,
    /// The engine that executes the guests. `None` means the engine that works on this machine.
    pub engine: Option<Engine>,
    /// Whether guests are restored from snapshots.
    pub snapshots: bool,
    /// Texts that are allowed in complaints of the kernel. A complaint that contains one of these
    /// texts is not a failure.
    pub allowed: Vec<String>,
    /// The directory for the guests' console logs. `None` means that the logs are not kept.
    pub report_dir: Option<PathBuf>,
}

impl Matrix {
    /// Returns a matrix without kernels and binaries, with the settings of the configuration file.
    #[must_use]
    pub fn configured(config: Config, packages: Packages) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            kernels: Vec::new(),
            sources: config.kernels,
            architecture: None,
            binaries: Vec::new(),
            init: None,
            driver: Driver::default(),
            shard: None,
            jobs: cores,
            memory: config.memory.unwrap_or(512),
            cpus: config.cpus.unwrap_or(1),
            modules: config.modules,
            files: Vec::new(),
            root: config.root,
            host_programs: config.host_programs,
            symbols: Symbols::default(),
            env: Vec::new(),
            privileged: false,
            arguments: config.cmdline,
            time_out: Duration::from_secs(config.test_time_out.unwrap_or(60)),
            silence: SILENCE,
            retries: 0,
            test_threads: 1,
            fail_fast: false,
            stop: Stop::default(),
            filter: Filter::default(),
            packages,
            engine: None,
            snapshots: true,
            allowed: config.allow,
            report_dir: None,
        }
    }
}

impl Matrix {
    /// Adds a second processor to guests that have only one. The second processor runs only
    /// processes that bind themselves to it. Most tests do not use it, because emulated processors
    /// wait for each other whenever a process runs on both.
    pub fn add_second_cpu(&mut self) {
        if self.cpus == 1 {
            self.cpus = 2;
            self.arguments.push(SECOND_CPU_ON_REQUEST.to_owned());
            self.allowed.push(WARNING_OF_7_1.to_owned());
        }
    }
}

/// The kernel argument that keeps a process off the second processor, unless the process binds
/// itself to that processor.
pub const SECOND_CPU_ON_REQUEST: &str = "isolcpus=domain,managed_irq,1";

/// A warning that Linux 7.1 prints when it boots with [`SECOND_CPU_ON_REQUEST`]. Linux 7.1 frees
/// the memory of that argument too early (`housekeeping_init`). Linux 7.2 no longer prints the
/// warning.
pub const WARNING_OF_7_1: &str = " at __free_reserved_area";

/// The treatment of the symbols and the debug information of test binaries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Symbols {
    /// The symbols are left out, unless `RUST_BACKTRACE` is set. Most of a test binary is debug
    /// information.
    #[default]
    LeftOut,
    /// The symbols are copied to the guests, for tests that look for symbols in their own program.
    HandedOver,
}

/// The driver of a matrix, which runs the tests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Driver {
    /// Kernels that this crate boots.
    #[default]
    Guest,
    /// Kernels that danobi/vmtest boots. That program must be installed.
    Vmtest,
    /// This machine itself. No kernel is booted, and a faulty test can damage this machine.
    Host,
}
