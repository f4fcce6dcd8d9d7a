//! A running virtual machine: the messages of its guest, whether it is alive, and how it ends.

use crate::arch::{Exit, Interrogation, Spec};
use crate::error::{Context as _, Result};
use crate::failure::{Evidence, Failure, FailureKind};
use crate::message::{FromGuest, Stream, ToGuest};
use crate::qemu::Monitor;
use crate::seal::Key;
use crate::session::Happened;
use crate::wire::{Decoder, Encoder, Record};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::json;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::FileExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStdin, ChildStdout};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The time limit for a guest to panic on request, and to exit after its last record.
const GRACE: Duration = Duration::from_secs(10);
/// The interval at which a silent guest is checked.
const LOOK: Duration = Duration::from_secs(1);
/// The time limit for the first message of a guest from a snapshot.
const WAKE: Duration = Duration::from_secs(5);
/// The maximum number of bytes that are queued for a guest that does not read.
const MAX_OUTGOING: usize = 256 << 10;

/// The channels to a guest.
#[derive(Debug)]
pub(crate) struct Channels {
    /// The input of QEMU, which QEMU passes on to the guest's second serial port.
    pub(crate) input: ChildStdin,
    /// The output of the guest on its second serial port.
    pub(crate) output: ChildStdout,
    /// The output of the kernel on its console.
    pub(crate) console: File,
    /// The input of the kernel's console, if it has one.
    pub(crate) keys: Option<File>,
    /// The output of QEMU itself.
    pub(crate) errors: File,
    pub(crate) monitor: Monitor,
}

/// The point at which the guest is told to start with its payload.
#[derive(Debug)]
pub(crate) enum Start {
    /// The guest is not told to start. When it is ready, it waits.
    Never,
    /// The guest is told to start when it is ready.
    WhenReady,
    /// The guest was saved when it was ready, and is told to start when it resumes. The field is
    /// the output of its kernel up to the save.
    WhenResumed(Vec<u8>),
}

/// A running virtual machine. It is killed when this value is dropped.
#[derive(Debug)]
pub(crate) struct Vm {
    qemu: Child,
    channels: Channels,
    start: Start,
    spec: &'static Spec,
    /// Whether the guest has confirmed that it was told to start.
    awake: bool,
    /// The time for which the guest may be silent, if that time is limited.
    limit: Option<Duration>,
    encoder: Encoder,
    decoder: Decoder,
    /// The key with which the guest seals its records.
    key: Key,
    evidence: Evidence,
    outgoing: Vec<u8>,
    buffer: Vec<u8>,
    silence: Silence,
    open: [bool; 2],
}

/// The time for which the guest has been silent, without the time in which this machine did not let
/// the guest run.
#[derive(Debug, Clone, Copy)]
struct Silence {
    /// The length of the console's log at the last check.
    console: u64,
    /// The time at which the guest was last checked or last sent something.
    looked: Instant,
    /// The processor time that the guest had used at the last check. `None` if the guest has sent
    /// something since then.
    used: Option<Duration>,
    /// The time in which the guest could run, or was idle.
    own: Duration,
    /// The time in which the guest had to wait for a processor.
    starved: Duration,
}

impl Vm {
    pub(crate) fn new(
        qemu: Child,
        channels: Channels,
        start: Start,
        spec: &'static Spec,
        limit: Option<Duration>,
    ) -> Result<Self> {
        rustix::io::ioctl_fionbio(&channels.input, true).doing("set up a pipe")?;
        // A serial port transfers single bytes, and loses bytes if nobody reads them for a long
        // time.
        let _ = rustix::pipe::fcntl_setpipe_size(&channels.output, 1 << 20);
        // The guest sent the record that it is ready before the guest was saved.
        let ready = matches!(start, Start::WhenResumed(_));
        let key = Key::random().doing("draw a key")?;
        Ok(Self {
            qemu,
            channels,
            start,
            spec,
            awake: false,
            limit,
            encoder: Encoder::default(),
            decoder: Decoder::sealed(key.clone(), u32::from(ready)),
            key,
            evidence: Evidence { ready, ..Evidence::default() },
            outgoing: Vec::new(),
            buffer: vec![0; 64 << 10],
            silence: Silence {
                console: 0,
                looked: Instant::now(),
                used: None,
                own: Duration::ZERO,
                starved: Duration::ZERO,
            },
            open: [true; 2],
        })
    }

