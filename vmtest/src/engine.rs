//! What executes guests: this machine's processor if that really works, or else QEMU.
//!
//! That there is a device for KVM proves nothing: on some hosts, virtual machines themselves, QEMU
//! then aborts, or the guest hangs. So a real boot is tried, once for each boot of this machine.

use crate::error::{Context as _, Result};
use crate::kernel::Cache;
use crate::launch;
use crate::machine::{Engine, Machine};
use crate::session::Happened;
use crate::wire::{FromGuest, Record};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long the guest of the trial may take to be ready; with KVM it takes less than one second.
const TRIAL_LIMIT: Duration = Duration::from_secs(8);

/// What a trial found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Trial {
    /// This boot of the host, and the QEMU that was tried.
    of: [String; 2],
    engine: Engine,
    reason: String,
}

impl Machine {
    /// Chooses the engine that works on this host; a trial boot finds out which, once.
    ///
    /// # Errors
    /// The trial could not be made, or its result not be kept.
    pub fn choose_engine(&mut self) -> Result<()> {
        self.engine = working(self)?;
        Ok(())
    }
}

/// Which engine works here, found with the machine's kernel unless it is known already.
fn working(machine: &Machine) -> Result<Engine> {
    let kvm = Path::new("/dev/kvm");
    if std::fs::File::options().read(true).write(true).open(kvm).is_err() {
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

/// Boots with KVM; if that fails, why.
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
