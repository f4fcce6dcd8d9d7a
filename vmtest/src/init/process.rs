//! Runs a process in the guest, and forwards its output while it runs.

use super::channel::Channel;
use super::terminal;
use crate::message::{FromGuest, Status, Stream, ToGuest};
use crate::plan::{DYING, Program};
use crate::wire::Record;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, kill_process, pidfd_open, wait};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Receives the output of a process while the process runs.
pub(super) trait Attendant {
    /// Receives a piece of output.
    fn output(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()>;

    /// Returns the channel on which input and signals for the process arrive, and to which
    /// heartbeats are sent. Returns `None` if other processes run at the same time. In that case, only
    /// the process group of the process is killed when the process has ended.
    fn channel(&mut self) -> Option<&mut Channel>;
}

/// Sends the output of a process to the host.
pub(super) struct Forward<'a>(pub(super) &'a mut Channel);

impl Attendant for Forward<'_> {
    fn output(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        self.0.send_bytes(stream, bytes)
    }

    fn channel(&mut self) -> Option<&mut Channel> {
        Some(self.0)
    }
}

/// The interval of the guest's heartbeat messages.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(1);
/// The maximum time for which the output of a test may wait to be read. A test writes in many small
/// pieces. If QEMU translates instructions and this process reads each piece immediately, the
/// reading takes a tenth of the time of a short test, because every process switch discards the
/// cached address translations.
const LULL: Duration = Duration::from_millis(30);
/// The maximum number of input bytes that are queued for a program that does not read them.
const MAX_INPUT: usize = 256 << 10;

/// Runs the single program of a guest. Its output is sent to the host as it arrives, and its input
/// and signals come from the host.
pub(super) fn run(
    channel: &mut Channel,
    program: &Program,
    env: &[(String, String)],
) -> io::Result<Status> {
    let mut command = command(&program.path, env, &program.directory);
    command.args(&program.args);
    let terminal = match program.terminal {
        Some(size) => Some(terminal::attach(&mut command, size)?),
        None => None,
    };
    if terminal.is_none() {
        let input = match &program.input {
            Some(path) => Stdio::from(File::open(path)?),
            None => Stdio::piped(),
        };
        command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0);
    }
    supervise(&mut Forward(channel), command, terminal, None, Duration::ZERO)
}

/// Runs a process until the process ends or its time limit expires. Then kills every process that
/// is still running.
pub(super) fn run_to_end(
    attendant: &mut dyn Attendant,
    mut command: Command,
    limit: Duration,
) -> io::Result<Status> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.process_group(0);
    supervise(attendant, command, None, Some(limit), LULL)
}

/// Returns a command with the guest's environment and no other variables.
pub(super) fn command(
    path: &std::path::Path,
    env: &[(String, String)],
    directory: &std::path::Path,
) -> Command {
    let mut command = Command::new(path);
    command.env_clear().envs(env.iter().map(|(key, value)| (key, value))).current_dir(directory);
    command
}

fn supervise(
    attendant: &mut dyn Attendant,
    mut command: Command,
    terminal: Option<OwnedFd>,
    limit: Option<Duration>,
    lull: Duration,
) -> io::Result<Status> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .spawn()
        .map_err(|error| io::Error::new(error.kind(), format!("cannot run {program}: {error}")))?;
    // A remaining `command` would keep the terminal's other end open.
    drop(command);
    let mut process = Process::new(&mut child, terminal, lull)?;
    let end = limit.map(|limit| Instant::now() + limit);
    let is_alone = attendant.channel().is_some();
    let status = loop {
        let until_end = end.map_or(HEARTBEAT, |end| end.saturating_duration_since(Instant::now()));
        let happened = match process.wait(attendant, until_end.min(HEARTBEAT)) {
            Ok(happened) => happened,
            Err(error) => {
                end_leftovers(&child, is_alone);
                return Err(error);
            }
        };
        if happened == Happened::Exited {
            break status_of(&mut child)?;
        }
        if end.is_some_and(|end| Instant::now() >= end) {
            describe_stuck(&child, attendant)?;
            end_leftovers(&child, is_alone);
            if !process.exits_within(DYING, attendant)? {
                tell_what_blocks();
                return Ok(Status::Stuck);
            }
            child.wait()?;
            break Status::TimedOut;
        }
        if let Some(channel) = attendant.channel().filter(|_| happened == Happened::Nothing) {
            channel.send(&FromGuest::Heartbeat)?;
        }
    };
    // Processes that were left running would disturb the next test, and may keep the output open.
    end_leftovers(&child, is_alone);
    process.drain(attendant)?;
    if is_alone {
        reap();
    }
    Ok(status)
}

/// Kills all processes that tests left running, and waits for those that have ended. No test may run.
pub(super) fn end_all() {
    if rustix::process::getpid().is_init() {
        kill_all();
        reap();
    }
}

