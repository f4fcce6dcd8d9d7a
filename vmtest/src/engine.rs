//! Chooses the engine that executes guests: this machine's processor (KVM) if KVM works, or else
//! QEMU's translation (TCG).
//!
//! The device of KVM may exist although KVM does not work. On some hosts that are virtual machines
//! themselves, QEMU then aborts or the guest hangs. A trial boot therefore determines whether KVM
//! works. The trial runs once for each boot of this machine.

use crate::arch::Architecture;
use crate::error::{Context as _, Result};
use crate::kernel::Cache;
use crate::launch;
use crate::machine::{Engine, Machine};
use crate::message::FromGuest;
use crate::session::Happened;
use crate::wire::Record;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::{Duration, Instant};

/// The time within which the guest of the trial boot must be ready. With KVM, a guest is ready in
/// less than one second.
const TRIAL_LIMIT: Duration = Duration::from_secs(8);

/// The result of a trial boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Trial {
    /// The ID of the host's current boot, and the QEMU that was tried.
    of: [String; 2],
    engine: Engine,
    reason: String,
}

impl Machine {
    /// Chooses the engine that works on this host. A trial boot determines the engine, and its
    /// result is saved until the host reboots.
    ///
    /// # Errors
    /// Fails if the trial boot could not be started, or if its result could not be saved.
    pub fn choose_engine(&mut self) -> Result<()> {
        self.engine = working(self)?;
        Ok(())
    }
}

/// Returns the engine that works on this host. If the engine is not known yet, this function boots
/// the machine's kernel to determine it.
fn working(machine: &Machine) -> Result<Engine> {
    let kvm = Path::new("/dev/kvm");
    // KVM executes only instructions of this machine's processor.
    let is_ours = machine.kernel.architecture == Architecture::HOST;
    if !is_ours || std::fs::File::options().read(true).write(true).open(kvm).is_err() {
        return Ok(Engine::Tcg);
    }
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let of = [boot.trim().to_owned(), machine.qemu.version.clone()];
    let cache = Cache::open()?;
    let _lock = cache.lock("engine")?;
    let path = cache.path("engine.json");
    let known =
        std::fs::read(&path).ok().and_then(|text| serde_json::from_slice::<Trial>(&text).ok());
    if let Some(known) = known.filter(|known| known.of == of) {
        return Ok(known.engine);
    }
    let trial = match try_kvm(machine)? {
        None => Trial { of, engine: Engine::Kvm, reason: "a kernel booted".to_owned() },
        Some(reason) => Trial { of, engine: Engine::Tcg, reason },
    };
    let text = serde_json::to_vec_pretty(&trial).expect("a trial is plain data");
    std::fs::write(&path, text).at("write", &path)?;
    Ok(trial.engine)
}

/// Boots a guest with KVM. Returns `None` if the boot succeeds, or else the reason why it failed.
fn try_kvm(machine: &Machine) -> Result<Option<String>> {
    let mut machine = machine.clone();
    machine.engine = Engine::Kvm;
    let mut vm = launch::boot(&machine, &[])?;
    let deadline = Instant::now() + TRIAL_LIMIT;
    loop {
        match vm.next(&[], Some(deadline))? {
            Happened::Said(Record::Message(FromGuest::Ready { .. })) => return Ok(None),
            Happened::Said(_) | Happened::Readable(_) => {}
            Happened::Deadline => return Ok(Some("the guest was not ready in time".to_owned())),
            Happened::Ended(failure) => {
                return Ok(Some(
                    failure.map_or_else(
                        || "the guest ended".to_owned(),
                        |failure| failure.to_string(),
                    ),
                ));
            }
        }
    }
}
