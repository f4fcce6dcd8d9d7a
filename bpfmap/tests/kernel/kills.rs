//! After a migration is killed, the pin refers to the complete old map or to the complete new map.

use crate::bpf_fs::BpfFs;
use bpfmap::migrate::{Migration, MigrationPlan, MigrationStep, Outcome, Progress, Stage};
use bpfmap::{Map, MapDef, MapSpec, UpdateMode, kind};
use bpfmap::{MemberDesc, TypeDesc};
use std::path::Path;
use std::time::{Duration, Instant};

const fn u64_at(name: &'static str, byte: u32) -> MemberDesc<'static> {
    MemberDesc { name, bit_offset: byte * 8, bits: 0, ty: TypeDesc::U64 }
}

/// A value of 16 bytes that becomes a value of 32 bytes.
#[repr(C)]
struct Old {
    packets: u64,
    bytes: u64,
}
bpfmap::plain_struct!(Old { packets: u64, bytes: u64 });

#[repr(C)]
struct New {
    bytes: u64,
    dropped: u64,
    packets: u64,
    limit: u64,
}
bpfmap::plain_struct!(New { bytes: u64, dropped: u64, packets: u64, limit: u64 });

const OLD: &TypeDesc<'static> = &TypeDesc::Struct {
    name: "old",
    size: 16,
    members: &[u64_at("packets", 0), u64_at("bytes", 8)],
};
const NEW: &TypeDesc<'static> = &TypeDesc::Struct {
    name: "new",
    size: 32,
    members: &[
        u64_at("bytes", 0),
        u64_at("dropped", 8),
        u64_at("packets", 16),
        u64_at("limit", 24),
    ],
};

const PLAN: MigrationPlan<'static> = MigrationPlan {
    key: &[MigrationStep::whole(4)],
    value: &[
        MigrationStep::Copy { from: 8, to: 0, len: 8 },
        MigrationStep::Copy { from: 0, to: 16, len: 8 },
        MigrationStep::Fill { to: 24, bytes: &100_u64.to_ne_bytes() },
    ],
};

enum OldMap {}

impl MapSpec for OldMap {
    type Kind = kind::Hash;
    type Key = u32;
    type Value = Old;
    const DEF: MapDef<'static> = kind::Hash::def("flows", TypeDesc::U32, OLD);
}

enum NewMap {}

impl MapSpec for NewMap {
    type Kind = kind::Hash;
    type Key = u32;
    type Value = New;
    const DEF: MapDef<'static> = kind::Hash::def("flows", TypeDesc::U32, NEW);
}

static OLD_MAP: MapDef<'static> = OldMap::DEF;
static NEW_MAP: MapDef<'static> = NewMap::DEF;

fn migrate(path: &Path, progress: impl FnMut(Progress)) -> bpfmap::Result<Outcome> {
    Migration::new(path, &OLD_MAP, &NEW_MAP, PLAN).run(progress)
}

/// A filled map and its pin. Each migration only reads the map, so the same map can be pinned again
/// for the next migration.
struct Pinned {
    bpf_fs: BpfFs,
    old: Map<OldMap>,
    entries: u32,
}

impl Pinned {
    fn new(name: &str, entries: u32) -> Self {
        let old = Map::<OldMap>::options().max_entries(entries).create().unwrap();
        let filled = (0..entries)
            .map(|key| (key, Old { packets: u64::from(key) * 3, bytes: u64::from(key) << 32 }));
        old.extend(filled).unwrap();
        let pinned = Self { bpf_fs: BpfFs::mount(name), old, entries };
        pinned.old.pin(pinned.bpf_fs.path("flows")).unwrap();
        pinned
    }

    /// Pins the old map again.
    fn again(&self) {
        let path = self.bpf_fs.path("flows");
        std::fs::remove_file(&path).unwrap();
        self.old.pin(&path).unwrap();
    }

    /// Checks that the pin refers to the old map, or to a new map with every entry. Returns `true`
    /// for the new map.
    fn check(&self) -> bool {
        let path = self.bpf_fs.path("flows");
        if let Ok(new) = Map::<NewMap>::options().any_max_entries().from_pinned(&path) {
            self.check_new(&new);
            return true;
        }
        let old = Map::<OldMap>::options().any_max_entries().from_pinned(&path).unwrap();
        assert_eq!(old.info().unwrap().id, self.old.info().unwrap().id);
        let mut count = 0;
        for entry in &old {
            let (key, value) = entry.unwrap();
            assert_eq!((value.packets, value.bytes), (u64::from(key) * 3, u64::from(key) << 32));
            count += 1;
        }
        assert_eq!(count, self.entries);
        false
    }