/// Waits for the processes that have ended.
fn reap() {
    while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
}

fn status_of(child: &mut Child) -> io::Result<Status> {
    let status = child.wait()?;
    Ok(status.code().map_or(Status::Signaled(status.signal().unwrap_or_default()), Status::Exited))
}

/// Kills a process and the processes that it left running. In a guest, these are all processes
/// except init. On a machine that is not a guest, or if other tests run, only the process group is
/// killed.
fn end_leftovers(child: &Child, is_alone: bool) {
    if is_alone && rustix::process::getpid().is_init() {
        kill_all();
    } else {
        // This call fails only if there is nothing left to kill.
        let _ = rustix::process::kill_process_group(Pid::from_child(child), Signal::KILL);
    }
}

/// Kills all processes except init, which the kernel does not kill.
fn kill_all() {
    // This call fails only if there is nothing left to kill.
    // SAFETY: kill takes plain numbers.
    unsafe {
        libc::kill(-1, libc::SIGKILL);
    }
}

/// For each thread of a process, appends to the output the kernel functions in which the thread is
/// blocked.
fn describe_stuck(child: &Child, attendant: &mut dyn Attendant) -> io::Result<()> {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{}/task", child.id())) else { return Ok(()) };
    for task in tasks.flatten().take(16) {
        let read = |name| std::fs::read_to_string(task.path().join(name)).unwrap_or_default();
        let text = format!(
            "\n[time is up: thread {} is blocked in\n{}]\n",
            read("comm").trim_end(),
            read("stack")
        );
        attendant.output(Stream::Stderr, text.as_bytes())?;
    }
    Ok(())
}

