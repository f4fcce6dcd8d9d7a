//! Moves a pinned map with all its entries to a new layout.
//!
//! A [`Migration`] reads a pinned map, creates a new map, converts each entry with a
//! [`MigrationPlan`], compares the two maps, and replaces the pin with the new map. The command
//! `bpfmap migrate` and generated functions (`migrate_…`) derive the plan from two schemas. If you
//! write a plan by hand, it looks like this:
//!
//! ```no_run
//! use bpfmap::TypeDesc;
//! use bpfmap::migrate::{Migration, Outcome, MigrationPlan, MigrationStep};
//! use bpfmap::MapDef;
//!
//! # fn main() -> bpfmap::Result<()> {
//! // 32-bit counters become 64-bit counters.
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
//! # Guarantees
//!
//! - **The pin is valid at any moment.** The pin changes from the old map to the new map in one
//!   step, after the new map is complete and has been compared. If the process ends or is killed at
//!   any moment, the pin refers to one of these two maps. The migration only reads the old map.
//! - **A second run completes the migration.** The second run removes the temporary pin of an
//!   interrupted run (the pin's name with the suffix `__bpfmap_migrate`) and starts again. If the
//!   pinned map already has the new layout, the second run reports this and does nothing.
//! - **No data is lost silently.** After copying, the migration reads both maps again, and replaces
//!   the pin only if both maps have the same entries and values. If the old map changed in the
//!   meantime, the migration copies it again. The migration makes at most three copies in total.
//!   After that, the migration fails ([`Disturbed`](crate::ErrorKind::Disturbed)) and changes
//!   nothing.
//! - **If another process replaces the pin, the migration keeps the new pin.** The migration first
//!   resolves the symbolic links in the path. Just before the last step, the migration checks that
//!   the pin still refers to the map that was copied. If the pin refers to a different map, the
//!   migration fails ([`Disturbed`](crate::ErrorKind::Disturbed)). The migration can't notice a
//!   loader that replaces the pin between this check and the last step.
//! - If two migrations run in the same folder, the second migration waits for the first. The first
//!   migration locks the folder. Any process that is allowed to open the folder can hold this lock,
//!   so [`Stage::Waiting`] contains the id of the process that holds the lock.
//!
//! # Limits
//!
//! A loaded program keeps the map with which it was loaded. So old programs continue to write to
//! the old map. The new map does not contain the changes that old programs make after the
//! comparison.
//!
//! **First stop everything that writes to the map**: detach the BPF programs, and end the
//! processes. After that, run the migration. Finally, load the programs that were compiled with the
//! new layout. These programs will use the new map at the pin.
//!
//! If you can accept the loss of some changes, use
//! [`allow_differences`](Migration::allow_differences). With this option, you can also migrate a
//! map that keeps changing. If an entry changes during such a migration, the new map can contain
//! the value that the entry had when it was copied.
//!
//! Special fields (locks, timers, kptrs) are reset in the new map, because user space can neither
//! read nor write them. The new map does not keep the order in which the entries of an LRU map were
//! used. The new map is not frozen, even if the old map was frozen.
//!
//! An iteration over an `rhash` can miss entries while the kernel resizes the table of the map. The
//! comparison then finds that entries are missing, and the migration fails
//! ([`Disturbed`](crate::ErrorKind::Disturbed)). Run the migration again after a second.
//!
//! # Supported maps
//!
//! Maps with plain keys and values can be migrated: hashes, arrays and `lpm_trie`, including the
//! per-CPU types. An array keeps its indices and can't become shorter. Additional elements of the
//! new array are zero. Other map types can't be migrated. Reading a queue or a stack removes its
//! values. The remaining types contain kernel objects, or values that are attached to kernel
//! objects.
//!
//! A migration needs `CAP_BPF` and `CAP_SYS_ADMIN`. The migration reads the layout of the live map
//! from the map's BTF, and opening this BTF by its id needs `CAP_SYS_ADMIN`.