    fn check_new(&self, new: &Map<NewMap>) {
        let mut seen = vec![false; self.entries as usize];
        for entry in new {
            let (key, value) = entry.unwrap();
            assert_eq!((value.packets, value.bytes), (u64::from(key) * 3, u64::from(key) << 32));
            assert_eq!((value.dropped, value.limit), (0, 100));
            assert!(!core::mem::replace(&mut seen[key as usize], true), "{key} is there twice");
        }
        assert!(seen.iter().all(|seen| *seen), "entries are lost");
    }

    /// Runs a migration to its end, and checks that it leaves no other pin.
    fn complete(&self, was_new: bool) {
        let done = migrate(&self.bpf_fs.path("flows"), |_| {}).unwrap();
        match done {
            Outcome::AlreadyNew => assert!(was_new),
            Outcome::Migrated(done) => {
                assert!(!was_new);
                assert_eq!((done.entries, done.same), (u64::from(self.entries), true));
            }
            other => panic!("{other:?}"),
        }
        assert!(self.check());
        assert_eq!(self.bpf_fs.pins(), ["flows"]);
    }

    /// Runs a migration in a child process. `progress` may end that process. If `after` is given,
    /// this kills the process after that time.
    fn killed(&self, after: Option<Duration>, progress: impl FnMut(Progress)) {
        let path = self.bpf_fs.path("flows");
        // SAFETY: the child only runs the migration, and ends without using locks that other
        // threads hold.
        let child = unsafe { libc::fork() };
        assert!(child >= 0, "{}", std::io::Error::last_os_error());
        if child == 0 {
            let done = migrate(&path, progress);
            // SAFETY: this ends the child process without running the exit handlers of the parent
            // process.
            unsafe { libc::_exit(i32::from(done.is_err())) };
        }
        if let Some(after) = after {
            std::thread::sleep(after);
            // SAFETY: the process is a child of this process, and nobody has waited for it yet.
            assert_eq!(unsafe { libc::kill(child, libc::SIGKILL) }, 0);
        }
        let mut status = 0;
        // SAFETY: there is space for the status.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        let killed = libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGKILL;
        assert!(killed || libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0, "{status:#x}");
    }
}

/// Kills `kills` migrations of `entries` entries. The moments are spread over the time that one
/// migration takes. After each kill, a further migration completes the interrupted migration.
pub(crate) fn killed_at_any_moment(entries: u32, kills: u32) {
    let pinned = Pinned::new("killed", entries);
    let started = Instant::now();
    pinned.complete(false);
    let whole = started.elapsed();
    let (mut left_old, mut left_new) = (0, 0);
    // A pseudo-random sequence with a very long period (Knuth's MMIX).
    let mut random = u64::from(std::process::id());
    for kill in 0..kills {
        pinned.again();
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // There is one moment in each slice of the time, and some moments after the end.
        let within = f64::from(u32::try_from(random >> 32).unwrap()) / f64::from(u32::MAX);
        let after = whole.mul_f64((f64::from(kill) + within) / f64::from(kills) * 1.1);
        pinned.killed(Some(after), |_| {});
        let is_new = pinned.check();
        *(if is_new { &mut left_new } else { &mut left_old }) += 1;
        pinned.complete(is_new);
    }
    println!(
        "{entries} entries, {kills} kills within {whole:?}: the old map stood {left_old} times, the new one {left_new}"
    );
    assert!(left_old > 0);
}

/// Kills a migration at each stage. These moments are too short to be met by chance.
pub(crate) fn killed_at_each_stage() {
    let pinned = Pinned::new("stages", 1000);
    for (stage, is_new) in [
        (Stage::Copying, false),
        (Stage::Checking, false),
        (Stage::Comparing, false),
        (Stage::Pinned, false),
        (Stage::Swapped, true),
    ] {
        pinned.again();
        pinned.killed(None, |progress| {
            if progress.stage == stage {
                // SAFETY: this ends the child process.
                unsafe { libc::raise(libc::SIGKILL) };
            }
        });
        assert_eq!(pinned.check(), is_new, "{stage:?}");
        pinned.complete(is_new);
    }
    // A process that has opened the old map keeps the old map.
    assert_eq!(pinned.old.lookup(&7).unwrap().map(|value| value.packets), Some(21));
    pinned.old.update(&7, &Old { packets: 1, bytes: 1 }, UpdateMode::Exist).unwrap();
}
