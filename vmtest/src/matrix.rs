//! Runs test binaries on a list of kernels, some side by side.

use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, Summary};
use crate::init::Init;
use crate::kernel::{Packages, Source};
use crate::kernel_run::KernelRun;
use crate::machine::Engine;
use crate::plan::Filter;
use crate::shard::Shard;
use crate::tree::Tree;
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// What to run, and on which kernels.
#[derive(Debug, Clone)]
pub struct Matrix {
    /// The names of the kernels: those of `sources`, and Debian's lines.
    pub kernels: Vec<String>,
    /// Kernels that are not Debian's, by name.
    pub sources: BTreeMap<String, Source>,
    /// The test binaries.
    pub binaries: Vec<PathBuf>,
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
    /// binaries declare.
    pub modules: Vec<String>,
    /// The environment of the tests, beside what every guest's programs have.
    pub env: Vec<(String, String)>,
    /// More arguments for the kernels.
    pub arguments: Vec<String>,
    /// The longest that one test may take in a guest.
    pub time_out: Duration,
    /// How long a guest may say nothing.
    pub silence: Duration,
    /// How often a test that failed is run again.
    pub retries: u32,
    /// Stop a kernel's tests at the first that fails.
    pub fail_fast: bool,
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

/// What runs the tests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Driver {
    /// Kernels booted by this crate.
    #[default]
    Guest,
    /// This machine itself, on which a test can break whatever it likes; no kernel is booted.
    Host,
}

/// What a matrix tells while it runs.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Progress {
    /// A kernel's guest boots.
    Booting {
        /// The kernel.
        kernel: String,
    },
    /// A test begins.
    Testing {
        /// The kernel.
        kernel: String,
        /// The test's name.
        test: String,
    },
    /// Something is known for good.
    Event(Box<Event>),
}

impl Matrix {
    /// Runs everything, tells `progress` of it as it goes, and gives all events, the summary last.
    ///
    /// # Errors
    /// What would fail on every kernel alike: QEMU or a test binary's library is missing. What
    /// fails on one kernel is an event.
    pub fn run(&self, mut progress: impl FnMut(&Progress)) -> Result<Vec<Event>> {
        let start = Instant::now();
        let init = Init::find()?;
        let mut tree = Tree::default();
        let mut modules = self.modules.clone();
        for binary in &self.binaries {
            if !binary.is_file() {
                let message = format!("there is no test binary {}", binary.display());
                return Err(Error::new(ErrorKind::Usage, message));
            }
            tree.add_program(binary)?;
            modules.extend(crate::elf::declared_modules(binary)?);
        }
        if self.driver == Driver::Guest {
            crate::qemu::Qemu::find()?;
        }
        let waiting = Mutex::new(self.tasks());
        let (sender, receiver) = channel();
        let mut events = Vec::new();
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.clamp(1, self.kernels.len().max(1)) {
                let (sender, waiting, tree) = (sender.clone(), &waiting, &tree);
                let (init, modules) = (&init, &modules);
                scope.spawn(move || {
                    loop {
                        let next = waiting.lock().ok().and_then(|mut waiting| waiting.pop_front());
                        let Some((kernel, binaries)) = next else { break };
                        KernelRun::new(self, kernel, binaries, modules, &sender)
                            .run(tree.clone(), init.clone());
                    }
                });
            }
            drop(sender);
            for message in receiver {
                progress(&message);
                if let Progress::Event(event) = message {
                    events.push(*event);
                }
            }
        });
        let summary = Event::Summary(Summary::of(&events, start.elapsed().as_secs_f64()));
        progress(&Progress::Event(Box::new(summary.clone())));
        events.push(summary);
        Ok(events)
    }

    /// The kernels, each with the binaries that shall run on it.
    fn tasks(&self) -> VecDeque<(&str, Vec<usize>)> {
        let count = self.binaries.len();
        let binaries = |kernel: usize| {
            let is_ours =
                |binary: &usize| self.shard.is_none_or(|shard| shard.has(kernel * count + binary));
            (0..count).filter(is_ours).collect::<Vec<_>>()
        };
        let tasks = self.kernels.iter().enumerate();
        tasks
            .map(|(index, kernel)| (kernel.as_str(), binaries(index)))
            .filter(|(_, binaries)| !binaries.is_empty())
            .collect()
    }
}
