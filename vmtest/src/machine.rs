//! A virtual machine that boots a kernel, and the guest in it while it runs.

use crate::engine;
use crate::error::{Context as _, Result};
use crate::failure::{Evidence, Failure, FailureKind};
use crate::init::Init;
use crate::kernel::Kernel;
use crate::plan::{DEBUG_EXIT, PAYLOAD};
use crate::qemu::{CommandLine, Monitor, Qemu, memory_file, option_path};
use crate::snapshot::Snapshot;
use crate::wire::{Decoder, Encoder, FromGuest, Record, Stream, ToGuest};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::fmt;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Child;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a guest may say nothing while this machine lets it run. It says something every second.
const SILENCE: Duration = Duration::from_secs(30);
/// How long a guest may take to panic when it is told to, and to leave when it has said its last.
const GRACE: Duration = Duration::from_secs(10);
/// How often a silent guest is looked after.
const LOOK: Duration = Duration::from_secs(1);
/// How long a guest from a snapshot may take to say that it lives.
const WAKE: Duration = Duration::from_secs(5);

/// What every kernel is told.
const KERNEL_ARGUMENTS: [&str; 6] = [
    "console=ttyS0",
    // A panic ends the guest, by a reset that QEMU answers by leaving.
    "panic=-1",
    "oops=panic",
    // Both save time in an emulated guest, and the first a false alarm on a busy host.
    "no_timer_check",
    "cryptomgr.notests",
    // A guest that hangs is made to say where, by an NMI.
    "unknown_nmi_panic=1",
];

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
    /// Whether guests are restored from snapshots, which are taken as they are needed.
    pub snapshots: bool,
    init: Init,
    qemu: Qemu,
}

