//! Moving a pinned map with all its entries to a new layout.
//!
//! A [`Migration`] reads the map at a pin, makes a new one, copies each entry as a [`MigrationPlan`] says, compares the two, and
//! puts the new map in the place of the pin. The command `bpfmap migrate` and generated functions (`migrate_…`) make
//! the plan of two schemas; by hand it looks like this:
//!
//! ```no_run
//! use bpfmap::TypeDesc;
//! use bpfmap::migrate::{Migration, Outcome, MigrationPlan, MigrationStep};
//! use bpfmap::MapDef;
//!
//! # fn main() -> bpfmap::Result<()> {
//! // Counters of 32 bits become counters of 64.
//! const OLD: MapDef = MapDef::new("counters", 1, TypeDesc::U32, TypeDesc::U32);
//! const NEW: MapDef = MapDef::new("counters", 1, TypeDesc::U32, TypeDesc::U64);
//! let plan = MigrationPlan {
//!     key: &[MigrationStep::whole(4)],
//!     value: &[MigrationStep::Integer { from_bit: 0, from_bits: 32, to_bit: 0, to_bits: 64, signed: false }],
//! };
//! match Migration::new("/sys/fs/bpf/counters", &OLD, &NEW, plan).run(|_| {})? {
//!     Outcome::Migrated(done) => println!("{} entries", done.entries),
//!     Outcome::AlreadyNew => println!("nothing to do"),
//!     other => println!("{other:?}"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What is promised
//!
//! - **The pin is whole at any moment.** It is the old map until the very step in which it is the new one, complete and
//!   compared. Whenever the process ends, killed or not, one of the two is there. The old map itself is only read.
//! - **A second run completes.** It removes what an interrupted one left beside the pin (under the pin's name and
//!   `__bpfmap_migrate`) and begins anew; where the pin is of the new layout already it says so and does nothing.
//! - **Nothing is lost unseen.** After copying, the new map is read back, and the old one read again: the pin changes
//!   hands only when both hold the same entries, value for value. Where the old map changed meanwhile, copying begins
//!   anew, three times in all; then it is an error ([`Disturbed`](crate::ErrorKind::Disturbed)), and all is as before.
//! - **What others put at the pin stays.** The path is followed over links first, and just before the step the pin has
//!   to be the map that was copied; else it is an error ([`Disturbed`](crate::ErrorKind::Disturbed)). A loader that
//!   replaces the pin between the two system calls is not noticed.
//! - Two migrations in one folder wait for each other. Any process that may open the folder can hold the lock by which
//!   they do, so [`Stage::Waiting`] tells which one it is.
//!
//! # What is not
//!
//! A program that is loaded keeps the map that it was loaded with. So what old programs write after the comparison goes
//! to the old map and is not in the new one: **stop what writes to the map first** (detach the programs, end the
//! process), migrate, then load the programs of the new layout, which find the new map at the pin. Where losing some
//! changes is fine, [`allow_differences`](Migration::allow_differences) migrates a map that never rests: an entry that
//! changes while it is copied arrives with some value that it had.
//!
//! The fields that belong to the kernel (locks, timers, pointers to its objects) start anew in the new map: user space
//! can neither read nor write them. The order of use in an LRU map is not carried over, nor is it frozen if the old one
//! was.
//!
//! # Which maps
//!
//! Those of plain keys and values: the hashes, arrays and `lpm_trie`, with a value or one for each CPU. An array keeps
//! its indices, and those that only the new one has are zero; it can't become shorter. Queues and stacks give their
//! values only by losing them, and others hold objects of the kernel, or what is attached to one: these are refused.
//!
//! It takes `CAP_BPF` and `CAP_SYS_ADMIN`: the layout of the live map is in its BTF, which is found by its id.

mod copy;
mod lock;
mod pin;
mod raw;

pub use bpfmap_core::{MigrationPlan, MigrationStep};

