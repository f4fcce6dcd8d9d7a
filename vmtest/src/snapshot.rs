//! Snapshots. A snapshot is a guest on disk that has booted and waits for its work. Restoring a
//! snapshot takes a fraction of the time of a boot.
//!
//! The guest's memory is a file. The guests that are restored from it map this file privately, so
//! that nothing is copied and the file never changes. QEMU saves the state of the devices as a
//! migration without the memory. The name of a snapshot is derived from everything that the
//! snapshot depends on. If one of these inputs changes, the name changes too, so an outdated
//! snapshot is never used.

use crate::digest::sha256;
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::kernel::{Cache, Identity, fill_directory, remove_directory};
use crate::launch::{self, Saved};
use crate::machine::Machine;
use crate::message::FromGuest;
use crate::regular;
use crate::session::Happened;
use crate::vm::Vm;
use crate::wire::Record;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// The maximum number of times that a machine is booted until the clock of its guest is right.
const BOOTS: u32 = 3;

/// The time limit for saving.
const SAVE_LIMIT: Duration = Duration::from_secs(30);

/// The files of a snapshot: the guest's memory, the state of its devices, and the kernel's output.
const FILES: [&str; 3] = ["memory", "state", "console.log"];

/// The file that records the metadata that the snapshot's files had after they were written.
///
/// Comparing digests would take as long as a boot, and would not be safer: a user that can write to
/// the cache can also change the digests.
const WRITTEN: &str = "written.json";

/// The file whose modification time is the time of the last use.
const USED: &str = "used";

/// A guest that is saved on disk.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    directory: PathBuf,
}

impl Snapshot {
    /// Returns the snapshot of a machine. If there is no snapshot yet, boots the machine and takes
    /// one.
    pub(crate) fn of(machine: &Machine) -> Result<Self> {
        let cache = Cache::open()?;
        let key = key(machine);
        let snapshot = Self { directory: cache.directory("snapshots")?.join(&key) };
        if snapshot.is_as_written() {
            return Ok(snapshot);
        }
        let _lock = cache.lock(&format!("snapshot-{key}"))?;
        if !snapshot.is_as_written() {
            // The existing directory is incomplete, was changed, or comes from a different machine.
            remove_directory(&snapshot.directory)?;
            fill_directory(&snapshot.directory, |directory| take(machine, directory))?;
            discard_older(&snapshot.directory, &machine.kernel.release);
        }
        Ok(snapshot)
    }

    /// Removes a snapshot that does not work.
    pub(crate) fn discard(&self) {
        // If the removal fails, the next run tries the snapshot, finds that it does not work, and
        // discards it again.
        let _ = remove_directory(&self.directory);
    }

    /// Starts a new guest from the snapshot. The guest carries out the plan in the payload.
    pub(crate) fn restore(&self, machine: &Machine, payload: &[u8]) -> Result<Vm> {
        let path = self.directory.join("state");
        let state = File::open(&path).at("open", &path)?;
        // The modification time of this file shows which snapshots have not been used for a long
        // time.
        let used = File::create(self.directory.join(USED));
        let _ = used.and_then(|used| used.set_modified(SystemTime::now()));
        let console = fs::read(self.directory.join("console.log")).unwrap_or_default();
        let memory = self.directory.join("memory");
        launch::restore(machine, payload, Saved { memory: &memory, state: &state, console })
    }

    /// Returns whether the snapshot exists, and its files have not changed since they were written.
    fn is_as_written(&self) -> bool {
        let text = regular::text(&self.directory.join(WRITTEN)).unwrap_or_default();
        let found = identities(&self.directory);
        found.is_ok_and(|found| {
            serde_json::from_str(&text).is_ok_and(|written: Identities| written == found)
        })
    }
}

type Identities = BTreeMap<String, Identity>;

/// Returns the present metadata of the files of a snapshot.
fn identities(directory: &Path) -> Result<Identities> {
    let identity = |name: &str| {
        let path = directory.join(name);
        let metadata = path.symlink_metadata().at("find", &path)?;
        Ok((name.to_owned(), Identity::of(&metadata)))
    };
    FILES.into_iter().map(identity).collect()
}

/// Removes all but the most recently used snapshots of a kernel. Each new build of this program
/// creates new snapshots, and each snapshot takes about 80 MB.
fn discard_older(newest: &Path, release: &str) {
    const KEPT: usize = 3;
    let prefix = prefix(release);
    let entries =
        newest.parent().and_then(|parent| fs::read_dir(parent).ok()).into_iter().flatten();
    let mut snapshots: Vec<(SystemTime, PathBuf)> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.strip_prefix(&prefix).is_some_and(|rest| rest.starts_with('-'))
        })
        .filter_map(|path| Some((path.join(USED).metadata().ok()?.modified().ok()?, path)))
        .collect();
    snapshots.sort();
    for (_, path) in snapshots.iter().rev().skip(KEPT) {
        // A running guest has its files open, and can still use the removed files.
        let _ = remove_directory(path);
    }
}