mod copy;
mod lock;
mod pin;
mod raw;

pub use bpfmap_core::{MigrationPlan, MigrationStep};

use crate::MapDef;
use crate::kind::{MapType, type_name};
use crate::user_space::error::{Action, Error, ErrorKind, Result};
use crate::user_space::map::{Info, LayoutCheck, create_declared};
use crate::user_space::verify::{self, Verified};
use bpfmap_core::MapFlags;
use bpfmap_core::map_type::{EventRule, KeyRule, MapExtraRule, MaxEntriesRule, ValueRule};
use copy::{Copy, Fingerprint};
use pin::Pin;
use raw::RawMap;
use std::hash::RandomState;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// The maximum number of attempts to copy the entries if the old map changes during each attempt.
const ATTEMPTS: u32 = 3;

/// The migration of a pinned map from an old definition to a new definition.
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

/// The progress of a migration.
///
/// ```
/// use bpfmap::migrate::{Progress, Stage};
///
/// /// Describes the progress of a migration in one line for the terminal.
/// fn describe(progress: Progress) -> String {
///     let Progress { entries, at_most, .. } = progress;
///     match progress.stage {
///         Stage::Waiting { holder: Some(process) } => format!("waiting for process {process}"),
///         Stage::Waiting { holder: None } => "waiting for another process".to_owned(),
///         Stage::Copying => format!("copied {entries} of at most {at_most} entries"),
///         Stage::Checking => format!("read {entries} entries of the new map"),
///         Stage::Comparing => format!("compared {entries} entries"),
///         Stage::Pinned => "the new map is complete".to_owned(),
///         Stage::Swapped => "the pin is the new map".to_owned(),
///         _ => "in a later stage".to_owned(),
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Progress {
    /// The current stage.
    pub stage: Stage,
    /// The number of entries that this stage has processed.
    pub entries: u64,
    /// The `max_entries` of the old map. In every stage, `entries` is at most this number. For an
    /// array, every stage processes exactly this number of entries.
    pub at_most: u64,
}

/// The stages of a migration, in the order in which they happen. If the old map changes during the
/// migration, the migration continues with [`Stage::Copying`] again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Stage {
    /// Another process, usually another migration, holds the lock of the pin's folder. This
    /// migration continues when the other process releases the lock.
    Waiting {
        /// The id of the other process, if that process is visible to this process.
        holder: Option<u32>,
    },
    /// The migration writes entries to the new map.
    Copying,
    /// The migration reads the new map.
    Checking,
    /// The migration reads the old map again.
    Comparing,
    /// The new map is complete and has a temporary pin next to the old pin. In the next step, the
    /// temporary pin replaces the old pin.
    Pinned,
    /// The pin refers to the new map.
    Swapped,
}

/// The outcome of a successful migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Outcome {
    /// The pin refers to the new map.
    Migrated(Migrated),
    /// The map at the pin already matched the new definition.
    AlreadyNew,
}

/// The result of a migration.
///
/// ```no_run
/// use bpfmap::migrate::{Migrated, Migration, Outcome};
///
/// /// Migrates a map of counters to a larger map, while programs may change the counters.
/// fn grow(migration: Migration<'_>) -> bpfmap::Result<()> {
///     let migration = migration
///         .max_entries(100_000)
///         // Accepts that some changes are lost.
///         .allow_differences(true)
///         // The map has no BTF, but the caller knows that it has the old layout.
///         .assume_old(true)
///         // Avoids a bug in this kernel's batch commands.
///         .without_batches();
///     let outcome =
///         migration.run(|progress| println!("{:?}: {}", progress.stage, progress.entries))?;
///     if let Outcome::Migrated(Migrated { entries, old_entries, same: false, .. }) = outcome {
///         println!("{old_entries} entries became {entries}, and some may have old values");
///     }
///     Ok(())
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Migrated {
    /// The number of entries in the new map. For an array, this is the number of entries that were
    /// copied from the old map.
    pub entries: u64,
    /// The number of entries in the old map when the migration last read the old map. This number
    /// can differ from `entries`, and the values in the two maps can differ, only if
    /// [`Migration::allow_differences`] is set.
    pub old_entries: u64,
    /// Whether the old map and the new map had the same entries when they were compared.
    pub same: bool,
}