use crate::MapDef;
use crate::error::{Error, ErrorKind, Operation, Result};
use crate::kind::{MapType, type_name};
use crate::map::{Info, LayoutCheck, create_declared};
use crate::verify::{self, Verified};
use bpfmap_core::MapFlags;
use bpfmap_core::map_type::{EventRule, KeyRule, MapExtraRule, MaxEntriesRule, ValueRule};
use copy::{Copy, Fingerprint};
use pin::Pin;
use raw::RawMap;
use std::hash::RandomState;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// How often copying begins anew when the old map changes meanwhile.
const ATTEMPTS: u32 = 3;

/// A map at a pin, what it is, and what it is to become.
#[derive(Clone, Debug)]
pub struct Migration<'a> {
    path: PathBuf,
    old: &'a MapDef<'a>,
    new: &'a MapDef<'a>,
    plan: MigrationPlan<'a>,
    max_entries: Option<u32>,
    allow_differences: bool,
    assume_old: bool,
    batches: bool,
}

/// How far a migration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// What is being done.
    pub stage: Stage,
    /// Entries that this stage has passed.
    pub entries: u64,
    /// What no stage passes: the `max_entries` of the old map. An array has as many.
    pub at_most: u64,
}

/// What a migration does, in this order; from [`Stage::Copying`] again when the old map changed meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Another process holds the lock of the pin's folder, mostly another migration: this one goes on when it ends.
    Waiting {
        /// The process, where this one may see it.
        holder: Option<u32>,
    },
    /// Entries are written to the new map.
    Copying,
    /// The new map is read back.
    Checking,
    /// The old map is read again.
    Comparing,
    /// The new map is complete and pinned beside the old one, whose place it takes in the next step.
    Pinned,
    /// The pin is the new map's.
    Swapped,
}

/// How a migration ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The pin is the new map's.
    Migrated(Migrated),
    /// The map at the pin already was what the new declaration says.
    AlreadyNew,
}

/// What was migrated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Migrated {
    /// Entries of the new map; of an array, those that came from the old one.
    pub entries: u64,
    /// Entries of the old map when it was read last. Another number, or other values, only where
    /// [`Migration::allow_differences`] allowed it.
    pub old_entries: u64,
    /// The old map and the new one held the same entries.
    pub same: bool,
}

impl<'a> Migration<'a> {
    /// From the map that is pinned at `path`, which is as `old` says, to one as `new` says.
    ///
    /// The `max_entries` of the live map may be others than `old` says. The new map has those of `new`; where `new`
    /// says the same as `old`, or nothing, those of the live map.
    #[must_use]
    pub fn new(
        path: impl AsRef<Path>,
        old: &'a MapDef<'a>,
        new: &'a MapDef<'a>,
        plan: MigrationPlan<'a>,
    ) -> Self {
        Self {
            path: path.as_ref().to_owned(),
            old,
            new,
            plan,
            max_entries: None,
            allow_differences: false,
            assume_old: false,
            batches: true,
        }
    }

    /// Gives the new map this many entries, whatever the declarations say.
    #[must_use]
    pub fn max_entries(mut self, max_entries: u32) -> Self {
        self.max_entries = Some(max_entries);
        self
    }

    /// Puts the new map in place although the old one changed while it was copied, or entries were lost (an LRU map
    /// evicted some, or keys became the same). [`Migrated`] tells.
    #[must_use]
    pub fn allow_differences(mut self, allow: bool) -> Self {
        self.allow_differences = allow;
        self
    }

    /// Takes the live map for the old one where nothing tells: it has no BTF, and sizes and flags are the same before
    /// and after. Without this such a map is refused, since migrating it twice would garble it.
    #[must_use]
    pub fn assume_old(mut self, assume: bool) -> Self {
        self.assume_old = assume;
        self
    }

    /// Goes entry by entry, as on a kernel without batch commands.
    #[must_use]
    pub fn without_batches(mut self) -> Self {
        self.batches = false;
        self
    }

