//! A virtual machine that boots a kernel, and the guest in it while it runs.

use crate::error::{Context as _, Result};
use crate::failure::{Evidence, Failure, FailureKind};
use crate::init::Init;
use crate::kernel::Kernel;
use crate::plan::{DEBUG_EXIT, PAYLOAD};
use crate::qemu::{CommandLine, Monitor, Qemu};
use crate::wire::{Decoder, Encoder, FromGuest, Record, Stream, ToGuest};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::fmt;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Child;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a guest may say nothing while this machine lets it run. It says something every second.
const SILENCE: Duration = Duration::from_secs(30);
/// How long a guest may take to panic when it is told to, and to leave when it has said its last.
const GRACE: Duration = Duration::from_secs(10);

/// What executes a guest's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// This machine's processor.
    Kvm,
    /// QEMU, which translates them.
    Tcg,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kvm => "kvm",
            Self::Tcg => "tcg",
        })
    }
}

/// A machine that can be started, as often as one likes.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The kernel that it boots.
    pub kernel: Kernel,
    /// What executes it.
    pub engine: Engine,
    /// Its memory, in MiB.
    pub memory: u32,
    /// The number of its processors.
    pub cpus: u32,
    /// More arguments for the kernel.
    pub arguments: Vec<String>,
    init: Init,
    qemu: Qemu,
}

impl Machine {
    /// A machine with one processor and 512 MiB, on an emulated processor.
    ///
    /// # Errors
    /// There is no QEMU, or it is too old.
    pub fn new(kernel: Kernel, init: Init) -> Result<Self> {
        let qemu = Qemu::find()?;
        Ok(Self {
            kernel,
            engine: Engine::Tcg,
            memory: 512,
            cpus: 1,
            arguments: Vec::new(),
            init,
            qemu,
        })
    }

    /// Boots the kernel; the guest waits for [`Guest::go`] when it is ready.
    pub(crate) fn start(&self, payload: &[u8]) -> Result<Guest> {
        let mut line = self.command_line();
        let console = line.socket("console")?;
        line.args(["-serial", "chardev:console"]);
        let results = line.socket("results")?;
        line.args(["-serial", "chardev:results"]);
        let monitor = line.socket("monitor")?;
        line.args(["-mon", "chardev=monitor,mode=control"]);
        let initrd = line.memory_file("initrd", &self.init.archive)?;
        line.args(["-initrd", &initrd]);
        let payload = line.memory_file("payload", payload)?;
        line.args(["-fw_cfg".to_owned(), format!("name={PAYLOAD},file={payload}")]);
        let errors = std::fs::File::from(
            rustix::fs::memfd_create("errors", rustix::fs::MemfdFlags::CLOEXEC)
                .doing("make a file in memory")?,
        );
        let qemu = line.spawn(&self.qemu, errors.try_clone().doing("share a file in memory")?)?;
        let now = Instant::now();
        Ok(Guest {
            qemu,
            errors,
            console,
            results,
            monitor: Monitor::new(monitor)?,
            encoder: Encoder::default(),
            decoder: Decoder::default(),
            evidence: Evidence::default(),
            log: Vec::new(),
            heard: Heard { at: now, delay: Duration::ZERO },
            started: now,
            open: [true; 3],
        })
    }

    /// Everything but the files and channels, which differ from one guest to the next.
    fn command_line(&self) -> CommandLine {
        let mut line = CommandLine::new();
        let accelerator = match self.engine {
            Engine::Kvm => ["-accel", "kvm", "-cpu", "host"],
            Engine::Tcg => ["-accel", "tcg", "-cpu", "max"],
        };
        line.args([
            "-M",
            "q35",
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none",
            "-no-reboot",
        ]);
        line.args(accelerator);
        line.args([
            "-smp".to_owned(),
            self.cpus.to_string(),
            "-m".to_owned(),
            format!("{}M", self.memory),
        ]);
        let (port, _, _) = DEBUG_EXIT;
        line.args(["-device".to_owned(), format!("isa-debug-exit,iobase={port:#x},iosize=4")]);
        line.args(["-kernel".to_owned(), self.kernel.vmlinux.display().to_string()]);
        let mut arguments = String::from(
            "console=ttyS0 panic=-1 oops=panic no_timer_check cryptomgr.notests unknown_nmi_panic=1",
        );
        for argument in self.kernel.arguments.iter().chain(&self.arguments) {
            arguments.push(' ');
            arguments.push_str(argument);
        }
        line.args(["-append".to_owned(), arguments]);
        line
    }
}

