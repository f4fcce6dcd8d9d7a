//! Runs all test binaries on one kernel. Sessions run one after the other until each test has a
//! result, or a reason why it has none.

use crate::boot::Booted;
use crate::console::{complaints, tail};
use crate::danobi;
use crate::error::Result;
use crate::event::{Event, KernelResult, Outcome};
use crate::failure::{Failure, FailureKind};
use crate::host;
use crate::initramfs::Init;
use crate::kernel::{Kernel, Packages};
use crate::lists::Lists;
use crate::machine::{Engine, Machine};
use crate::matrix::{Driver, Matrix};
use crate::message::{FromGuest, Status, Stream};
use crate::plan::{Action, DYING, PLAN, Plan, TestBinary, guest_environment};
use crate::progress::Progress;
use crate::results::{Results, Running};
use crate::root::Root;
use crate::sequence::Sequence;
use crate::session::{Happened, Session};
use crate::tree::{Tree, absolute};
use crate::verdict::{STUCK, Verdict};
use crate::wire::Record;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

/// The maximum number of guests that may fail on one kernel. After that, the remaining tests are
/// not run on this kernel.
const MAX_GUESTS: u32 = 5;
/// The interval at which a run checks whether the matrix should stop.
const LOOK: Duration = Duration::from_millis(200);

/// The run of all binaries on one kernel.
pub(crate) struct KernelRun<'a> {
    matrix: &'a Matrix,
    kernel: &'a str,
    binaries: Vec<usize>,
    modules: &'a [String],
    lists: &'a Lists,
    results: Results<'a>,
    start: Instant,
    origin: String,
    engine: Option<Engine>,
    snapshot: bool,
    guests: u32,
    /// A guest from a snapshot that failed. The test that was running is repeated in a guest that
    /// is booted cold.
    suspect: Option<Suspect>,
    /// Whether such a repetition has already taken place.
    suspected: bool,
    /// The first failure of a guest: the name of the kind of failure, the details, advice, and the
    /// end of the console's log.
    failure: Option<(String, String, Option<String>, Vec<String>)>,
    console: String,
    stopped: bool,
}

/// A failed guest that was restored from a snapshot.
struct Suspect {
    failure: Failure,
    /// The test that was running when the guest failed.
    test: Option<String>,
    /// The last lines of the guest's console.
    tail: Vec<String>,
}

impl<'a> KernelRun<'a> {
    pub(crate) fn new(
        matrix: &'a Matrix,
        kernel: &'a str,
        binaries: Vec<usize>,
        modules: &'a [String],
        lists: &'a Lists,
        sender: &'a Sender<Progress>,
    ) -> Self {
        Self {
            matrix,
            kernel,
            binaries,
            modules,
            lists,
            results: Results::new(matrix, kernel, sender),
            start: Instant::now(),
            origin: String::new(),
            engine: None,
            snapshot: false,
            guests: 0,
            suspect: None,
            suspected: false,
            failure: None,
            console: String::new(),
            stopped: false,
        }
    }

    pub(crate) fn run(mut self, tree: Tree, init: Init, root: Option<Root>) {
        if self.matrix.stop.is_said() {
            // No more guests are started.
        } else if let Err(error) = self.run_guests(tree, init, root) {
            let advice = error.advice().map(str::to_owned);
            self.failure.get_or_insert((
                error.kind().name().to_owned(),
                error.summary(),
                advice,
                Vec::new(),
            ));
        }
        if self.matrix.stop.is_said() {
            let kind = FailureKind::Interrupted;
            let detail = "the matrix was stopped before this test had finished".to_owned();
            self.failure.get_or_insert((kind.name().to_owned(), detail, None, Vec::new()));
        }
        let why = self.failure.as_ref().map_or_else(
            || "an earlier test failed".to_owned(),
            |failure| format!("{}: {}", failure.0, failure.1),
        );
        self.results.tell_if_none_is_selected(&self.binaries);
        self.results.tell_not_run(&self.binaries, &why);
        let mut console = None;
        if let Some(directory) = &self.matrix.report_dir {
            let path = directory.join(format!("{}.console.log", self.kernel));
            // An error while writing a report must not hide the results.
            let written = std::fs::create_dir_all(directory)
                .and_then(|()| std::fs::write(&path, &self.console));
            console = written.is_ok().then(|| path.display().to_string());
        }
        let (outcome, reason, advice, console_tail) = match self.failure.take() {
            None => ("ok".to_owned(), None, None, Vec::new()),
            Some((kind, detail, advice, tail)) => (kind, Some(detail), advice, tail),
        };
        self.results.event(Event::Kernel(KernelResult {
            kernel: self.kernel.to_owned(),
            release: self.results.release.clone(),
            origin: self.origin.clone(),
            outcome,
            reason,
            advice,
            seconds: self.start.elapsed().as_secs_f64(),
            engine: self.engine,
            snapshot: self.snapshot,
            guests: self.guests,
            console_tail,
            console,
        }));
    }