    /// Does it. `progress` hears of each stage and each batch.
    ///
    /// # Errors
    /// [`Mismatch`](ErrorKind::Mismatch): the live map is neither the old one nor the new one; the message has the
    /// differences. [`Unsupported`](ErrorKind::Unsupported): maps of this type can't be migrated, or not so.
    /// [`Full`](ErrorKind::Full): the new map has no room for all entries. [`Disturbed`](ErrorKind::Disturbed): the old
    /// map kept changing. `ENOENT`, `EPERM`: no such pin, or not for this process; further those of
    /// [`Map::create`](crate::Map::create) and [`Map::pin`](crate::Map::pin). Whatever the error, the pin is the old
    /// map's.
    pub fn run(&self, mut progress: impl FnMut(Progress)) -> Result<Outcome> {
        self.check_plan()?;
        let pin = Pin::new(&self.path, self.old.name)?;
        let _lock = pin.lock(|holder| {
            progress(Progress { stage: Stage::Waiting { holder }, entries: 0, at_most: 0 });
        })?;
        let fd = pin.open()?;
        let live = Info::of_map(fd.as_fd()).map_err(|errno| {
            Error::refused(Operation::Info, self.old.name, errno, String::new())
        })?;
        let target = self.target(&live);
        let state = self.recognise(fd.as_fd().try_clone_to_owned(), &live, &target)?;
        self.remove_leftover(&pin)?;
        if state == State::New {
            return Ok(Outcome::AlreadyNew);
        }
        self.check_entries(&live, &target)?;
        let (copy, done) = self.copy(fd, &live, &target, &mut progress)?;
        pin.pin_beside(copy.new.fd.as_fd())?;
        let at =
            |stage| Progress { stage, entries: done.entries, at_most: u64::from(live.max_entries) };
        progress(at(Stage::Pinned));
        pin.swap(live.id, copy.new.info.id)?;
        progress(at(Stage::Swapped));
        Ok(Outcome::Migrated(done))
    }

    fn check_plan(&self) -> Result<()> {
        let mut facts = [self.old, self.new].into_iter().map(|declared| {
            MapType::by_number(declared.map_type)
                .filter(|facts| facts.can_be_copied())
                .ok_or_else(|| self.unsupported(not_walked(declared.map_type)))
        });
        if let (Some(old), Some(new)) = (facts.next().transpose()?, facts.next().transpose()?) {
            if old.per_cpu != new.per_cpu || old.is_array() != new.is_array() {
                return Err(self.unsupported(format!(
                    "a map of type {} can't become one of type {}: both hold one value, or one for each CPU, and both \
                     have keys, or indices",
                    old.name, new.name
                )));
            }
            if old.is_array() && self.plan.key != [MigrationStep::whole(4)] {
                return Err(
                    self.unsupported("the indices of an array stay what they are".to_owned())
                );
            }
        }
        for (what, steps, from, to) in [
            ("key", self.plan.key, self.old.key_size(), self.new.key_size()),
            ("value", self.plan.value, self.old.value_size(), self.new.value_size()),
        ] {
            bpfmap_core::migration::check(steps, from, to).map_err(|error| {
                let text = format!("{what}: {error}");
                Error::told(Operation::Migrate, self.old.name, ErrorKind::Other, 0, text)
            })?;
        }
        Ok(())
    }