impl<'a> Migration<'a> {
    /// Returns a migration of the map that is pinned at `path` from the definition `old` to the
    /// definition `new`.
    ///
    /// The `max_entries` of the live map may differ from `old`. The new map gets the `max_entries`
    /// of `new`. If `new` has no `max_entries`, or the same `max_entries` as `old`, the new map
    /// gets the `max_entries` of the live map.
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

    /// Sets the `max_entries` of the new map. This number overrides the numbers in the definitions.
    #[must_use]
    pub fn max_entries(mut self, max_entries: u32) -> Self {
        self.max_entries = Some(max_entries);
        self
    }

    /// Replaces the pin even if the old map changed while it was copied, or if entries were lost.
    /// Entries are lost if an LRU map evicts them, or if different keys become equal. [`Migrated`]
    /// reports such differences.
    #[must_use]
    pub fn allow_differences(mut self, allow: bool) -> Self {
        self.allow_differences = allow;
        self
    }

    /// If the layout of the live map can't be determined, assumes that the map has the old layout.
    /// The layout can't be determined if the map has no BTF, and both definitions have the same
    /// sizes and flags. Without this option, the migration of such a map fails, because a second
    /// migration of the same map would corrupt its entries.
    #[must_use]
    pub fn assume_old(mut self, assume: bool) -> Self {
        self.assume_old = assume;
        self
    }

    /// Copies the entries one by one, as if the kernel had no batch commands.
    #[must_use]
    pub fn without_batches(mut self) -> Self {
        self.batches = false;
        self
    }

