//! A matrix: test binaries, and the kernels to run them on.

use crate::binary::Binary;
use crate::config::Config;
use crate::kernel::{Packages, Source};
use crate::machine::{Engine, SILENCE};
use crate::plan::Filter;
use crate::root::RootSource;
use crate::shard::Shard;
use crate::stop::Stop;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// What to run, and on which kernels.
#[derive(Debug, Clone)]
pub struct Matrix {
    /// The names of the kernels: those of `sources`, and Debian's lines.
    pub kernels: Vec<String>,
    /// Kernels from sources other than Debian's packages, by name.
    pub sources: BTreeMap<String, Source>,
    /// The test binaries.
    pub binaries: Vec<Binary>,
    /// The program that is init in the guests, and that runs the tests on this machine. It must be
    /// built with the same version of this crate, and call
    /// [`init::main_if_init`](crate::init::main_if_init) first. `None` stands for `bpfmap-vmtest`,
    /// as found by [`Init::find`](crate::Init::find).
    pub init: Option<PathBuf>,
    /// What runs the tests.
    pub driver: Driver,
    /// The part of all kernels and binaries to run. `None` stands for all.
    pub shard: Option<Shard>,
    /// The maximum number of guests that run at the same time.
    pub jobs: usize,
    /// The amount of memory of each guest, in MiB.
    pub memory: u32,
    /// The number of processors of each guest.
    pub cpus: u32,
    /// Kernel modules to load before the tests, together with their dependencies and with the
    /// modules that the test binaries declare. They are named as for
    /// [`Kernel::modules`](crate::kernel::Kernel::modules).
    pub modules: Vec<String>,
    /// Additional files and directories for the guests: the path on this machine, and the path in
    /// the guest. They are refused with drivers other than ours, where the tests see this machine's
    /// files.
    pub files: Vec<(PathBuf, PathBuf)>,
    /// The root file system of the guests, if they have one. Only our driver supports it.
    pub root: Option<RootSource>,
    /// Programs of this machine to add to the guests, by name or path. Only our driver supports
    /// them.
    pub host_programs: Vec<String>,
    /// Whether the guests get the symbols of test binaries.
    pub symbols: Symbols,
    /// Environment variables of the tests, in addition to those of all programs in a guest.
    pub env: Vec<(String, String)>,
    /// Whether tests keep all capabilities of root, including those with which they can forge
    /// results: `CAP_SYS_PTRACE` and `CAP_SYS_RAWIO`. Tests on this machine itself always keep
    /// their capabilities.
    pub privileged: bool,
    /// Additional arguments for the kernels.
    pub arguments: Vec<String>,
    /// The time limit of one test in a guest.
    pub time_out: Duration,
    /// A guest that sends no message for this time is considered hung.
    pub silence: Duration,
    /// The maximum number of times that a failed test is repeated.
    pub retries: u32,
    /// Whether a kernel's tests stop after the first failure.
    pub fail_fast: bool,
    /// Ends the matrix early.
    pub stop: Stop,
    /// Which tests to run.
    pub filter: Filter,
    /// Where Debian's packages come from.
    pub packages: Packages,
    /// The engine that executes the guests. `None` stands for the one that works here.
    pub engine: Option<Engine>,
    /// Whether guests are restored from snapshots.
    pub snapshots: bool,
    /// Texts that are allowed in the kernel's complaints: a complaint that contains one of them is
    /// not a failure.
    pub allowed: Vec<String>,
    /// The directory for the guests' console logs, if they should be kept.
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
    /// Gives guests of one processor a second one, which runs only processes that bind themselves
    /// to it. Most tests do not use it, because emulated processors wait for each other whenever a
    /// process runs on both.
    pub fn add_second_cpu(&mut self) {
        if self.cpus == 1 {
            self.cpus = 2;
            self.arguments.push(SECOND_CPU_ON_REQUEST.to_owned());
            self.allowed.push(WARNING_OF_7_1.to_owned());
        }
    }
}

/// The kernel argument that keeps processes off the second processor, unless they bind themselves
/// to it.
pub const SECOND_CPU_ON_REQUEST: &str = "isolcpus=domain,managed_irq,1";

/// A warning that Linux 7.1 prints when it boots with [`SECOND_CPU_ON_REQUEST`]. It frees the
/// memory of that argument too early (`housekeeping_init`). Linux 7.2 does not print it any more.
pub const WARNING_OF_7_1: &str = " at __free_reserved_area";

/// What to do with the symbols and the debug information of test binaries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Symbols {
    /// They are left out, unless `RUST_BACKTRACE` is set: most of a test binary is debug information.
    #[default]
    LeftOut,
    /// They are handed over, for tests that look for symbols in their own program.
    HandedOver,
}

/// What runs the tests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Driver {
    /// Kernels booted by this crate.
    #[default]
    Guest,
    /// Kernels booted by danobi/vmtest, which must be installed.
    Vmtest,
    /// This machine itself, on which a test can break whatever it likes; no kernel is booted.
    Host,
}