/// What a guest did.
#[derive(Debug)]
pub(crate) enum Happened {
    /// It said something.
    Said(Record<FromGuest>),
    /// One of the caller's files can be read: its index.
    Readable(usize),
    /// The caller's time is up.
    Deadline,
    /// It has ended: well, or not.
    Ended(Option<Failure>),
}

/// A guest that runs. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Guest {
    qemu: Child,
    errors: std::fs::File,
    console: UnixStream,
    results: UnixStream,
    monitor: Monitor,
    encoder: Encoder,
    decoder: Decoder,
    evidence: Evidence,
    log: Vec<u8>,
    heard: Heard,
    started: Instant,
    open: [bool; 3],
}

/// When the guest was last heard, and for how long it had waited for a processor by then.
#[derive(Debug, Clone, Copy)]
struct Heard {
    at: Instant,
    delay: Duration,
}

impl Guest {
    /// How long ago it was started.
    pub(crate) fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// All that the kernel has printed so far.
    pub(crate) fn console(&self) -> String {
        String::from_utf8_lossy(&self.log).into_owned()
    }

    /// Lets the guest begin, with the present time and with random numbers of its own.
    pub(crate) fn go(&mut self) -> Result<()> {
        let mut seed = vec![0; 64];
        rustix::rand::getrandom(&mut seed, rustix::rand::GetRandomFlags::empty())
            .doing("draw random numbers")?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let clock = u64::try_from(now.as_nanos()).unwrap_or_default();
        self.tell(&ToGuest::Go { clock, seed });
        Ok(())
    }

    /// Tells the guest something. That it is gone is seen elsewhere.
    pub(crate) fn tell(&mut self, message: &ToGuest) {
        let record = self.encoder.message(message);
        let _ = self.results.write_all(&record);
    }