    /// Runs the migration. Calls `progress` for each stage and each batch.
    ///
    /// # Errors
    /// [`Mismatch`](ErrorKind::Mismatch): the live map matches neither the old nor the new
    /// definition; the message lists the differences. [`Unsupported`](ErrorKind::Unsupported): maps
    /// of this type can't be migrated, or can't be migrated to the new definition.
    /// [`Full`](ErrorKind::Full): the new map does not have enough space for all entries.
    /// [`Disturbed`](ErrorKind::Disturbed): the old map kept changing, or another process replaced
    /// the pin. `ENOENT`: the pin does not exist. `EPERM`: this process has no permission to open
    /// the pin. Also fails in the same cases as [`Map::create`](crate::Map::create) and
    /// [`Map::pin`](crate::Map::pin).
    ///
    /// After any error, the migration has not replaced the pin.
    pub fn run(&self, mut progress: impl FnMut(Progress)) -> Result<Outcome> {
        self.check_plan()?;
        let pin = Pin::new(&self.path, self.old.name)?;
        let _lock = pin.lock(|holder| {
            progress(Progress { stage: Stage::Waiting { holder }, entries: 0, at_most: 0 });
        })?;
        let fd = pin.open()?;
        let live = Info::of_map(fd.as_fd())
            .map_err(|errno| Error::refused(Action::Info, self.old.name, errno, String::new()))?;
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
                    "a map of type {} can't become a map of type {}: a migration can't change whether \
                     a map is per-CPU or whether it is an array",
                    old.name, new.name
                )));
            }
            if old.is_array() && self.plan.key != [MigrationStep::whole(4)] {
                return Err(self.unsupported("the indices of an array can't change".to_owned()));
            }
        }
        for (what, steps, from, to) in [
            ("key", self.plan.key, self.old.key_size(), self.new.key_size()),
            ("value", self.plan.value, self.old.value_size(), self.new.value_size()),
        ] {
            bpfmap_core::migration::check(steps, from, to).map_err(|error| {
                let text = format!("{what}: {error}");
                Error::told(Action::Migrate, self.old.name, ErrorKind::Other, 0, text)
            })?;
        }
        Ok(())
    }

    /// Returns the definition with which the new map is created.
    fn target(&self, live: &Info) -> MapDef<'a> {
        let declared =
            self.new.max_entries.filter(|_| self.new.max_entries != self.old.max_entries);
        let max_entries = self.max_entries.or(declared).unwrap_or(live.max_entries);
        self.new.max_entries(max_entries)
    }

    /// Returns which of the two definitions the live map matches.
    fn recognise(
        &self,
        fd: std::io::Result<OwnedFd>,
        live: &Info,
        target: &MapDef<'_>,
    ) -> Result<State> {
        let fd = fd.map_err(|error| {
            let errno = error.raw_os_error().unwrap_or(libc::EMFILE);
            Error::told(Action::Clone, self.old.name, ErrorKind::Other, errno, String::new())
        })?;
        let any = |declared: &MapDef<'a>| {
            let mut any = *declared;
            any.max_entries = None;
            any
        };
        let old = verify::live(&any(self.old), fd.as_fd())?;
        // This comparison does not accept properties of older maps. Otherwise the old map would
        // match the new definition.
        let new = verify::live_of_this(&any(self.new), fd.as_fd())?;
        let is = |verified: &Verified| verified.differences.is_empty();
        match (is(&old), is(&new)) {
            (true, false) => Ok(State::Old),
            (false, true) => Ok(State::New),
            (false, false) => {
                let text = format!(
                    "the map at {} does not match the old schema: {}",
                    self.path.display(),
                    verify::list(&old.differences)
                );
                Err(Error::told(Action::Migrate, self.old.name, ErrorKind::Mismatch, 0, text))
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
                    LayoutCheck::Agrees => "the change is not visible in the map's BTF",
                };
                let text = format!(
                    "can't determine whether the map at {} has the old or the new layout: {why}, and both layouts have \
                     the same sizes and flags (help: if you are sure that the map was not migrated yet, use `assume_old`, \
                     or `--assume-old` on the command line)",
                    self.path.display()
                );
                Err(Error::told(Action::Migrate, self.old.name, ErrorKind::Mismatch, 0, text))
            }
        }
    }

    /// Returns whether the bytes of keys and values stay the same.
    fn is_same_layout(&self) -> bool {
        let whole = |steps: &[MigrationStep<'_>], from: u64, to: u64| {
            from == to
                && matches!(steps, [MigrationStep::Copy { from: 0, to: 0, len }] if u64::from(*len) == from)
        };
        whole(self.plan.key, self.old.key_size(), self.new.key_size())
            && whole(self.plan.value, self.old.value_size(), self.new.value_size())
    }

    /// Removes the new map of an interrupted migration. The new map may be complete, but the old
    /// map may have changed since then.
    fn remove_leftover(&self, pin: &Pin<'_>) -> Result<()> {
        let Some(left) = pin.open_beside()? else { return Ok(()) };
        let mut any = *self.new;
        any.max_entries = None;
        if verify::live(&any, left.as_fd())?.differences.is_empty() {
            return pin.remove_beside();
        }
        let text = format!(
            "{} exists, but does not come from an interrupted migration to this schema: remove this pin",
            pin.beside().display()
        );
        Err(Error::told(Action::Migrate, self.old.name, ErrorKind::Exists, 0, text))
    }

    /// Checks that the new map has space for all entries.
    fn check_entries(&self, live: &Info, target: &MapDef<'_>) -> Result<()> {
        let has = target.max_entries.unwrap_or(live.max_entries);
        let facts = MapType::by_number(target.map_type);
        let must_hold_all = facts.is_some_and(|facts| facts.is_array() || facts.evicts);
        if has >= live.max_entries || !must_hold_all || self.allow_differences && !self.is_array() {
            return Ok(());
        }
        let text = format!(
            "the new map would have a max_entries of {has}, but the old map has {}: {}",
            live.max_entries,
            if self.is_array() {
                "the remaining entries would be lost"
            } else {
                "an LRU map would evict entries"
            }
        );
        Err(Error::told(Action::Migrate, self.old.name, ErrorKind::Full, 0, text))
    }

    fn is_array(&self) -> bool {
        MapType::by_number(self.new.map_type).is_some_and(MapType::is_array)
    }

    /// Copies the entries until both maps have the same entries.
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
            "the old map changed during each of {ATTEMPTS} copies: first stop the programs that write to this \
             map; or, if losing some changes is acceptable, use `allow_differences` (`--allow-differences` on the \
             command line)"
        );
        Err(Error::told(Action::Migrate, self.old.name, ErrorKind::Disturbed, 0, text))
    }

    fn create(&self, target: &MapDef<'_>) -> Result<RawMap> {
        let fd = create_declared(target, None, self.new.name)?;
        let info = Info::of(fd.as_fd())
            .map_err(|errno| Error::refused(Action::Info, self.new.name, errno, String::new()))?;
        RawMap::new(fd, info, self.new.name, self.batches)
    }

    /// Returns the error for a new map that does not contain the entries that were written to it,
    /// although the old map did not change.
    fn lost(&self, written: Fingerprint, new: Fingerprint) -> Error {
        let facts = MapType::by_number(self.new.map_type);
        let why = if facts.is_some_and(|facts| facts.evicts) {
            "the LRU map evicted entries: use a max_entries that is larger than the number of entries (with \
             the flag NO_COMMON_LRU, each CPU has its own share of max_entries)"
        } else if written.entries == new.entries {
            "some values differ: stop other processes that write to the new map"
        } else {
            "different keys of the old map became the same key of the new map"
        };
        let text = format!(
            "{} entries were copied, but the new map has {}: {why}",
            written.entries, new.entries
        );
        Error::told(Action::Migrate, self.new.name, ErrorKind::Other, 0, text)
    }

    fn unsupported(&self, text: String) -> Error {
        Error::told(Action::Migrate, self.old.name, ErrorKind::Unsupported, 0, text)
    }
}