    /// What the new map is created as.
    fn target(&self, live: &Info) -> MapDef<'a> {
        let declared =
            self.new.max_entries.filter(|_| self.new.max_entries != self.old.max_entries);
        let max_entries = self.max_entries.or(declared).unwrap_or(live.max_entries);
        self.new.max_entries(max_entries)
    }

    /// Which of the two the live map is.
    fn recognise(
        &self,
        fd: std::io::Result<OwnedFd>,
        live: &Info,
        target: &MapDef<'_>,
    ) -> Result<State> {
        let fd = fd.map_err(|error| {
            let errno = error.raw_os_error().unwrap_or(libc::EMFILE);
            Error::told(Operation::Clone, self.old.name, ErrorKind::Other, errno, String::new())
        })?;
        let any = |declared: &MapDef<'a>| {
            let mut any = *declared;
            any.max_entries = None;
            any
        };
        let old = verify::live(&any(self.old), fd.as_fd())?;
        // What an older map may have otherwise would make it the new one.
        let new = verify::live_of_this(&any(self.new), fd.as_fd())?;
        let is = |verified: &Verified| verified.differences.is_empty();
        match (is(&old), is(&new)) {
            (true, false) => Ok(State::Old),
            (false, true) => Ok(State::New),
            (false, false) => {
                let text = format!(
                    "the map at {} is not what the old schema says: {}",
                    self.path.display(),
                    verify::list(&old.differences)
                );
                Err(Error::told(Operation::Migrate, self.old.name, ErrorKind::Mismatch, 0, text))
            }
            (true, true) if self.is_same_layout() => {
                if Some(live.max_entries) == target.max_entries {
                    Ok(State::New)
                } else {
                    Ok(State::Old)
                }
            }
            (true, true) if self.assume_old => Ok(State::Old),
            (true, true) => {
                let why = match old.layout_check {
                    LayoutCheck::NoBtf => "the map has no BTF",
                    LayoutCheck::NotPermitted => "this process may not read the map's BTF",
                    LayoutCheck::Agrees => "what changed is not in the map's BTF",
                };
                let text = format!(
                    "nothing tells whether the map at {} is the old one or the new one: {why}, and sizes and flags are \
                     the same. If it surely was not migrated yet, say so (`assume_old`, on the command line \
                     `--assume-old`)",
                    self.path.display()
                );
                Err(Error::told(Operation::Migrate, self.old.name, ErrorKind::Mismatch, 0, text))
            }
        }
    }

    /// Whether the bytes of keys and values stay what they are.
    fn is_same_layout(&self) -> bool {
        let whole = |steps: &[MigrationStep<'_>], from: u64, to: u64| {
            from == to
                && matches!(steps, [MigrationStep::Copy { from: 0, to: 0, len }] if u64::from(*len) == from)
        };
        whole(self.plan.key, self.old.key_size(), self.new.key_size())
            && whole(self.plan.value, self.old.value_size(), self.new.value_size())
    }

    /// Removes the new map of an interrupted migration; it was complete, but the old one may have changed since.
    fn remove_leftover(&self, pin: &Pin<'_>) -> Result<()> {
        let Some(left) = pin.open_beside()? else { return Ok(()) };
        let mut any = *self.new;
        any.max_entries = None;
        if verify::live(&any, left.as_fd())?.differences.is_empty() {
            return pin.remove_beside();
        }
        let text = format!(
            "{} is in the way, and is not what a migration to this schema leaves when it is interrupted: remove it",
            pin.beside().display()
        );
        Err(Error::told(Operation::Migrate, self.old.name, ErrorKind::Exists, 0, text))
    }

    /// Whether all entries can have room.
    fn check_entries(&self, live: &Info, target: &MapDef<'_>) -> Result<()> {
        let has = target.max_entries.unwrap_or(live.max_entries);
        let facts = MapType::by_number(target.map_type);
        let must_hold_all = facts.is_some_and(|facts| facts.is_array() || facts.evicts);
        if has >= live.max_entries || !must_hold_all || self.allow_differences && !self.is_array() {
            return Ok(());
        }
        let text = format!(
            "the new map would have {has} entries, the old one has {}: {}",
            live.max_entries,
            if self.is_array() {
                "those beyond would be lost"
            } else {
                "an LRU map would evict some"
            }
        );
        Err(Error::told(Operation::Migrate, self.old.name, ErrorKind::Full, 0, text))
    }

    fn is_array(&self) -> bool {
        MapType::by_number(self.new.map_type).is_some_and(MapType::is_array)
    }

    /// Copies until both maps hold the same.
    fn copy(
        &self,
        old: OwnedFd,
        live: &Info,
        target: &MapDef<'_>,
        progress: &mut impl FnMut(Progress),
    ) -> Result<(Copy<'a>, Migrated)> {
        let at_most = u64::from(live.max_entries);
        let mut old = RawMap::new(old, live.clone(), self.old.name, self.batches)?;
        for attempt in 1..=ATTEMPTS {
            let new = self.create(target)?;
            let mut copy = Copy { old, new, plan: self.plan, hasher: RandomState::new() };
            let tell = |stage| {
                move |entries: u64, progress: &mut dyn FnMut(Progress)| {
                    progress(Progress { stage, entries, at_most });
                }
            };
            let (copying, checking, comparing) =
                (tell(Stage::Copying), tell(Stage::Checking), tell(Stage::Comparing));
            copying(0, progress);
            let written = copy.copy(|entries| copying(entries, progress))?;
            checking(0, progress);
            let new_now = copy.new_now(|entries| checking(entries, progress))?;
            comparing(0, progress);
            let old_now = copy.old_now(|entries| comparing(entries, progress))?;
            let same = written == new_now && written == old_now;
            if same || self.allow_differences {
                let (entries, old_entries) = (new_now.entries, old_now.entries);
                return Ok((copy, Migrated { entries, old_entries, same }));
            }
            if written == old_now {
                return Err(self.lost(written, new_now));
            }
            old = copy.old;
            if attempt == ATTEMPTS {
                break;
            }
        }
        let text = format!(
            "the old map changed each of the {ATTEMPTS} times that it was copied: stop what writes to it first; or, where \
             losing some changes is fine, allow differences (`allow_differences`, on the command line \
             `--allow-differences`)"
        );
        Err(Error::told(Operation::Migrate, self.old.name, ErrorKind::Disturbed, 0, text))
    }

    fn create(&self, target: &MapDef<'_>) -> Result<RawMap> {
        let fd = create_declared(target, None, self.new.name)?;
        let info = Info::of(fd.as_fd()).map_err(|errno| {
            Error::refused(Operation::Info, self.new.name, errno, String::new())
        })?;
        RawMap::new(fd, info, self.new.name, self.batches)
    }

    /// The old map rested, and all the same the new one doesn't hold what was written to it.
    fn lost(&self, written: Fingerprint, new: Fingerprint) -> Error {
        let facts = MapType::by_number(self.new.map_type);
        let why = if facts.is_some_and(|facts| facts.evicts) {
            "the LRU map evicted some: give it more max_entries, some more than there are entries; with NO_COMMON_LRU \
             each CPU has a share of them"
        } else if written.entries == new.entries {
            "and values differ: does something else write to the new map?"
        } else {
            "keys that differed became the same"
        };
        let text = format!(
            "{} entries were copied, and the new map holds {}: {why}",
            written.entries, new.entries
        );
        Error::told(Operation::Migrate, self.new.name, ErrorKind::Other, 0, text)
    }

    fn unsupported(&self, text: String) -> Error {
        Error::told(Operation::Migrate, self.old.name, ErrorKind::Unsupported, 0, text)
    }
}