    fn run_guests(&mut self, mut tree: Tree, init: Init, root: Option<Root>) -> Result<()> {
        if self.matrix.driver == Driver::Host {
            self.results.release = rustix::system::uname().release().to_string_lossy().into_owned();
            "this machine".clone_into(&mut self.origin);
            return self
                .run_sessions(&[], |plan, _| Ok(Box::new(host::start(plan, &init.program)?)));
        }
        let packages = self.packages();
        let kernel = Kernel::named(self.kernel, &self.matrix.sources, &packages)?;
        self.results.release.clone_from(&kernel.release);
        self.origin.clone_from(&kernel.origin);
        let found = kernel.modules(self.modules, &packages)?;
        self.results.tell(Progress::Booting { kernel: self.kernel.to_owned() });
        let mut machine = Machine::new(kernel, init)?;
        machine.memory = self.matrix.memory;
        machine.cpus = self.matrix.cpus;
        machine.arguments.clone_from(&self.matrix.arguments);
        machine.snapshots = self.matrix.snapshots;
        machine.silence = self.matrix.silence;
        machine.root = root;
        match self.matrix.engine {
            Some(engine) => machine.engine = engine,
            None => machine.choose_engine()?,
        }
        self.engine = Some(machine.engine);
        if self.matrix.driver == Driver::Vmtest {
            let files = danobi::modules(found);
            let modules: Vec<PathBuf> = files.iter().map(|(path, _)| path.clone()).collect();
            return self.run_sessions(&modules, |plan, _| {
                Ok(Box::new(danobi::start(&machine, plan, &files, &packages)?))
            });
        }
        let mut modules = Vec::new();
        for (name, data) in found {
            let path = PathBuf::from(format!("/vmtest/modules/{name}.ko"));
            tree.add_file(&path, 0o644, data);
            modules.push(path);
        }
        self.run_sessions(&modules, |plan, may_be_restored| {
            let machine =
                Machine { snapshots: machine.snapshots && may_be_restored, ..machine.clone() };
            let json = serde_json::to_vec(plan).expect("a plan is plain data");
            tree.add_file(Path::new(PLAN), 0o600, json);
            let payload = tree.pack_for(&machine.init.tree)?;
            Ok(Box::new(Booted::start(&machine, payload)?))
        })
    }

    /// Returns the source of Debian's packages. Its downloads are part of the progress of this
    /// kernel, and end when the matrix is stopped.
    fn packages(&self) -> Packages {
        let Packages { mirror, lock, downloads } = self.matrix.packages.clone();
        let (sender, kernel) = (self.results.sender(), self.kernel.to_owned());
        let downloads = downloads.stopped_by(self.matrix.stop.clone()).watched(move |download| {
            let (kernel, download) = (kernel.clone(), download.clone());
            // Without a receiver, nobody needs to know.
            let _ = sender.send(Progress::Fetching { kernel, download });
        });
        Packages { mirror, lock, downloads }
    }