/// Which of the two definitions the live map matches.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Old,
    New,
}

/// Returns why a map type can't be migrated.
fn not_walked(map_type: u32) -> String {
    let name = type_name(map_type);
    let why = match MapType::by_number(map_type) {
        None => "this version of bpfmap does not know the type",
        Some(facts) if facts.events != EventRule::Nothing && facts.key == KeyRule::Keyless => {
            "it contains only data in transit: create a new map"
        }
        Some(MapType { map_extra: MapExtraRule::HashFunctions { .. }, .. }) => {
            "its values can't be read back"
        }
        Some(MapType { max_entries: MaxEntriesRule::Pages { .. }, .. }) => {
            "only its programs know the meaning of its memory"
        }
        Some(MapType { key: KeyRule::CgroupStorage | KeyRule::Descriptor(_), .. }) => {
            "its values are attached to objects of the kernel"
        }
        Some(facts) => match facts.value {
            ValueRule::Stack => "only programs can store stacks in it",
            ValueRule::StructOps | ValueRule::Instruction => {
                "it belongs to the programs with which it was loaded"
            }
            ValueRule::Object(_) => {
                "its entries are objects of the kernel, which user space can't read back"
            }
            ValueRule::Plain { .. } | ValueRule::Valueless => "reading its values removes them",
        },
    };
    format!("a map of type {name} can't be migrated: {why}")
}

/// The flags that affect only the descriptor or the location of the memory, but not the contents of
/// the map.
pub(crate) const PLACEMENT: MapFlags =
    MapFlags::NUMA_NODE.union(MapFlags::RDONLY).union(MapFlags::WRONLY).union(MapFlags::TOKEN_FD);
