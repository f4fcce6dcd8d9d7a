//! Distributes a matrix over guests, several of which can run at the same time, and collects their
//! results.

use crate::arch::Architecture;
use crate::binary::Binary;
use crate::danobi;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, Summary};
use crate::initramfs::Init;
use crate::kernel::{self, check_known, check_name};
use crate::kernel_run::KernelRun;
use crate::lists::Lists;
use crate::matrix::{Driver, Matrix, Symbols};
use crate::plan::List;
use crate::progress::Progress;
use crate::root::Root;
use crate::tree::{Tree, absolute};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Instant;

/// What the guests of one architecture have.
struct Side {
    init: Init,
    tree: Tree,
    root: Option<Root>,
    modules: Vec<String>,
}

/// A kernel, and the binaries to run on it.
struct Task {
    kernel: String,
    architecture: Architecture,
    binaries: Vec<usize>,
}

impl Matrix {
    /// Runs all tests on all kernels, passes each step to `progress`, and returns all events. The
    /// last event is the summary.
    ///
    /// # Errors
    /// Fails if a kernel is not known, or if an error affects every kernel, for example if QEMU or a
    /// library of a test binary is missing. Any other failure on a single kernel is an event instead.
    pub fn run(&self, mut progress: impl FnMut(&Progress)) -> Result<Vec<Event>> {
        let start = Instant::now();
        if self.driver == Driver::Host {
            self.kernels.iter().try_for_each(|kernel| check_name(kernel))?;
        } else {
            let sources = &self.sources;
            self.kernels.iter().try_for_each(|kernel| check_known(kernel, sources))?;
        }
        let architectures = self.architectures()?;
        let tasks = self.tasks(&architectures)?;
        let mut distinct: BTreeSet<Architecture> = architectures.iter().copied().collect();
        if distinct.is_empty() {
            distinct.insert(self.architecture.unwrap_or(Architecture::HOST));
        }
        let mut sides = BTreeMap::new();
        for architecture in distinct {
            sides.insert(architecture, self.side(architecture, &architectures)?);
        }
        let waiting = Mutex::new(tasks.iter().collect::<VecDeque<_>>());
        let lists = Lists::default();
        for (index, binary) in self.binaries.iter().enumerate() {
            if let Some(tests) = binary.tests.clone() {
                lists.tell(index, &List { tests, ignored: Vec::new() });
            }
        }
        let (sender, receiver) = channel();
        let mut events = Vec::new();
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.clamp(1, tasks.len().max(1)) {
                let (sender, waiting) = (sender.clone(), &waiting);
                let (sides, lists) = (&sides, &lists);
                scope.spawn(move || {
                    loop {
                        let next = waiting.lock().ok().and_then(|mut waiting| waiting.pop_front());
                        let Some(Task { kernel, architecture, binaries }) = next else { break };
                        let Side { init, tree, root, modules } = &sides[architecture];
                        KernelRun::new(self, kernel, binaries.clone(), modules, lists, &sender)
                            .run(tree.clone(), init.clone(), root.clone());
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

    /// Returns the architecture of each binary.
    fn architectures(&self) -> Result<Vec<Architecture>> {
        let architecture = |binary: &Binary| {
            if !binary.path.is_file() {
                let message = format!("there is no test binary {}", binary.path.display());
                return Err(Error::new(ErrorKind::NotFound, message)
                    .help("build the tests, or check the path"));
            }
            // A script runs wherever its interpreter does. What is not a program for any guest is
            // refused when it is added to the guest's files.
            let own = || crate::elf::architecture(&binary.path).unwrap_or(Architecture::HOST);
            Ok(self.architecture.unwrap_or_else(own))
        };
        self.binaries.iter().map(architecture).collect()
    }

    /// Prepares what the guests of an architecture have: its test binaries, and everything else.
    fn side(&self, architecture: Architecture, architectures: &[Architecture]) -> Result<Side> {
        let init = match &self.init {
            Some(program) => {
                Some(Init::pack(program)?).filter(|it| it.architecture == architecture)
            }
            None => None,
        };
        let init = init.map_or_else(|| Init::find_for(architecture), Ok)?;
        let root = self.root(architecture)?;
        let mut tree = Tree::above(root.as_ref().map(|root| root.listing().clone()), architecture);
        let init = match root {
            // A root file system hides the files of init. The programs are therefore added to the
            // root file system below.
            Some(_) => init,
            None => init.with_programs(&self.host_programs)?,
        };
        if root.is_some() {
            tree.add_host_programs(&self.host_programs)?;
        }
        let mut modules = self.modules.clone();
        // Tests receive this variable as well.
        let wants_backtraces = std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0");
        let with_symbols = self.symbols == Symbols::HandedOver || wants_backtraces;
        let binaries = self.binaries.iter().zip(architectures);
        for (binary, _) in binaries.filter(|(_, of_binary)| **of_binary == architecture) {
            for program in std::iter::once(&binary.path).chain(&binary.programs) {
                if with_symbols {
                    tree.add_program(program, &binary.libraries)?;
                } else {
                    tree.add_loadable_program(program, &binary.libraries)?;
                }
            }
            if let Some(directory) = &binary.directory {
                tree.add_directory(&absolute(directory)?);
            }
            modules.extend(crate::elf::declared_modules(&binary.path)?);
        }
        if let (Driver::Vmtest | Driver::Host, Some((source, _))) =
            (self.driver, self.files.first())
        {
            let source = source.display();
            let message = format!("only the driver `guest` can copy a file to a guest ({source})");
            return Err(Error::new(ErrorKind::Usage, message).help(
                "remove the file: with this driver, the tests can access all files of this machine",
            ));
        }
        for (source, target) in &self.files {
            tree.add_at(source, target)?;
        }
        match self.driver {
            Driver::Guest => drop(crate::qemu::Qemu::find(architecture)?),
            Driver::Vmtest => {
                self.binaries
                    .iter()
                    .try_for_each(|binary| danobi::check(&absolute(&binary.path)?))?;
            }
            Driver::Host => {}
        }
        Ok(Side { init, tree, root, modules })
    }

    /// Returns the root file system of the guests of an architecture, if they have one.
    fn root(&self, architecture: Architecture) -> Result<Option<Root>> {
        match (&self.root, self.driver) {
            (Some(root), Driver::Guest) => root.root(&self.packages, architecture).map(Some),
            (Some(root), Driver::Vmtest | Driver::Host) => {
                let message =
                    format!("only the driver `guest` supports a root file system ({root})");
                Err(Error::new(ErrorKind::Usage, message).help(
                    "remove the option: with this driver, the tests use the files of this machine",
                ))
            }
            (None, _) => Ok(None),
        }
    }

    /// Returns the kernels, each with the binaries to run on it: those of its architecture.
    fn tasks(&self, architectures: &[Architecture]) -> Result<Vec<Task>> {
        let mut tasks: Vec<Task> = Vec::new();
        for (index, kernel) in self.kernels.iter().enumerate() {
            for (kernel, architecture) in self.meant_by(kernel, architectures)? {
                let count = self.binaries.len();
                let is_in_shard = |binary: usize| {
                    self.shard.is_none_or(|shard| shard.has(index * count + binary))
                };
                let binaries = (0..count).filter(|it| architectures[*it] == architecture);
                let binaries: Vec<usize> = binaries.filter(|it| is_in_shard(*it)).collect();
                let is_new = tasks.iter().all(|task| task.kernel != kernel);
                if is_new && !binaries.is_empty() {
                    tasks.push(Task { kernel, architecture, binaries });
                }
            }
        }
        Ok(tasks)
    }

    /// Returns the kernels that a name stands for: one for each architecture of the binaries, unless
    /// the name itself says for which architecture the kernel is.
    fn meant_by(
        &self,
        kernel: &str,
        architectures: &[Architecture],
    ) -> Result<Vec<(String, Architecture)>> {
        let distinct: BTreeSet<Architecture> = architectures.iter().copied().collect();
        let source = self.sources.get(kernel);
        let own = match (source, kernel::architecture_of(kernel)) {
            _ if self.driver != Driver::Guest => None,
            // If all binaries are for the same architecture, the kernel must be as well.
            (Some(source), _) if distinct.len() > 1 => {
                Some(source.kernel(kernel, &self.packages)?.architecture)
            }
            (None, own) => own.filter(|it| *it != Architecture::HOST),
            (Some(_), _) => None,
        };
        let Some(own) = own else {
            let name = |architecture| match source {
                Some(_) => kernel.to_owned(),
                None => kernel::name_for(kernel, architecture),
            };
            return Ok(distinct.into_iter().map(|it| (name(it), it)).collect());
        };
        if distinct.contains(&own) {
            return Ok(vec![(kernel.to_owned(), own)]);
        }
        let message =
            format!("the kernel {kernel} is for {own}, but there is no test binary for {own}");
        let target = own.spec().target;
        Err(Error::new(ErrorKind::WrongArchitecture, message).help(format!(
            "build the tests for {own} (`--target {target}`), or name a kernel without `{}`",
            own.suffix()
        )))
    }
}
