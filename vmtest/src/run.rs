//! Runs one program in a kernel, as if it ran here.

use crate::console::tail;
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::failure::{Failure, FailureKind};
use crate::machine::Machine;
use crate::plan::{Action, PLAN, Plan, Program, guest_environment};
use crate::terminal::{self, RawTerminal};
use crate::tree::{Tree, absolute};
use crate::vm::{Guest, Happened};
use crate::wire::{FromGuest, Record, Status, Stream, ToGuest};
use std::io::{Read as _, Write};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A program to run.
#[derive(Debug, Clone)]
pub struct Run {
    /// The program: a path, or a name on the `PATH`.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its environment, beside what every guest's programs have.
    pub env: Vec<(String, String)>,
    /// More files and directories for the guest: paths here and there.
    pub files: Vec<(PathBuf, PathBuf)>,
    /// Kernel modules to load first: names and contents, in order.
    pub modules: Vec<(String, Vec<u8>)>,
    /// How long it may take altogether.
    pub time_out: Option<Duration>,
    /// Whether it has a terminal in the guest, which is this process's.
    pub terminal: bool,
    /// Symbolic links to make in the guest: where, and to what.
    pub links: Vec<(PathBuf, PathBuf)>,
}

/// How a program's run in a guest ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// It exited with this status.
    Exited(i32),
    /// This signal killed it.
    Signaled(i32),
    /// The guest failed; the last lines of its console.
    Failed(Failure, Vec<String>),
}

/// Where the shell's commands lie, if they come from busybox.
const COMMANDS: &str = "/vmtest/bin";