/// Which of the two declarations the live map fits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Old,
    New,
}

/// Why a map type can't be migrated.
fn not_walked(map_type: u32) -> String {
    let name = type_name(map_type);
    let why = match MapType::by_number(map_type) {
        None => "its type is not known",
        Some(facts) if facts.events != EventRule::Nothing && facts.key == KeyRule::Keyless => {
            "it holds nothing but what is on its way: make a new one"
        }
        Some(MapType { map_extra: MapExtraRule::HashFunctions { .. }, .. }) => {
            "its values can't be read back"
        }
        Some(MapType { max_entries: MaxEntriesRule::Pages { .. }, .. }) => {
            "it is memory, whose meaning only its programs know"
        }
        Some(MapType { key: KeyRule::CgroupStorage | KeyRule::Descriptor(_), .. }) => {
            "its values are attached to objects of the kernel"
        }
        Some(facts) => match facts.value {
            ValueRule::Stack => "only programs put stacks into it",
            ValueRule::StructOps | ValueRule::Instruction => {
                "it belongs to the programs that it was loaded with"
            }
            ValueRule::Object(_) => {
                "its entries are objects of the kernel, which user space can't read back"
            }
            ValueRule::Plain { .. } | ValueRule::Valueless => {
                "its values can be read only by taking them out"
            }
        },
    };
    format!("a map of type {name} can't be migrated: {why}")
}

/// Flags that say how a descriptor was made or where memory is, and nothing of what the map holds.
pub(crate) const PLACEMENT: MapFlags =
    MapFlags::NUMA_NODE.union(MapFlags::RDONLY).union(MapFlags::WRONLY).union(MapFlags::TOKEN_FD);
