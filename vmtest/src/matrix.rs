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
    /// Kernels that are not Debian's, by name.
    pub sources: BTreeMap<String, Source>,
    /// The test binaries.
    pub binaries: Vec<Binary>,
    /// The program that is init in the guests, and that runs the tests on this machine: one that is built with the same
    /// version of this crate and calls [`init::main_if_init`](crate::init::main_if_init) first. `None`: `bpfmap-vmtest`,
    /// as [`Init::find`](crate::Init::find) finds it.
    pub init: Option<PathBuf>,
    /// What runs the tests.
    pub driver: Driver,
    /// Which part of all kernels and binaries to run; none: all.
    pub shard: Option<Shard>,
    /// How many guests run side by side.
    pub jobs: usize,
    /// The memory of each guest, in MiB.
    pub memory: u32,
    /// The processors of each guest.
    pub cpus: u32,
    /// Kernel modules to load before the tests, with what they depend on, beside those that the test
    /// binaries declare: named as for [`Kernel::modules`](crate::kernel::Kernel::modules).
    pub modules: Vec<String>,
    /// More files and directories for the guests: paths here and there. With another driver than
    /// ours the tests see this machine's files, and these are refused.
    pub files: Vec<(PathBuf, PathBuf)>,
    /// The root file system of the guests, if they have one. Only with our driver.
    pub root: Option<RootSource>,
    /// Programs of this machine that the guests have, by their names or paths. Only with our driver.
    pub host_programs: Vec<String>,
    /// Whether the guests get the symbols of test binaries.
    pub symbols: Symbols,
    /// The environment of the tests, beside what every guest's programs have.
    pub env: Vec<(String, String)>,
    /// Whether tests keep all capabilities of root, those too by which they can forge results:
    /// `CAP_SYS_PTRACE` and `CAP_SYS_RAWIO`. Tests on this machine itself keep what they have.
    pub privileged: bool,
    /// More arguments for the kernels.
    pub arguments: Vec<String>,
    /// The longest that one test may take in a guest.
    pub time_out: Duration,
    /// After how long without a message a guest counts as hung.
    pub silence: Duration,
    /// How often a test that failed is run again.
    pub retries: u32,
    /// Stop a kernel's tests at the first that fails.
    pub fail_fast: bool,
    /// What ends it early.
    pub stop: Stop,
    /// Which tests to run.
    pub filter: Filter,
    /// Where Debian's packages come from.
    pub packages: Packages,
    /// What executes the guests; without it what works here.
    pub engine: Option<Engine>,
    /// Whether guests are restored from snapshots.
    pub snapshots: bool,
    /// Parts of the kernel's complaints that are no failure.
    pub allowed: Vec<String>,
    /// The directory for the guests' console logs, if they shall be kept.
    pub report_dir: Option<PathBuf>,
}

impl Matrix {
    /// Returns a matrix of no kernels and no binaries yet, with what the configuration file says.
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
    /// Gives guests of one processor a second one, which runs only what binds itself to it. Most tests are kept off it:
    /// emulated processors wait for each other whenever a process is on both.
    pub fn add_second_cpu(&mut self) {
        if self.cpus == 1 {
            self.cpus = 2;
            self.arguments.push(SECOND_CPU_ON_REQUEST.to_owned());
            self.allowed.push(WARNING_OF_7_1.to_owned());
        }
    }
}

/// The argument of a kernel that keeps processes off its second processor, unless they bind themselves to it.
pub const SECOND_CPU_ON_REQUEST: &str = "isolcpus=domain,managed_irq,1";

/// What Linux 7.1 warns of while it boots with [`SECOND_CPU_ON_REQUEST`]: it frees what it read from that argument before
/// it can (`housekeeping_init`). Linux 7.2 does no more.
pub const WARNING_OF_7_1: &str = " at __free_reserved_area";

/// What becomes of the symbols and the debug information of test binaries.
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
