//! Distributes a matrix over guests, several of which can run at the same time, and collects their
//! results.

use crate::danobi;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, Summary};
use crate::initramfs::Init;
use crate::kernel::check_name;
use crate::kernel_run::KernelRun;
use crate::lists::Lists;
use crate::matrix::{Driver, Matrix, Symbols};
use crate::plan::List;
use crate::progress::Progress;
use crate::root::Root;
use crate::tree::{Tree, absolute};
use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Instant;

impl Matrix {
    /// Runs all tests on all kernels, passes each step to `progress`, and returns all events. The
    /// last event is the summary.
    ///
    /// # Errors
    /// Fails if an error affects every kernel, for example if QEMU or a library of a test binary is
    /// missing. A failure on a single kernel is an event instead.
    pub fn run(&self, mut progress: impl FnMut(&Progress)) -> Result<Vec<Event>> {
        let start = Instant::now();
        self.kernels.iter().try_for_each(|kernel| check_name(kernel))?;
        let init = match &self.init {
            Some(program) => Init::pack(program)?,
            None => Init::find()?,
        };
        let root = self.root()?;
        let mut tree = Tree::above(root.as_ref().map(|root| root.listing().clone()));
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
        for binary in &self.binaries {
            if !binary.path.is_file() {
                let message = format!("there is no test binary {}", binary.path.display());
                return Err(Error::new(ErrorKind::Usage, message));
            }
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
            Driver::Guest => drop(crate::qemu::Qemu::find()?),
            Driver::Vmtest => {
                self.binaries
                    .iter()
                    .try_for_each(|binary| danobi::check(&absolute(&binary.path)?))?;
            }
            Driver::Host => {}
        }
        let waiting = Mutex::new(self.tasks());
        let lists = Lists::default();
        for (index, binary) in self.binaries.iter().enumerate() {
            if let Some(tests) = binary.tests.clone() {
                lists.tell(index, &List { tests, ignored: Vec::new() });
            }
        }
        let (sender, receiver) = channel();
        let mut events = Vec::new();
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.clamp(1, self.kernels.len().max(1)) {
                let (sender, waiting, tree) = (sender.clone(), &waiting, &tree);
                let (init, modules, lists, root) = (&init, &modules, &lists, root.as_ref());
                scope.spawn(move || {
                    loop {
                        let next = waiting.lock().ok().and_then(|mut waiting| waiting.pop_front());
                        let Some((kernel, binaries)) = next else { break };
                        KernelRun::new(self, kernel, binaries, modules, lists, &sender).run(
                            tree.clone(),
                            init.clone(),
                            root.cloned(),
                        );
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

    /// Returns the root file system of the guests, if they have one.
    fn root(&self) -> Result<Option<Root>> {
        match (&self.root, self.driver) {
            (Some(root), Driver::Guest) => root.root(&self.packages).map(Some),
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

    /// Returns the kernels, each with the binaries to run on it.
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
