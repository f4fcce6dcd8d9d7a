//! A signal that tells a running matrix to stop.

use crate::error::{Context as _, Result};
use crate::kernel::discard_unfinished;
use crate::report::show_status;
use crate::signals;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// A signal that stops every matrix that has a clone of it. The guests of a stopped matrix end, and
/// its tests that were not run are reported as such. The reports are written as usual, and the run
/// counts as failed.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    said: Arc<AtomicBool>,
    /// The number of the signal to this process that requested the stop, or 0.
    signal: Arc<AtomicI32>,
}

impl Stop {
    /// Stops all matrices that have a clone of this signal.
    pub fn say(&self) {
        self.said.store(true, Ordering::Relaxed);
    }

    /// Returns whether a stop was requested.
    #[must_use]
    pub fn is_said(&self) -> bool {
        self.said.load(Ordering::Relaxed)
    }

    /// Returns the number of the signal to this process that requested the stop, if one did.
    #[must_use]
    pub fn signal(&self) -> Option<i32> {
        Some(self.signal.load(Ordering::Relaxed)).filter(|number| *number != 0)
    }

    /// Requests a stop when this process receives SIGHUP, SIGINT, SIGQUIT or SIGTERM. A message on
    /// standard error, which begins with `program`, announces the stop. A second signal ends this
    /// process immediately. The exit status is then 128 plus the number of the signal.
    ///
    /// # Errors
    /// Fails if the process has no free file descriptor.
    pub fn say_on_signals(&self, program: &'static str) -> Result<()> {
        let (stop, mut signals) = (self.clone(), signals::listen()?);
        std::thread::spawn(move || {
            while let Some(number) = next_of(&mut signals) {
                if stop.is_said() {
                    end_now(number);
                }
                eprintln!("{program}: stopping; send the signal again to stop immediately");
                stop.say_because_of(number);
            }
        });
        Ok(())
    }

    /// Requests a stop like [`say_on_signals`](Self::say_on_signals), and ends this process after
    /// `grace` if it still runs then. Before it ends the process, it kills the programs that the
    /// process has started, removes unfinished files from the cache, and calls `clean`. The message
    /// on standard error is one line. The exit status is 128 plus the number of the signal.
    ///
    /// # Errors
    /// Fails if the process has no free file descriptor.
    pub fn end_on_signals(
        &self,
        program: &'static str,
        grace: Duration,
        clean: impl FnOnce() + Send + 'static,
    ) -> Result<()> {
        let (stop, mut signals) = (self.clone(), signals::listen()?);
        std::thread::spawn(move || {
            let Some(number) = next_of(&mut signals) else { return };
            show_status("");
            eprintln!("{program}: stopped by a signal");
            stop.say_because_of(number);
            std::thread::sleep(grace);
            clean();
            end_now(number);
        });
        Ok(())
    }

    fn say_because_of(&self, signal: i32) {
        self.signal.store(signal, Ordering::Relaxed);
        self.say();
    }
}

/// Ends this process when a signal arrives, until this value is dropped. Before it ends the process,
/// it kills the programs that the process has started, and removes unfinished files from the cache.
/// The exit status is 128 plus the number of the signal.
#[derive(Debug)]
pub struct EndOnSignals {
    /// The thread ends when this end of the connection is closed.
    connection: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
}

impl EndOnSignals {
    /// Waits for signals that [`signals::listen`] reports. The message on standard error begins with
    /// `program`.
    ///
    /// # Errors
    /// Fails if the process has no free file descriptor.
    pub fn new(program: &'static str, signals: &UnixStream) -> Result<Self> {
        let mut signals = signals.try_clone().doing("share a socket")?;
        let (connection, other_end) = UnixStream::pair().doing("connect two threads")?;
        let thread = std::thread::spawn(move || {
            loop {
                let mut files =
                    [PollFd::new(&signals, PollFlags::IN), PollFd::new(&other_end, PollFlags::IN)];
                match poll(&mut files, None) {
                    Ok(_) => {}
                    // The handler of a signal ran in this thread.
                    Err(Errno::INTR) => continue,
                    Err(_) => break,
                }
                let [has_signal, is_over] = files.map(|file| !file.revents().is_empty());
                if is_over {
                    break;
                }
                let mut number = [0];
                if has_signal && signals.read_exact(&mut number).is_ok() && ends(number[0].into()) {
                    show_status("");
                    eprintln!("{program}: stopped by a signal");
                    end_now(number[0].into());
                }
            }
        });
        Ok(Self { connection: Some(connection), thread: Some(thread) })
    }
}

impl Drop for EndOnSignals {
    fn drop(&mut self) {
        drop(self.connection.take());
        if let Some(thread) = self.thread.take() {
            // The thread does not panic.
            let _ = thread.join();
        }
    }
}

/// Returns whether a signal ends programs.
fn ends(signal: i32) -> bool {
    [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM].contains(&signal)
}

/// Waits for a signal that ends programs, and returns its number. Returns `None` if no more signals
/// can arrive.
fn next_of(signals: &mut UnixStream) -> Option<i32> {
    let mut number = [0];
    loop {
        signals.read_exact(&mut number).ok()?;
        let number = i32::from(number[0]);
        if ends(number) {
            return Some(number);
        }
    }
}

/// Ends this process and the programs that it has started.
fn end_now(signal: i32) -> ! {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    // Each thread has a list of the programs that it has started. Kernels without such lists end the
    // programs that write to the cache, because these programs end with this process.
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    for list in lists.collect::<Vec<_>>() {
        let children = list.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?));
        for child in children {
            let _ = kill_process(child, Signal::KILL);
        }
    }
    discard_unfinished();
    std::process::exit(128 + signal)
}