/// Makes the kernel print the blocked tasks and the active timers.
fn tell_what_blocks() {
    if rustix::process::getpid().is_init() {
        for key in ["q", "w"] {
            // The log is still useful without this information.
            let _ = std::fs::write("/proc/sysrq-trigger", key);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Happened {
    Exited,
    Something,
    Nothing,
}

/// A running process, and this program's ends of the pipes to the process.
struct Process {
    pid: Pid,
    exit: Option<OwnedFd>,
    outputs: [(Stream, Option<File>); 2],
    input: Option<File>,
    terminal: Option<OwnedFd>,
    waiting: Vec<u8>,
    input_ended: bool,
    /// The maximum time for which output may wait to be read. `lull_ends` is the end of the current
    /// wait.
    lull: Duration,
    lull_ends: Instant,
}

impl Process {
    fn new(child: &mut Child, terminal: Option<OwnedFd>, lull: Duration) -> io::Result<Self> {
        let pid = Pid::from_child(child);
        let take = |fd: OwnedFd| -> io::Result<File> {
            rustix::io::ioctl_fionbio(&fd, true)?;
            Ok(fd.into())
        };
        let (to, from) = match &terminal {
            Some(terminal) => (Some(terminal.try_clone()?), Some(terminal.try_clone()?)),
            None => (child.stdin.take().map(OwnedFd::from), child.stdout.take().map(OwnedFd::from)),
        };
        let stdout = from.map(take).transpose()?;
        let stderr = child.stderr.take().map(OwnedFd::from).map(take).transpose()?;
        let input = to.map(take).transpose()?;
        Ok(Self {
            pid,
            // Kernels before 5.3 have no pidfd. On these kernels, the process is polled instead.
            exit: pidfd_open(pid, PidfdFlags::empty()).ok(),
            outputs: [(Stream::Stdout, stdout), (Stream::Stderr, stderr)],
            input_ended: input.is_none(),
            input,
            terminal,
            waiting: Vec::new(),
            lull,
            lull_ends: Instant::now() + lull,
        })
    }

    fn wait(&mut self, attendant: &mut dyn Attendant, limit: Duration) -> io::Result<Happened> {
        let limit = if self.exit.is_some() { limit } else { limit.min(Duration::from_millis(20)) };
        let lull = self.lull_ends.saturating_duration_since(Instant::now());
        let (limit, mut happened) = if lull.is_zero() {
            (limit, Happened::Nothing)
        } else {
            (limit.min(lull), Happened::Something)
        };
        let channel = attendant.channel().map(|channel| &*channel);
        let ready = self.poll(channel, limit, lull.is_zero())?;
        if let Some(channel) = attendant.channel().filter(|_| ready.channel) {
            for record in channel.receive()? {
                self.obey(record);
            }
            happened = Happened::Something;
        }
        if ready.input {
            self.feed();
        }
        for index in 0..self.outputs.len() {
            if ready.outputs[index] {
                self.hand_on(index, attendant)?;
                self.lull_ends = Instant::now() + self.lull;
                happened = Happened::Something;
            }
        }
        Ok(if ready.exit { Happened::Exited } else { happened })
    }

    /// Waits for the process to end. Returns whether the process ended in time.
    fn exits_within(&mut self, limit: Duration, attendant: &mut dyn Attendant) -> io::Result<bool> {
        let end = Instant::now() + limit;
        while Instant::now() < end {
            if self.wait(attendant, HEARTBEAT)? == Happened::Exited {
                return Ok(true);
            }
            if let Some(channel) = attendant.channel() {
                channel.send(&FromGuest::Heartbeat)?;
            }
        }
        Ok(false)
    }

    fn poll(&self, channel: Option<&Channel>, limit: Duration, outputs: bool) -> io::Result<Ready> {
        let mut ready = Ready::default();
        let mut fds = Vec::new();
        let mut targets: Vec<&mut bool> = Vec::new();
        if let Some(channel) = channel.filter(|_| self.waiting.len() < MAX_INPUT) {
            fds.push(PollFd::from_borrowed_fd(channel.as_fd(), PollFlags::IN));
            targets.push(&mut ready.channel);
        }
        if let Some(input) = self.input.as_ref().filter(|_| !self.waiting.is_empty()) {
            fds.push(PollFd::new(input, PollFlags::OUT));
            targets.push(&mut ready.input);
        }
        for ((_, file), target) in self.outputs.iter().zip(&mut ready.outputs) {
            if let Some(file) = file.as_ref().filter(|_| outputs) {
                fds.push(PollFd::new(file, PollFlags::IN));
                targets.push(target);
            }
        }
        if let Some(exit) = &self.exit {
            fds.push(PollFd::new(exit, PollFlags::IN));
            targets.push(&mut ready.exit);
        }
        let limit = Timespec::try_from(limit).map_err(io::Error::other)?;
        match poll(&mut fds, Some(&limit)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for (fd, target) in fds.iter().zip(targets) {
            *target = !fd.revents().is_empty();
        }
        if self.exit.is_none() {
            let options = rustix::process::WaitIdOptions::EXITED
                | rustix::process::WaitIdOptions::NOHANG
                | rustix::process::WaitIdOptions::NOWAIT;
            ready.exit =
                rustix::process::waitid(rustix::process::WaitId::Pid(self.pid), options)?.is_some();
        }
        Ok(ready)
    }

    fn obey(&mut self, record: Record<ToGuest>) {
        match record {
            Record::Bytes(_, bytes) => self.waiting.extend(bytes),
            Record::Message(ToGuest::InputEnded) => self.input_ended = true,
            Record::Message(ToGuest::Signal { number }) => {
                if let Some(signal) = Signal::from_named_raw(number) {
                    // The process may have ended meanwhile.
                    let _ = kill_process(self.pid, signal);
                }
            }
            Record::Message(ToGuest::Window { rows, columns }) => {
                if let Some(terminal) = &self.terminal {
                    // The terminal may have been closed meanwhile.
                    let _ = terminal::resize(terminal, (rows, columns));
                }
            }
            Record::Message(ToGuest::Go { .. }) => {}
        }
        self.feed();
    }

    /// Writes as much of the queued input as fits into the process's pipe.
    fn feed(&mut self) {
        if let Some(input) = &mut self.input {
            match input.write(&self.waiting) {
                Ok(length) => drop(self.waiting.drain(..length)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // The process no longer reads its input.
                Err(_) => self.input = None,
            }
        }
        if self.input.is_none() {
            self.waiting.clear();
        }
        if self.input_ended && self.waiting.is_empty() {
            self.input = None;
        }
    }

    /// Forwards one piece of output.
    fn hand_on(&mut self, index: usize, attendant: &mut dyn Attendant) -> io::Result<()> {
        let (stream, file) = &mut self.outputs[index];
        let mut bytes = [0; 16 << 10];
        match file.as_mut().map_or(Ok(0), |file| file.read(&mut bytes)) {
            Ok(0) => *file = None,
            Ok(length) => attendant.output(*stream, &bytes[..length])?,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            // A terminal reports its end by this error; a pipe reports it by an empty read.
            Err(error) if error.raw_os_error() == Some(libc::EIO) => *file = None,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Forwards the output that is still in the pipes after the process and its children have
    /// ended.
    fn drain(&mut self, attendant: &mut dyn Attendant) -> io::Result<()> {
        // A process that cannot be killed (because it hangs in the kernel) must not block the
        // guest.
        let end = Instant::now() + Duration::from_secs(2);
        for index in 0..self.outputs.len() {
            while let Some(file) = &self.outputs[index].1 {
                let limit = Timespec::try_from(end.saturating_duration_since(Instant::now()))
                    .map_err(io::Error::other)?;
                let ready = poll(&mut [PollFd::new(&file.as_fd(), PollFlags::IN)], Some(&limit))?;
                if ready == 0 {
                    break;
                }
                self.hand_on(index, attendant)?;
            }
        }
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Ready {
    channel: bool,
    input: bool,
    outputs: [bool; 2],
    exit: bool,
}