impl Machine {
    /// A machine with one processor and 512 MiB, emulated, whose guests come from snapshots.
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
            snapshots: true,
            init,
            qemu,
        })
    }

    /// Chooses the engine that works on this host; a trial boot finds out which, once.
    ///
    /// # Errors
    /// The trial could not be made, or its result not be kept.
    pub fn choose_engine(&mut self) -> Result<()> {
        self.engine = engine::working(self)?;
        Ok(())
    }

    /// Starts a guest that does what the payload says: from a snapshot if there can be one, or else
    /// from cold.
    pub(crate) fn start(&self, payload: &[u8]) -> Result<Guest> {
        let snapshot = if self.snapshots { Snapshot::of(self).ok() } else { None };
        match snapshot {
            Some(snapshot) => self.restore(payload, snapshot),
            None => self.boot(payload),
        }
    }

    /// Boots the kernel from cold.
    pub(crate) fn boot(&self, payload: &[u8]) -> Result<Guest> {
        let mut line = self.command_line();
        line.args(["-m".to_owned(), format!("{}M", self.memory)]);
        self.launch(line, Some(payload), None)
    }

    /// Boots the kernel from cold with its memory in a file, for a snapshot.
    pub(crate) fn boot_to_save(&self, memory: &Path) -> Result<Guest> {
        let mut line = self.command_line();
        self.memory_in_file(&mut line, memory, "on");
        self.launch(line, None, None)
    }

    /// What makes a guest what it is when it has booted.
    pub(crate) fn identity(&self) -> Vec<String> {
        // A processor's features, which a guest has seen, may be others when this host has changed.
        let host = match self.engine {
            Engine::Kvm => {
                std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default()
            }
            Engine::Tcg => String::new(),
        };
        let memory = self.memory.to_string();
        let line = self.command_line().text() + &self.kernel_arguments();
        vec![
            self.qemu.version.clone(),
            line,
            memory,
            self.kernel.digest.clone(),
            self.init.digest.clone(),
            host,
        ]
    }

    /// All that QEMU says of its version.
    pub(crate) fn qemu_version(&self) -> &str {
        &self.qemu.version
    }

    fn restore(&self, payload: &[u8], snapshot: Snapshot) -> Result<Guest> {
        let mut line = self.command_line();
        self.memory_in_file(&mut line, &snapshot.memory(), "off");
        line.args(["-incoming", "defer"]);
        let state = snapshot.state()?;
        let mut guest = self.launch(line, Some(payload), Some((snapshot, payload.into())))?;
        let capability = json!({ "capability": "x-ignore-shared", "state": true });
        // If this fails, QEMU is gone or soon will be, and the guest is booted from cold.
        let _ = guest
            .monitor
            .call("migrate-set-capabilities", &json!({ "capabilities": [capability] }))
            .and_then(|_| guest.monitor.hand_over("state", &state))
            .and_then(|()| guest.monitor.call("migrate-incoming", &json!({ "uri": "fd:state" })));
        Ok(guest)
    }

    fn memory_in_file(&self, line: &mut CommandLine, path: &Path, share: &str) {
        let (size, path) = (self.memory, option_path(path));
        line.args(["-m".to_owned(), format!("{size}M")]);
        line.args([
            "-object".to_owned(),
            format!("memory-backend-file,id=ram,size={size}M,mem-path={path},share={share}"),
        ]);
        line.args(["-machine", "memory-backend=ram"]);
    }

    /// Starts QEMU with channels to the guest.
    fn launch(
        &self,
        mut line: CommandLine,
        payload: Option<&[u8]>,
        restored: Option<(Snapshot, Arc<[u8]>)>,
    ) -> Result<Guest> {
        let console = line.socket("console")?;
        line.args(["-serial", "chardev:console"]);
        let results = line.socket("results")?;
        line.args(["-serial", "chardev:results"]);
        let monitor = line.socket("monitor")?;
        line.args(["-mon", "chardev=monitor,mode=control"]);
        if restored.is_none() {
            self.boot_files(&mut line)?;
        }
        if let Some(payload) = payload {
            let payload = line.memory_file("payload", payload)?;
            line.args(["-fw_cfg".to_owned(), format!("name={PAYLOAD},file={payload}")]);
        }
        let errors = memory_file("errors")?;
        let qemu = line.spawn(&self.qemu, errors.try_clone().doing("share a file in memory")?)?;
        let now = Instant::now();
        Ok(Guest {
            machine: self.clone(),
            qemu,
            errors,
            console,
            results,
            monitor: Monitor::new(monitor)?,
            encoder: Encoder::default(),
            // The first record went out before the snapshot was taken.
            decoder: if restored.is_some() { Decoder::starting_at(1) } else { Decoder::default() },
            evidence: Evidence { ready: restored.is_some(), ..Evidence::default() },
            log: restored.as_ref().map(|(snapshot, _)| snapshot.console()).unwrap_or_default(),
            buffer: vec![0; 64 << 10],
            heard: Heard { at: now, delay: Duration::ZERO },
            restored,
            was_restored: false,
            has_payload: payload.is_some(),
            open: [true; 3],
        })
    }

    /// What is booted: a guest from a snapshot has it in its memory.
    fn boot_files(&self, line: &mut CommandLine) -> Result<()> {
        line.args(["-kernel".to_owned(), self.kernel.vmlinux.display().to_string()]);
        line.args(["-append".to_owned(), self.kernel_arguments()]);
        let initrd = line.memory_file("initrd", &self.init.archive)?;
        line.args(["-initrd", &initrd]);
        Ok(())
    }

    fn kernel_arguments(&self) -> String {
        let ours = KERNEL_ARGUMENTS.iter().copied();
        let theirs = self.kernel.arguments.iter().chain(&self.arguments).map(String::as_str);
        ours.chain(theirs).collect::<Vec<_>>().join(" ")
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
        line.args(["-smp".to_owned(), self.cpus.to_string()]);
        let (port, _, _) = DEBUG_EXIT;
        line.args(["-device".to_owned(), format!("isa-debug-exit,iobase={port:#x},iosize=4")]);
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
    machine: Machine,
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
    buffer: Vec<u8>,
    /// The snapshot that it was restored from and its payload, until it has shown that it lives.
    restored: Option<(Snapshot, Arc<[u8]>)>,
    was_restored: bool,
    has_payload: bool,
    open: [bool; 3],
}