    /// Gives the guest's program something to read.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        let record = self.encoder.bytes(Stream::Stdout, bytes);
        let _ = self.results.write_all(&record);
    }

    /// Ends the guest for a reason of our own.
    pub(crate) fn end(&mut self, failure: Failure) -> Happened {
        self.evidence.ended_by_us.get_or_insert(failure);
        let _ = self.qemu.kill();
        self.finish()
    }

    /// Waits until something happens, in the guest or with the caller's files.
    pub(crate) fn next(
        &mut self,
        files: &[BorrowedFd<'_>],
        deadline: Option<Instant>,
    ) -> Result<Happened> {
        loop {
            if let Some(happened) = self.next_record() {
                return Ok(happened);
            }
            let limit = self.until_silence();
            let limit = deadline.map_or(limit, |deadline| {
                limit.min(deadline.saturating_duration_since(Instant::now()))
            });
            match self.wait(files, limit)? {
                Waited::File(index) => return Ok(Happened::Readable(index)),
                Waited::Guest => {}
                Waited::Gone => return Ok(self.finish()),
                Waited::Nothing if deadline.is_some_and(|deadline| Instant::now() >= deadline) => {
                    return Ok(Happened::Deadline);
                }
                Waited::Nothing => {
                    if let Some(failure) = self.silent() {
                        return Ok(self.interrogate(failure));
                    }
                }
            }
        }
    }

    fn next_record(&mut self) -> Option<Happened> {
        if self.evidence.damage.is_some() {
            return None;
        }
        match self.decoder.next() {
            Ok(None) => None,
            Ok(Some(record)) => {
                match &record {
                    Record::Message(FromGuest::Ready { .. }) => self.evidence.ready = true,
                    Record::Message(FromGuest::Failed { what }) => {
                        self.evidence.guest_failed = Some(what.clone())
                    }
                    Record::Message(FromGuest::End { records }) => {
                        self.evidence.complete = *records + 1 == self.decoder.count();
                    }
                    _ => {}
                }
                Some(Happened::Said(record))
            }
            Err(damage) => {
                self.evidence.damage = Some(damage.to_string());
                let failure = Failure::new(FailureKind::ResultsDamaged, damage.to_string());
                Some(self.end(failure))
            }
        }
    }

    fn wait(&mut self, files: &[BorrowedFd<'_>], limit: Duration) -> Result<Waited> {
        let ours = [self.console.as_fd(), self.results.as_fd(), self.monitor.stream().as_fd()];
        let mut indices: Vec<usize> = (0..3).filter(|index| self.open[*index]).collect();
        if indices.is_empty() {
            return Ok(Waited::Gone);
        }
        let mut fds: Vec<_> = indices
            .iter()
            .map(|index| PollFd::from_borrowed_fd(ours[*index], PollFlags::IN))
            .collect();
        fds.extend(files.iter().map(|file| PollFd::from_borrowed_fd(*file, PollFlags::IN)));
        indices.extend((0..files.len()).map(|index| index + 3));
        let limit = Timespec::try_from(limit.max(Duration::from_millis(1))).unwrap_or_default();
        match poll(&mut fds, Some(&limit)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).doing("wait for the guest"),
        }
        let ready: Vec<usize> = indices
            .iter()
            .zip(&fds)
            .filter(|(_, fd)| !fd.revents().is_empty())
            .map(|(index, _)| *index)
            .collect();
        drop(fds);
        for &index in ready.iter().filter(|index| **index < 3) {
            self.open[index] = self.take_in(index)?;
        }
        Ok(match ready.iter().find(|index| **index >= 3) {
            Some(index) => Waited::File(index - 3),
            None if ready.is_empty() => Waited::Nothing,
            None => Waited::Guest,
        })
    }

    /// Reads from one of our channels; whether it stays open.
    fn take_in(&mut self, index: usize) -> Result<bool> {
        if index == 2 {
            return self.monitor.read();
        }
        let mut bytes = [0; 64 << 10];
        let stream = if index == 0 { &mut self.console } else { &mut self.results };
        let length = match stream.read(&mut bytes) {
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => 0,
            length => length.doing("read from the guest")?,
        };
        if index == 0 {
            self.log.extend(&bytes[..length]);
        } else {
            self.decoder.push(&bytes[..length]);
        }
        if length > 0 {
            self.heard = Heard { at: Instant::now(), delay: run_delay(self.qemu.id()) };
        }
        Ok(length > 0)
    }

    /// For how long the guest could have run since it was last heard, and was made to wait.
    fn silence(&self) -> (Duration, Duration) {
        let delay = run_delay(self.qemu.id()).saturating_sub(self.heard.delay);
        (self.heard.at.elapsed().saturating_sub(delay), delay)
    }

    fn until_silence(&self) -> Duration {
        SILENCE.saturating_sub(self.heard.at.elapsed()).max(Duration::from_secs(1))
    }

    /// Whether the guest has been silent for too long, and why.
    fn silent(&self) -> Option<Failure> {
        let (silence, delay) = self.silence();
        if silence >= SILENCE {
            let detail = format!("the guest said nothing for {} seconds", silence.as_secs());
            return Some(Failure::new(FailureKind::Hang, detail));
        }
        (delay >= SILENCE * 10).then(|| {
            let detail = format!("the guest waited {} seconds for a processor", delay.as_secs());
            Failure::new(FailureKind::HostOverloaded, detail)
        })
    }

    /// Makes a silent guest say where it hangs, and ends it.
    fn interrogate(&mut self, failure: Failure) -> Happened {
        self.evidence.ended_by_us = Some(failure.clone());
        if self.monitor.call("inject-nmi", &json!({})).is_ok() {
            let end = Instant::now() + GRACE;
            while Instant::now() < end
                && !matches!(self.wait(&[], GRACE), Ok(Waited::Gone) | Err(_))
            {}
        }
        self.end(failure)
    }

    /// Waits for QEMU's end, and says how it all went.
    fn finish(&mut self) -> Happened {
        let end = Instant::now() + GRACE;
        let status = loop {
            match self.qemu.try_wait() {
                Ok(Some(status)) => break status.code().or(status.signal().map(|signal| -signal)),
                Ok(None) if Instant::now() < end => std::thread::sleep(Duration::from_millis(2)),
                _ => {
                    let _ = self.qemu.kill();
                    break self
                        .qemu
                        .wait()
                        .ok()
                        .and_then(|status| status.signal().map(|signal| -signal));
                }
            }
        };
        for index in 0..3 {
            while self.open[index] {
                self.open[index] = self.take_in(index).unwrap_or(false);
            }
        }
        self.evidence.qemu_status = status.unwrap_or(-1);
        self.evidence.shutdown = self.monitor.shutdown.take();
        self.evidence.console = self.console();
        self.evidence.qemu_said = self.errors_so_far();
        Happened::Ended(self.evidence.failure(DEBUG_EXIT.2))
    }

    fn errors_so_far(&mut self) -> String {
        use std::os::unix::fs::FileExt as _;
        let mut bytes = vec![0; 8 << 10];
        let length = self.errors.read_at(&mut bytes, 0).unwrap_or(0);
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

enum Waited {
    File(usize),
    Guest,
    Gone,
    Nothing,
}

/// For how long a process's threads have waited for a processor: the second number in `schedstat`.
fn run_delay(pid: u32) -> Duration {
    let delays =
        std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten().filter_map(
            |task| {
                let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
                text.split_whitespace().nth(1)?.parse().ok()
            },
        );
    Duration::from_nanos(delays.max().unwrap_or_default())
}