    /// Starts sessions until all tests are finished or a further session would not help. Each
    /// session has its own plan, and is restored from a snapshot if that is allowed.
    fn run_sessions(
        &mut self,
        modules: &[PathBuf],
        mut start: impl FnMut(&Plan, bool) -> Result<Box<dyn Session>>,
    ) -> Result<()> {
        while self.guests < MAX_GUESTS && !self.stopped && !self.matrix.stop.is_said() {
            for index in self.binaries.clone() {
                if let Some(list) = self.lists.known(index) {
                    self.results.list(index, &list);
                }
            }
            let indices: Vec<usize> = self
                .binaries
                .iter()
                .copied()
                .filter(|index| !self.results.is_through(*index))
                .collect();
            if indices.is_empty() {
                break;
            }
            let plan = self.plan(modules)?;
            let mut session = start(&plan, self.suspect.is_none())?;
            self.guests += 1;
            let failed = self.attend(&mut *session, &plan, &indices)?;
            self.console.push_str(&session.console());
            // If this guest ran no test at all, a new guest would not do better.
            if failed != Some(false) {
                break;
            }
        }
        Ok(())
    }

    /// Returns the number of tests that run at the same time in the next guest.
    fn threads(&self) -> usize {
        if self.guests == 0 { self.matrix.test_threads } else { 1 }
    }

    fn plan(&self, modules: &[PathBuf]) -> Result<Plan> {
        let mut binaries = Vec::new();
        for index in self.binaries.iter().copied().filter(|index| !self.results.is_through(*index))
        {
            let binary = &self.matrix.binaries[index];
            let path = absolute(&binary.path)?;
            let directory = binary.directory.clone().unwrap_or_else(|| PathBuf::from("/tmp"));
            binaries.push(TestBinary {
                path,
                args: binary.args.clone(),
                directory,
                env: binary.env(),
                time_out: self.matrix.time_out,
                retries: self.matrix.retries,
                threads: self.threads(),
                fail_fast: self.matrix.fail_fast,
                filter: self.matrix.filter.clone(),
                list: self.lists.known(index),
                done: self.results.done(index).to_vec(),
            });
        }
        let env = guest_environment(self.kernel, &self.matrix.env);
        // On this machine itself, a test has the capabilities of its user.
        let privileged = self.matrix.privileged || self.matrix.driver == Driver::Host;
        let action = Action::Test(binaries);
        Ok(Plan { env, modules: modules.to_vec(), privileged, action })
    }