/// When the guest was last heard, and for how long it had waited for a processor by then.
#[derive(Debug, Clone, Copy)]
struct Heard {
    at: Instant,
    delay: Duration,
}

impl Guest {
    /// Whether it came from a snapshot.
    pub(crate) fn was_restored(&self) -> bool {
        self.was_restored
    }

    pub(crate) fn monitor(&mut self) -> &mut Monitor {
        &mut self.monitor
    }

    /// All that the kernel has printed so far.
    pub(crate) fn console(&self) -> String {
        String::from_utf8_lossy(&self.log).into_owned()
    }

    /// Lets the guest begin, with the present time and with random numbers of its own.
    fn go(&mut self) -> Result<()> {
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
            let limit = LOOK;
            let limit = deadline.map_or(limit, |deadline| {
                limit.min(deadline.saturating_duration_since(Instant::now()))
            });
            match self.wait(files, limit)? {
                Waited::File(index) => return Ok(Happened::Readable(index)),
                Waited::Guest => {}
                Waited::Gone if self.falls_back() => self.boot_from_cold()?,
                Waited::Gone => return Ok(self.finish()),
                Waited::Nothing if deadline.is_some_and(|deadline| Instant::now() >= deadline) => {
                    return Ok(Happened::Deadline);
                }
                Waited::Nothing => {
                    if let Some(failure) = self.silent() {
                        if self.falls_back() {
                            self.boot_from_cold()?;
                        } else {
                            return Ok(self.interrogate(failure));
                        }
                    }
                }
            }
        }
    }

    /// Whether the guest failed so early that its snapshot is to blame.
    fn falls_back(&self) -> bool {
        self.restored.is_some() && self.evidence.ended_by_us.is_none()
    }

    /// Discards the snapshot, and does without.
    fn boot_from_cold(&mut self) -> Result<()> {
        if let Some((snapshot, payload)) = self.restored.take() {
            snapshot.discard();
            *self = self.machine.clone().boot(&payload)?;
        }
        Ok(())
    }

    fn next_record(&mut self) -> Option<Happened> {
        if self.evidence.damage.is_some() {
            return None;
        }
        match self.decoder.next() {
            Ok(None) => None,
            Ok(Some(record)) => {
                match &record {
                    Record::Message(FromGuest::Ready { .. }) => {
                        self.evidence.ready = true;
                        if self.has_payload {
                            // A failure to draw random numbers is no guest's.
                            let _ = self.go();
                        }
                    }
                    Record::Message(FromGuest::Awake) => {
                        self.was_restored = self.restored.take().is_some();
                    }
                    Record::Message(FromGuest::Failed { what }) => {
                        self.evidence.guest_failed = Some(what.clone());
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
            let open = self.monitor.read()?;
            // Not earlier: what is in a serial port while its state is restored is lost.
            if std::mem::take(&mut self.monitor.resumed) {
                self.go()?;
            }
            return Ok(open);
        }
        let stream = if index == 0 { &mut self.console } else { &mut self.results };
        let length = match stream.read(&mut self.buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => 0,
            length => length.doing("read from the guest")?,
        };
        if index == 0 {
            self.log.extend(&self.buffer[..length]);
        } else {
            self.decoder.push(&self.buffer[..length]);
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

    /// Whether the guest has been silent for too long, and why.
    fn silent(&self) -> Option<Failure> {
        let (silence, delay) = self.silence();
        if self.restored.is_some() && silence >= WAKE {
            return Some(Failure::new(
                FailureKind::Hang,
                "the guest did not wake from its snapshot",
            ));
        }
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