    pub(crate) fn monitor(&mut self) -> &mut Monitor {
        &mut self.channels.monitor
    }

    /// Returns everything that the kernel has printed so far.
    pub(crate) fn console(&self) -> String {
        let mut log = match &self.start {
            Start::WhenResumed(earlier) => earlier.clone(),
            Start::Never | Start::WhenReady => Vec::new(),
        };
        log.extend(read_all(&self.channels.console));
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Sends a message to the guest. An error is ignored, because other functions notice that the
    /// guest has ended.
    pub(crate) fn tell(&mut self, message: &ToGuest) {
        let record = self.encoder.message(message);
        self.outgoing.extend(record);
    }

    /// Sends input to the guest's program.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        let record = self.encoder.bytes(Stream::Stdout, bytes);
        self.outgoing.extend(record);
    }

    /// Returns whether the guest accepts more input for its program.
    pub(crate) fn is_hungry(&self) -> bool {
        self.outgoing.len() < MAX_OUTGOING
    }

    /// Ends the guest for a reason on the host's side.
    pub(crate) fn end(&mut self, failure: Failure) -> Happened {
        self.evidence.ended_by_us.get_or_insert(failure);
        let _ = self.qemu.kill();
        self.finish()
    }

    /// Waits until something happens in the guest, or until one of the caller's files becomes
    /// readable.
    pub(crate) fn next(
        &mut self,
        files: &[BorrowedFd<'_>],
        deadline: Option<Instant>,
    ) -> Result<Happened> {
        loop {
            if let Some(happened) = self.next_record() {
                return Ok(happened);
            }
            let until = |deadline: Instant| deadline.saturating_duration_since(Instant::now());
            match self.wait(files, deadline.map_or(LOOK, until).min(LOOK))? {
                Waited::File(index) => return Ok(Happened::Readable(index)),
                Waited::Guest => {}
                Waited::Gone => return Ok(self.finish()),
                // Silence must also be noticed if the caller uses short deadlines.
                Waited::Nothing => match self.silent() {
                    // A guest that never woke up cannot print where it hangs.
                    Some(failure) if self.sleeps() => return Ok(self.end(failure)),
                    Some(failure) => return Ok(self.interrogate(failure)),
                    None if deadline.is_some_and(|deadline| Instant::now() >= deadline) => {
                        return Ok(Happened::Deadline);
                    }
                    None => {}
                },
            }
        }
    }

    /// Returns whether the guest was saved, and has not confirmed yet that it continues.
    fn sleeps(&self) -> bool {
        !self.awake && matches!(self.start, Start::WhenResumed(_))
    }

    fn next_record(&mut self) -> Option<Happened> {
        if self.evidence.damage.is_some() {
            return None;
        }
        match self.decoder.next() {
            Ok(None) => None,
            Ok(Some(record)) => {
                if let Record::Message(message) = &record {
                    self.note(message);
                }
                Some(Happened::Said(record))
            }
            Err(damage) => {
                self.evidence.damage = Some(damage.to_string());
                Some(self.end(Failure::from(damage)))
            }
        }
    }

    fn note(&mut self, message: &FromGuest) {
        match message {
            FromGuest::Ready { .. } => {
                self.evidence.ready = true;
                if matches!(self.start, Start::WhenReady) {
                    self.go();
                }
            }
            FromGuest::Awake => self.awake = true,
            FromGuest::Failed { what } => self.evidence.guest_failed = Some(what.clone()),
            FromGuest::End { records } => {
                self.evidence.complete = self.decoder.is_last(*records);
            }
            _ => {}
        }
    }

    /// Tells the guest to start. The message contains the present time and random numbers for this
    /// guest.
    fn go(&mut self) {
        let mut seed = vec![0; 64];
        // This call fails only before Linux 3.17. In that case, the guest uses the random numbers
        // of its own processor.
        let _ = rustix::rand::getrandom(&mut seed, rustix::rand::GetRandomFlags::empty());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let clock = u64::try_from(now.as_nanos()).unwrap_or_default();
        self.tell(&ToGuest::Go { clock, seed, key: self.key.clone() });
    }

    fn wait(&mut self, files: &[BorrowedFd<'_>], limit: Duration) -> Result<Waited> {
        // The guest must not be told to start earlier, because data that arrives at a serial port
        // during the restoration of its state is lost. The monitor may have reported the resumption
        // already, between its answers to the commands that restored the guest.
        if std::mem::take(&mut self.channels.monitor.resumed)
            && matches!(self.start, Start::WhenResumed(_))
        {
            self.go();
        }
        let ours = [self.channels.output.as_fd(), self.channels.monitor.stream().as_fd()];
        let mut indices: Vec<usize> = (0..2).filter(|index| self.open[*index]).collect();
        if indices.is_empty() {
            return Ok(Waited::Gone);
        }
        let mut fds: Vec<_> = indices
            .iter()
            .map(|index| PollFd::from_borrowed_fd(ours[*index], PollFlags::IN))
            .collect();
        fds.extend(files.iter().map(|file| PollFd::from_borrowed_fd(*file, PollFlags::IN)));
        indices.extend((0..files.len()).map(|index| index + 2));
        let has_outgoing = !self.outgoing.is_empty();
        if has_outgoing {
            fds.push(PollFd::new(&self.channels.input, PollFlags::OUT));
        }
        let limit = Timespec::try_from(limit.max(Duration::from_millis(1))).unwrap_or_default();
        match poll(&mut fds, Some(&limit)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).doing("wait for the guest"),
        }
        let can_write = has_outgoing && fds.last().is_some_and(|fd| !fd.revents().is_empty());
        let ready: Vec<usize> = indices
            .iter()
            .zip(&fds)
            .filter(|(_, fd)| !fd.revents().is_empty())
            .map(|(index, _)| *index)
            .collect();
        drop(fds);
        if can_write {
            self.send()?;
        }
        for &index in ready.iter().filter(|index| **index < 2) {
            self.open[index] = self.take_in(index)?;
        }
        Ok(match ready.iter().find(|index| **index >= 2) {
            Some(index) => Waited::File(index - 2),
            None if ready.is_empty() && !can_write => Waited::Nothing,
            None => Waited::Guest,
        })
    }

    fn send(&mut self) -> Result<()> {
        match self.channels.input.write(&self.outgoing) {
            Ok(length) => drop(self.outgoing.drain(..length)),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            // QEMU has ended. Its other channels report this.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => self.outgoing.clear(),
            Err(error) => return Err(error).doing("write to the guest"),
        }
        Ok(())
    }

    /// Reads from one of the channels. Returns whether the channel is still open.
    fn take_in(&mut self, index: usize) -> Result<bool> {
        if index == 1 {
            return self.channels.monitor.read();
        }
        let length = self.channels.output.read(&mut self.buffer).doing("read from the guest")?;
        self.decoder.push(&self.buffer[..length]);
        if length > 0 {
            self.is_heard();
        }
        Ok(length > 0)
    }

    fn is_heard(&mut self) {
        self.silence = Silence {
            console: length_of(&self.channels.console),
            looked: Instant::now(),
            used: None,
            own: Duration::ZERO,
            starved: Duration::ZERO,
        };
    }

    /// Returns the failure if the guest has been silent for too long.
    fn silent(&mut self) -> Option<Failure> {
        let limit = self.limit?;
        if length_of(&self.channels.console) != self.silence.console {
            self.is_heard();
        }
        let (used, wants_to_run) = busiest_thread(self.qemu.id());
        let silence = &mut self.silence;
        let passed = silence.looked.elapsed();
        // The time in which the guest could not run does not count as silence.
        silence.looked = Instant::now();
        if let Some(before) = silence.used.replace(used) {
            let ran = used.saturating_sub(before).min(passed);
            let counts = if wants_to_run { ran } else { passed };
            silence.own += counts;
            silence.starved += passed.saturating_sub(counts);
        }
        let (own, starved) = (silence.own, silence.starved);
        if self.sleeps() && own >= WAKE {
            let detail = "the guest did not wake from its snapshot";
            return Some(Failure::new(FailureKind::Hang, detail));
        }
        if own >= limit {
            let detail = format!("the guest sent nothing for {} seconds", own.as_secs());
            return Some(Failure::new(FailureKind::Hang, detail));
        }
        (starved >= limit * 10).then(|| {
            let seconds = starved.as_secs();
            let detail = format!("the guest waited {seconds} seconds for a processor");
            Failure::new(FailureKind::HostOverloaded, detail)
        })
    }

    /// Makes a silent guest print where it hangs, and then ends the guest.
    fn interrogate(&mut self, failure: Failure) -> Happened {
        self.evidence.ended_by_us = Some(failure.clone());
        let is_asked = match self.spec.interrogation {
            Interrogation::Nmi => self.channels.monitor.call("inject-nmi", &json!({})).map(drop),
            // Backtraces of all processors, blocked tasks, and a panic.
            Interrogation::SysRq => b"lwc".iter().try_for_each(|key| self.press_sysrq(*key)),
        };
        if is_asked.is_ok() {
            let end = Instant::now() + GRACE;
            while Instant::now() < end && !matches!(self.wait(&[], LOOK), Ok(Waited::Gone) | Err(_))
            {
            }
        }
        self.end(failure)
    }

    /// Presses a key of `SysRq` on the console: a break, followed by the key.
    fn press_sysrq(&mut self, key: u8) -> Result<()> {
        /// The time that the guest has to notice a break or a key.
        const TIME: Duration = Duration::from_millis(100);
        self.channels.monitor.call("chardev-send-break", &json!({ "id": "console" }))?;
        std::thread::sleep(TIME);
        if let Some(keys) = &mut self.channels.keys {
            keys.write_all(&[key]).doing("write to the guest")?;
        }
        std::thread::sleep(TIME);
        Ok(())
    }

    /// Waits for QEMU to end, and returns the result.
    fn finish(&mut self) -> Happened {
        let end = Instant::now() + GRACE;
        let status = loop {
            match self.qemu.try_wait() {
                Ok(Some(status)) => break Some(status),
                Ok(None) if Instant::now() < end => std::thread::sleep(Duration::from_millis(1)),
                _ => {
                    let _ = self.qemu.kill();
                    break self.qemu.wait().ok();
                }
            }
        };
        let status =
            status.and_then(|status| status.code().or(status.signal().map(|signal| -signal)));
        self.evidence.qemu_status = status.unwrap_or(-1);
        self.evidence.shutdown = self.channels.monitor.shutdown.take();
        self.evidence.console = self.console();
        self.evidence.qemu_said =
            String::from_utf8_lossy(&read_all(&self.channels.errors)).into_owned();
        let ended_well = match self.spec.exit {
            Exit::Device { status } => self.evidence.qemu_status == status,
            Exit::PowerOff => {
                let reason = self.evidence.shutdown.as_deref();
                // Only init can send the last record.
                self.evidence.complete && reason == Some("guest-shutdown")
            }
        };
        Happened::Ended(self.evidence.failure(ended_well))
    }
}

impl Drop for Vm {
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

fn length_of(file: &File) -> u64 {
    file.metadata().map_or(0, |metadata| metadata.len())
}

/// Reads an in-memory file that a different process writes.
fn read_all(file: &File) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(length_of(file)).unwrap_or_default()];
    let length = file.read_at(&mut bytes, 0).unwrap_or(0);
    bytes.truncate(length);
    bytes
}

/// Returns the processor time that the busiest thread of a process has used, and whether one of its
/// threads waits for the host. A thread waits for the host if it is runnable, in a page fault, or
/// in a read from the disk. While a thread of QEMU waits for the host, the guest's processors may
/// wait for this thread, so they wait for the host as well.
fn busiest_thread(pid: u32) -> (Duration, bool) {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task"));
    let mut wants_to_run = false;
    let threads = tasks.into_iter().flatten().flatten().filter_map(|task| {
        // The first number in `schedstat` is a time in nanoseconds. In `stat`, the state follows
        // the name.
        let used = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        let used = used.split_whitespace().next()?.parse().ok()?;
        let stat = std::fs::read_to_string(task.path().join("stat")).ok()?;
        let state = stat.rsplit_once(") ")?.1;
        wants_to_run |= state.starts_with(['R', 'D']);
        Some(Duration::from_nanos(used))
    });
    let used = threads.max().unwrap_or_default();
    (used, wants_to_run)
}