    /// Handles the messages of a guest until the guest ends. If the guest failed, returns whether
    /// it failed without having run a test.
    fn attend(
        &mut self,
        guest: &mut dyn Session,
        plan: &Plan,
        indices: &[usize],
    ) -> Result<Option<bool>> {
        let Action::Test(binaries) = &plan.action else { return Ok(None) };
        let mut sequence = Sequence::new(binaries);
        let is_alone = binaries.iter().all(|binary| binary.threads <= 1);
        let mut running: Option<Running> = None;
        let mut loose: Vec<u8> = Vec::new();
        let mut got_somewhere = false;
        let mut deadline = self.deadline(running.as_ref());
        loop {
            let happened = guest.next(deadline.min(Instant::now() + LOOK))?;
            if let Happened::Said(Record::Message(message)) = &happened
                && let Err(what) = sequence.check(message)
            {
                let ended = guest.end(Failure::new(FailureKind::ResultsForged, what));
                return Ok(self.guest_ended(guest, ended, running, got_somewhere));
            }
            match happened {
                Happened::Said(Record::Bytes(stream, bytes)) => match &mut running {
                    Some(running) => {
                        if stream == Stream::Stdout {
                            running.stdout.extend(&bytes);
                        }
                        running.output.extend(bytes);
                    }
                    None => loose.extend(bytes),
                },
                Happened::Said(Record::Message(message)) => match message {
                    FromGuest::Ready { release, .. } => {
                        self.results.release = release;
                    }
                    FromGuest::Listed { binary, list } => {
                        self.lists.tell(indices[binary], &list);
                        self.results.list(indices[binary], &list);
                        got_somewhere = true;
                    }
                    FromGuest::NotListed { binary, status } => {
                        let binary = indices[binary];
                        let output =
                            String::from_utf8_lossy(&std::mem::take(&mut loose)).into_owned();
                        let reason = Some(format!("--list ended with {status:?}"));
                        self.results.not_listed(binary, reason, output);
                        got_somewhere = true;
                    }
                    FromGuest::TestStarted { binary, test, attempt } => {
                        got_somewhere = true;
                        self.results.tell(Progress::Testing {
                            kernel: self.kernel.to_owned(),
                            test: test.clone(),
                        });
                        running = Some(Running {
                            binary: indices[binary],
                            test,
                            attempt,
                            stdout: Vec::new(),
                            output: Vec::new(),
                            since: Instant::now(),
                        });
                    }
                    // The process cannot be killed, so the guest is lost.
                    FromGuest::TestEnded { status: Status::Stuck, .. } => {
                        let ended = guest.end(Failure::new(FailureKind::Hang, STUCK));
                        return Ok(self.guest_ended(guest, ended, running, got_somewhere));
                    }
                    FromGuest::TestEnded { status, seconds, oom_kills, taint, full, .. } => {
                        let Some(test) = running.take() else { continue };
                        let name = test.test.clone();
                        self.test_ended(guest, test, status, (seconds, oom_kills, taint));
                        if full {
                            // Later tests would fail in this guest for lack of space, but can
                            // succeed in a new guest.
                            let detail =
                                format!("the test {name} left no space in the guest's file system");
                            let ended =
                                guest.end(Failure::new(FailureKind::FileSystemFull, detail));
                            return Ok(self.guest_ended(guest, ended, None, got_somewhere));
                        }
                    }
                    FromGuest::Awake => self.snapshot |= guest.was_restored(),
                    // If the guest fails before a test has ended, one of several tests is the cause.
                    // The next guest shows which.
                    FromGuest::Started => got_somewhere |= !is_alone,
                    FromGuest::Heartbeat
                    | FromGuest::Failed { .. }
                    | FromGuest::Exited { .. }
                    | FromGuest::End { .. } => {}
                },
                Happened::Readable(_) => {}
                Happened::Deadline => {
                    let failure = if self.matrix.stop.is_said() {
                        Failure::new(FailureKind::Interrupted, "the matrix was stopped")
                    } else if Instant::now() >= deadline {
                        Failure::new(FailureKind::TimedOut, "the guest's time limit expired")
                    } else {
                        continue;
                    };
                    let ended = guest.end(failure);
                    return Ok(self.guest_ended(guest, ended, running, got_somewhere));
                }
                ended @ Happened::Ended(_) => {
                    return Ok(self.guest_ended(guest, ended, running, got_somewhere));
                }
            }
            deadline = self.deadline(running.as_ref());
        }
    }

    /// Determines the result of a test. The tuple contains the duration in seconds, the number of
    /// processes that were killed because memory ran out, and the bits of the kernel's taint that
    /// were set since the test began.
    fn test_ended(
        &mut self,
        guest: &dyn Session,
        test: Running,
        status: Status,
        (seconds, oom_kills, taint): (f64, u64, u64),
    ) {
        self.clear_suspicion_after(&test.test);
        let stdout = String::from_utf8_lossy(&test.stdout);
        let verdict = Verdict::of(status, &stdout, oom_kills)
            .with_message(&String::from_utf8_lossy(&test.output))
            .with_taint(taint, || self.complained_as_allowed(guest, &test));
        if !status.is_tried_again() || test.attempt >= self.matrix.retries {
            self.end_test(test, verdict, seconds);
        }
    }

    /// Returns the time at which the guest is stopped if nothing happens until then. The guest
    /// itself ends a test that exceeds its time limit. This function therefore allows at least
    /// twice the time limit, so that the guest can report the test and wait for the process to end.
    fn deadline(&self, running: Option<&Running>) -> Instant {
        let now = Instant::now();
        match running {
            Some(running) => (running.since + self.matrix.time_out * 2 + DYING * 2)
                .max(now + Duration::from_secs(1)),
            None => now + self.matrix.time_out * 4,
        }
    }

