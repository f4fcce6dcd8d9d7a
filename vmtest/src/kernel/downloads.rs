//! Downloads: whether they are allowed, how far they are, and the signal that stops them.

use super::cache::Lock;
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::qemu::memory_file;
use crate::stop::Stop;
use std::fmt;
use std::io::{self, Read as _, Seek as _};
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The interval at which a program that fetches a file is checked.
const LOOK: Duration = Duration::from_millis(20);
/// The interval at which the progress of a download is reported.
const REPORT: Duration = Duration::from_millis(200);

/// The progress of the download of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Download {
    /// The file: the name of a package, an address, or `the package index of SUITE`.
    pub file: String,
    /// The number of bytes that have arrived. 0 if the number is unknown.
    pub done: u64,
    /// The size of the file in bytes, if it is known.
    pub size: Option<u64>,
    /// Whether this is the first report about the download.
    pub begins: bool,
}

impl Download {
    /// Returns the beginning of a download.
    pub(crate) fn of(file: impl Into<String>, size: Option<u64>) -> Self {
        Self { file: file.into(), done: 0, size, begins: true }
    }
}

/// A function that receives the progress of downloads.
type Watch = dyn Fn(&Download) + Send + Sync;

/// The policy for downloads: whether files may be fetched, and the function that receives the
/// progress of each download.
#[derive(Clone, Default)]
pub struct Downloads {
    is_offline: bool,
    stop: Stop,
    watch: Option<Arc<Watch>>,
}

impl fmt::Debug for Downloads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Downloads").field("is_offline", &self.is_offline).finish_non_exhaustive()
    }
}

impl Downloads {
    /// Returns the policy that forbids all downloads. Files in the cache can still be used.
    #[must_use]
    pub fn forbidden() -> Self {
        Self { is_offline: true, ..Self::default() }
    }

    /// Returns the same policy with a function that receives the progress of each download: at its
    /// beginning, and then several times per second. Several threads may call the function at the
    /// same time.
    #[must_use]
    pub fn watched(self, watch: impl Fn(&Download) + Send + Sync + 'static) -> Self {
        Self { watch: Some(Arc::new(watch)), ..self }
    }

    /// Returns the same policy with a signal that ends all running downloads. They then fail with
    /// [`ErrorKind::Interrupted`].
    #[must_use]
    pub fn stopped_by(self, stop: Stop) -> Self {
        Self { stop, ..self }
    }

    /// Fails if downloads are forbidden. `file` is the file that is needed.
    pub(crate) fn check(&self, file: impl fmt::Display) -> Result<()> {
        if !self.is_offline {
            return Ok(());
        }
        let message = format!("{file} is not in the cache, and `--offline` forbids downloads");
        Err(Error::new(ErrorKind::Fetch, message).help(
            "repeat the command without `--offline`; `bpfmap-vmtest kernels list` shows the kernels in the cache",
        ))
    }

    /// Reports the progress of a download.
    pub(crate) fn report(&self, download: &Download) {
        if let Some(watch) = &self.watch {
            watch(download);
        }
    }

    /// Runs a program that fetches a file into `target`, until the program ends. The program is
    /// killed when the signal to stop comes, or when this process ends. The lock is held until the
    /// program has ended.
    pub(super) fn run(
        &self,
        mut command: Command,
        lock: &Lock,
        file: Option<(&Download, &Path)>,
    ) -> Result<Output> {
        let program = command.get_program().to_string_lossy().into_owned();
        crate::qemu::end_with_us(&mut command);
        lock.share_with(&mut command)?;
        let (mut stdout, mut stderr) = (memory_file("stdout")?, memory_file("stderr")?);
        let share = |file: &std::fs::File| file.try_clone().doing("share a file in memory");
        command.stdout(share(&stdout)?).stderr(share(&stderr)?);
        let mut child = command.spawn().map_err(|error| {
            let is_missing = error.kind() == io::ErrorKind::NotFound;
            let error = Error::new(ErrorKind::Fetch, format!("cannot run {program}"));
            if is_missing { error.help(missing(&program)) } else { error }
        })?;
        let mut reported: Option<Instant> = None;
        let status = loop {
            if let Some(status) = child.try_wait().doing(format_args!("wait for {program}"))? {
                break status;
            }
            if self.stop.is_said() {
                let _ = child.kill();
                let _ = child.wait();
                let message = format!("{program} was stopped before it had finished");
                return Err(Error::new(ErrorKind::Interrupted, message));
            }
            let is_due = reported.is_none_or(|last| last.elapsed() >= REPORT);
            if let Some((download, target)) = file.filter(|_| is_due) {
                let begins = reported.replace(Instant::now()).is_none();
                let done = target.metadata().map_or(0, |metadata| metadata.len());
                self.report(&Download { done, begins, ..download.clone() });
            }
            std::thread::sleep(LOOK);
        };
        let text = |file: &mut std::fs::File| {
            let mut bytes = Vec::new();
            let read = file.rewind().and_then(|()| file.read_to_end(&mut bytes));
            read.doing(format_args!("read the output of {program}"))?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        Ok(Output { status, stdout: text(&mut stdout)?, stderr: text(&mut stderr)? })
    }
}

/// The result of a program that has ended.
pub(super) struct Output {
    pub(super) status: ExitStatus,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Returns advice if a program is not installed.
fn missing(program: &str) -> &'static str {
    match program {
        "curl" => "install curl",
        _ => {
            "install apt and dpkg: Debian's kernels can only be fetched with apt; without it, specify kernels by path in \
             bpfmap-vmtest.toml"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Cache;
    use super::*;
    use std::sync::Mutex;

    /// Runs a shell script as a program that fetches the file `target`.
    fn run(downloads: &Downloads, script: &str, target: &Path) -> Result<Output> {
        let lock = Cache::at(target.parent().unwrap())?.lock("download")?;
        let mut command = Command::new("sh");
        command.args(["-c", script]).env("TARGET", target);
        let download = Download::of("x", Some(4));
        downloads.run(command, &lock, Some((&download, target)))
    }

    #[test]
    fn progress_is_reported_and_output_is_returned() {
        let folder = tempfile::tempdir().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        let downloads =
            Downloads::default().watched(move |it| sink.lock().unwrap().push(it.clone()));
        let script = "printf 12 > $TARGET; sleep 0.5; echo out; echo err >&2; exit 3";
        let output = run(&downloads, script, &folder.path().join("file")).unwrap();
        assert_eq!(output.status.code(), Some(3));
        assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("out\n", "err\n"));
        let seen = seen.lock().unwrap();
        assert!(seen.iter().any(|it| (it.done, it.size) == (2, Some(4))), "{seen:?}");
        let begins: Vec<bool> = seen.iter().map(|it| it.begins).collect();
        assert!(begins[0] && !begins[1..].contains(&true), "{seen:?}");
    }

    #[test]
    fn a_download_ends_when_the_run_is_stopped() {
        let (folder, stop) = (tempfile::tempdir().unwrap(), Stop::default());
        let downloads = Downloads::default().stopped_by(stop.clone());
        let start = Instant::now();
        let stopper = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            stop.say();
        });
        let error = run(&downloads, "exec sleep 60", &folder.path().join("file")).err().unwrap();
        stopper.join().unwrap();
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    }

    #[test]
    fn forbidden_downloads_are_refused_with_the_name_of_the_file() {
        let error = Downloads::forbidden().check("the kernel 6.1").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Fetch);
        assert!(error.to_string().starts_with("the kernel 6.1 is not in the cache"), "{error}");
        Downloads::default().check("the kernel 6.1").unwrap();
    }
}