impl Run {
    /// A program to run, without arguments.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            files: Vec::new(),
            modules: Vec::new(),
            time_out: None,
            terminal: false,
            links: Vec::new(),
        }
    }

    /// A shell: busybox if it is at hand, which brings all its commands, or else `sh`.
    ///
    /// # Errors
    /// There is neither.
    pub fn shell() -> Result<Self> {
        let Ok(busybox) = find_program(Path::new("busybox")) else {
            return Ok(Self { terminal: true, ..Self::new(find_program(Path::new("sh"))?) });
        };
        let list = std::process::Command::new(&busybox).arg("--list").output();
        let list = list.doing("list the commands of busybox")?.stdout;
        let links = String::from_utf8_lossy(&list)
            .lines()
            .map(|name| (Path::new(COMMANDS).join(name), busybox.clone()))
            .collect();
        let args = vec!["sh".to_owned()];
        Ok(Self { terminal: true, args, links, ..Self::new(busybox) })
    }

    /// The kernel modules that the program declares that it needs.
    ///
    /// # Errors
    /// There is no such program, or what it declares means nothing.
    pub fn declared_modules(&self) -> Result<Vec<String>> {
        crate::elf::declared_modules(&find_program(&self.program)?)
    }

    /// Runs the program. Its input is this process's, unless that is a terminal; its output goes to
    /// the writers. A byte that can be read from `signals` is the number of a signal for it.
    ///
    /// # Errors
    /// The guest could not be started.
    pub fn run(
        &self,
        machine: &Machine,
        signals: &mut UnixStream,
        stdout: &mut dyn Write,
        stderr: &mut dyn Write,
    ) -> Result<(Ended, String)> {
        let mut guest = machine.start(&self.payload(machine)?)?;
        let ended = self.attend(&mut guest, signals, stdout, stderr)?;
        Ok((ended, guest.console()))
    }

    fn payload(&self, machine: &Machine) -> Result<Vec<u8>> {
        let program = absolute(&find_program(&self.program)?)?;
        let mut tree = Tree::default();
        tree.add_program(&program)?;
        for (source, target) in &self.files {
            tree.add_at(source, target)?;
        }
        for (link, target) in &self.links {
            tree.add_link(link, target);
        }
        let mut modules = Vec::new();
        for (name, data) in &self.modules {
            let path = PathBuf::from(format!("/vmtest/modules/{name}.ko"));
            tree.add_file(&path, 0o644, data.clone());
            modules.push(path);
        }
        let directory = std::env::current_dir().doing("find the current directory")?;
        tree.add_directory(&directory);
        let plan = Plan {
            env: guest_environment(&machine.kernel.name, &self.env),
            modules,
            action: Action::Run(Program {
                path: program,
                args: self.args.clone(),
                directory,
                terminal: self.terminal.then(terminal::size),
            }),
        };
        let json = serde_json::to_vec(&plan).expect("a plan is plain data");
        tree.add_file(Path::new(PLAN), 0o600, json);
        tree.pack()
    }

    fn attend(
        &self,
        guest: &mut Guest,
        signals: &mut UnixStream,
        stdout: &mut dyn Write,
        stderr: &mut dyn Write,
    ) -> Result<Ended> {
        let deadline = self.time_out.map(|limit| Instant::now() + limit);
        let stdin = std::io::stdin();
        // A program without a terminal of its own must not take this one's keys.
        let mut input = self.terminal || !rustix::termios::isatty(&stdin);
        let _raw = if self.terminal { RawTerminal::take() } else { None };
        let mut started = false;
        let mut status = None;
        let mut interrupted = 0;
        loop {
            let signals_fd = signals.try_clone().doing("share a socket")?;
            let mut files = vec![signals_fd.as_fd()];
            if input && started && guest.is_hungry() {
                files.push(stdin.as_fd());
            }
            match guest.next(&files, deadline)? {
                Happened::Said(Record::Bytes(Stream::Stdout, bytes)) => {
                    stdout
                        .write_all(&bytes)
                        .and_then(|()| stdout.flush())
                        .doing("write to the standard output")?;
                }
                Happened::Said(Record::Bytes(Stream::Stderr, bytes)) => {
                    stderr
                        .write_all(&bytes)
                        .and_then(|()| stderr.flush())
                        .doing("write to the standard error")?;
                }
                Happened::Said(Record::Message(FromGuest::Started)) => {
                    started = true;
                    if !input {
                        guest.tell(&ToGuest::InputEnded);
                    }
                }
                Happened::Said(Record::Message(FromGuest::Exited { status: ended })) => {
                    status = Some(ended);
                }
                Happened::Said(_) => {}
                Happened::Readable(0) => {
                    let mut number = [0];
                    signals.read_exact(&mut number).doing("read a signal")?;
                    if i32::from(number[0]) == libc::SIGWINCH {
                        let (rows, columns) = terminal::size();
                        guest.tell(&ToGuest::Window { rows, columns });
                        continue;
                    }
                    interrupted += 1;
                    // A second Ctrl-C is for a program that does not listen to the first.
                    if !started || interrupted > 1 {
                        let failure =
                            Failure::new(FailureKind::Interrupted, format!("signal {}", number[0]));
                        return Ok(ended(guest.end(failure), guest, None));
                    }
                    guest.tell(&ToGuest::Signal { number: number[0].into() });
                }
                Happened::Readable(_) => {
                    let mut bytes = [0; 4096];
                    let length =
                        rustix::io::read(&stdin, &mut bytes).doing("read the standard input")?;
                    if length == 0 {
                        input = false;
                        guest.tell(&ToGuest::InputEnded);
                    } else {
                        guest.feed(&bytes[..length]);
                    }
                }
                Happened::Deadline => {
                    let failure = Failure::new(FailureKind::TimedOut, "the program's time was up");
                    return Ok(ended(guest.end(failure), guest, None));
                }
                happened @ Happened::Ended(_) => return Ok(ended(happened, guest, status)),
            }
        }
    }
}

fn ended(happened: Happened, guest: &Guest, status: Option<Status>) -> Ended {
    let failure = match happened {
        Happened::Ended(Some(failure)) => failure,
        _ => match status {
            Some(Status::Exited(code)) => return Ended::Exited(code),
            Some(Status::Signaled(signal)) => return Ended::Signaled(signal),
            Some(Status::TimedOut) | None => Failure::new(
                FailureKind::ResultsCutShort,
                "the guest did not say how the program ended",
            ),
        },
    };
    Ended::Failed(failure, tail(&guest.console(), 20))
}

/// A program by its path, or by its name on the `PATH`.
fn find_program(program: &Path) -> Result<PathBuf> {
    let missing =
        || Error::new(ErrorKind::Usage, format!("there is no program {}", program.display()));
    if program.components().count() > 1 || program.is_absolute() {
        return Some(program.to_owned()).filter(|path| path.is_file()).ok_or_else(missing);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates = std::env::split_paths(&path).map(|directory| directory.join(program));
    candidates.find(|path| path.is_file()).ok_or_else(missing)
}