    fn guest_ended(
        &mut self,
        guest: &dyn Session,
        ended: Happened,
        running: Option<Running>,
        got_somewhere: bool,
    ) -> Option<bool> {
        let console = guest.console();
        let Happened::Ended(Some(failure)) = ended else {
            self.look_for_complaints(&console);
            return None;
        };
        let tail = tail(&console, 30);
        // After several tests at the same time, the next guest shows whether one of them is the cause.
        let was_alone = self.guests > 1 || self.matrix.test_threads <= 1;
        let may_be_snapshot = guest.was_restored() && failure.kind.may_be_the_snapshots();
        if may_be_snapshot && was_alone && !self.suspected {
            if let Some(test) = &running {
                self.results.keep(test, &format!("{failure}, in a guest from a snapshot"));
            }
            let test = running.map(|running| running.test);
            self.suspected = true;
            self.suspect = Some(Suspect { failure, test, tail });
            return Some(false);
        }
        // The snapshot is not the cause, because a guest without a snapshot fails in the same way.
        self.suspect = None;
        let advice = failure.kind.advice().to_owned();
        let seconds = running.as_ref().map_or(0.0, |running| running.since.elapsed().as_secs_f64());
        if let Some(test) = running {
            if self.results.is_tried_again(&test, &failure) {
                return Some(false);
            }
            let reason = Some(failure.to_string());
            let verdict = Verdict { outcome: Outcome::GuestFailed, reason, notes: BTreeMap::new() };
            self.end_test(test, verdict, seconds);
        }
        self.failure.get_or_insert((
            failure.kind.name().to_owned(),
            failure.detail,
            Some(advice),
            tail,
        ));
        Some(!got_somewhere)
    }

    /// If the kernel complained, records a failure of the kernel, even if no test noticed the
    /// complaint.
    fn look_for_complaints(&mut self, console: &str) {
        let mut complaints = complaints(console);
        complaints.retain(|complaint| !complaint.is_allowed(&self.matrix.allowed));
        if let Some(first) = complaints.first() {
            let during = Some(first.tests.join(", ")).filter(|tests| !tests.is_empty());
            let during = during.map(|tests| format!(" (while {tests} ran)"));
            let more = match complaints.len() {
                1 => String::new(),
                count => format!(", and {} more", count - 1),
            };
            let detail = format!("{}{}{more}", first.text, during.unwrap_or_default());
            let kind = FailureKind::Warning;
            let advice = Some(kind.advice().to_owned());
            self.failure.get_or_insert((kind.name().to_owned(), detail, advice, tail(console, 30)));
        }
    }

    /// Returns whether the kernel complained while a test ran, and all of these complaints are
    /// allowed.
    fn complained_as_allowed(&self, guest: &dyn Session, test: &Running) -> bool {
        let mut complaints = complaints(&guest.console());
        complaints.retain(|complaint| complaint.tests.contains(&test.test));
        !complaints.is_empty()
            && complaints.iter().all(|complaint| complaint.is_allowed(&self.matrix.allowed))
    }

    /// Records that the snapshot caused the failure, if the test finishes in a guest that was
    /// booted cold. The failure is still reported and fails the run, because an occasional panic of
    /// the kernel must not go unnoticed.
    fn clear_suspicion_after(&mut self, test: &str) {
        let is_over = |suspect: &mut Suspect| suspect.test.as_ref().is_none_or(|it| it == test);
        let Some(Suspect { failure, tail, .. }) = self.suspect.take_if(is_over) else { return };
        let kind = FailureKind::SnapshotDamaged;
        let detail = format!(
            "{failure}, in a guest from a snapshot; a guest that was booted cold continued"
        );
        let advice = Some(kind.advice().to_owned());
        self.failure.get_or_insert((kind.name().to_owned(), detail, advice, tail));
    }

    fn end_test(&mut self, test: Running, verdict: Verdict, seconds: f64) {
        self.stopped |= !verdict.outcome.is_green() && self.matrix.fail_fast;
        self.results.ended(test, verdict, seconds);
    }
}