/// Returns the prefix of the names of a kernel's snapshots. The release comes from an untrusted
/// kernel, and must not lead to a different directory when it becomes part of a path.
fn prefix(release: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '~');
    release.chars().map(|c| if is_plain(c) { c } else { '_' }).take(100).collect()
}

/// Returns a name for the snapshot of a machine. The name depends on everything that determines the
/// state of the guest after booting.
fn key(machine: &Machine) -> String {
    let mut parts = Vec::new();
    for part in machine.identity() {
        parts.extend((part.len() as u64).to_le_bytes());
        parts.extend(part.bytes());
    }
    format!("{}-{}", prefix(&machine.kernel.release), &sha256(parts)[..24])
}

/// Boots a machine, and saves its guest into a directory when the guest is ready.
fn take(machine: &Machine, directory: &Path) -> Result<()> {
    let mut vm = boot_with_right_clock(machine, &directory.join("memory"))?;
    let path = directory.join("state");
    let state = File::create(&path).at("write", &path)?;
    let monitor = vm.monitor();
    let capability = json!({ "capability": "x-ignore-shared", "state": true });
    monitor.call("migrate-set-capabilities", &json!({ "capabilities": [capability] }))?;
    monitor.hand_over("state", &state)?;
    monitor.call("migrate", &json!({ "uri": "fd:state" }))?;
    let end = Instant::now() + SAVE_LIMIT;
    loop {
        let answer = monitor.call("query-migrate", &json!({}))?;
        match answer["status"].as_str() {
            Some("completed") => break,
            Some("failed" | "cancelled") => {
                return Err(failed(&format!("QEMU could not save the guest: {answer}")));
            }
            _ if Instant::now() > end => return Err(failed("saving the guest took too long")),
            _ => std::thread::sleep(Duration::from_millis(5)),
        }
    }
    drop(state);
    let path = directory.join("console.log");
    fs::write(&path, vm.console()).at("write", &path)?;
    // QEMU must have ended and released the memory.
    drop(vm);
    // The directory is renamed only after its contents are on the disk. It is therefore complete
    // even after a power failure.
    for name in FILES {
        sync(&directory.join(name))?;
    }
    let json = serde_json::to_vec(&identities(directory)?).expect("it is plain data");
    for (name, contents) in [(WRITTEN, json), (USED, Vec::new())] {
        let path = directory.join(name);
        fs::write(&path, contents).at("write", &path)?;
        sync(&path)?;
    }
    sync(directory)
}

/// Waits until a file or directory is written to the disk.
fn sync(path: &Path) -> Result<()> {
    File::open(path).and_then(|file| file.sync_all()).at("sync", path)
}

/// Boots a machine until its guest is ready. If the guest's clock is too fast, boots the machine
/// again.
///
/// A kernel measures the frequency of the TSC against another timer. If the host is busy during the
/// measurement, an emulated guest can determine a frequency that is far too low (64 times too low
/// in one case). In each guest that is restored from that snapshot, the clock would run too fast by
/// the same factor.
fn boot_with_right_clock(machine: &Machine, memory: &Path) -> Result<Vm> {
    let mut attempt = 1;
    loop {
        let start = Instant::now();
        let mut vm = launch::boot_to_save(machine, memory)?;
        let uptime = wait_until_ready(&mut vm)?;
        let elapsed = start.elapsed();
        if !is_clock_too_fast(uptime, elapsed) {
            return Ok(vm);
        }
        if attempt == BOOTS {
            let what = format!("the guest's clock shows {uptime:.1?} after {elapsed:.1?}");
            return Err(failed(&what));
        }
        attempt += 1;
        // The next guest must not find the output of this guest.
        drop(vm);
        fs::remove_file(memory).at("remove", memory)?;
    }
}

/// Returns whether a guest that booted in `elapsed` can't have been up for `uptime`. Smaller
/// differences between the clocks of the guest and the host are tolerated.
fn is_clock_too_fast(uptime: Duration, elapsed: Duration) -> bool {
    uptime > 2 * elapsed + Duration::from_secs(5)
}

/// Waits until the guest is ready. Returns the time since the guest's boot, by the guest's own
/// clock.
fn wait_until_ready(vm: &mut Vm) -> Result<Duration> {
    loop {
        match vm.next(&[], None)? {
            Happened::Said(Record::Message(FromGuest::Ready { uptime, .. })) => return Ok(uptime),
            Happened::Ended(failure) => {
                let what = failure.map_or_else(String::new, |failure| failure.to_string());
                return Err(failed(&format!("the guest ended while it booted: {what}")));
            }
            _ => {}
        }
    }
}

fn failed(what: &str) -> Error {
    Error::new(ErrorKind::Io, format!("cannot take a snapshot: {what}"))
}
