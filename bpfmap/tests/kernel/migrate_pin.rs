//! The pin that a migration replaces, and changes that other processes make to the pin during the
//! migration.

use crate::bpf_fs::BpfFs;
use bpfmap::TypeDesc;
use bpfmap::migrate::{Migration, MigrationPlan, MigrationStep, Outcome, Progress, Stage};
use bpfmap::{ErrorKind, Map, MapDef, MapSpec, UpdateMode, kind};
use std::fs::{self, File};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::symlink;
use std::path::Path;

enum Old {}

impl MapSpec for Old {
    type Kind = kind::Hash;
    type Key = u32;
    type Value = u32;
    const DEF: MapDef<'static> =
        kind::Hash::def("counters", TypeDesc::U32, TypeDesc::U32).max_entries(8);
}

enum New {}

impl MapSpec for New {
    type Kind = kind::Hash;
    type Key = u32;
    type Value = u64;
    const DEF: MapDef<'static> =
        kind::Hash::def("counters", TypeDesc::U32, TypeDesc::U64).max_entries(8);
}

static OLD: MapDef<'static> = Old::DEF;
static NEW: MapDef<'static> = New::DEF;

const PLAN: MigrationPlan<'static> = MigrationPlan {
    key: &[MigrationStep::whole(4)],
    value: &[MigrationStep::Integer {
        from_bit: 0,
        from_bits: 32,
        to_bit: 0,
        to_bits: 64,
        signed: false,
    }],
};

fn migrate(path: &Path, progress: impl FnMut(Progress)) -> bpfmap::Result<Outcome> {
    Migration::new(path, &OLD, &NEW, PLAN).run(progress)
}

/// Returns a map with one entry, which is pinned as `map`.
fn pinned(bpf_fs: &BpfFs) -> Map<Old> {
    let map = Map::<Old>::create().unwrap();
    map.update(&1, &7, UpdateMode::Any).unwrap();
    map.pin(bpf_fs.path("map")).unwrap();
    map
}

/// The migration replaces the pin and leaves the links to it unchanged. One link is in the same
/// folder, and one link is in a different folder.
#[test]
fn links_to_the_pin_are_followed_and_kept() {
    let bpf_fs = BpfFs::mount("link");
    drop(pinned(&bpf_fs));
    let beside = bpf_fs.path("alias");
    symlink("map", &beside).unwrap();
    let elsewhere = std::env::temp_dir().join(format!("bpfmap-link-{}", std::process::id()));
    symlink(&beside, &elsewhere).unwrap();
    let outcome = migrate(&elsewhere, |_| {});
    fs::remove_file(&elsewhere).unwrap();
    assert!(matches!(outcome.unwrap(), Outcome::Migrated(_)));
    assert!(fs::symlink_metadata(&beside).unwrap().is_symlink());
    assert!(!fs::symlink_metadata(bpf_fs.path("map")).unwrap().is_symlink());
    let new = Map::<New>::from_pinned(bpf_fs.path("map")).unwrap();
    assert_eq!(new.lookup(&1).unwrap(), Some(7));
    assert!(matches!(migrate(&beside, |_| {}), Ok(Outcome::AlreadyNew)));
}

/// Another loader replaces the pin with its own map at the last moment at which a migration reports
/// progress.
#[test]
fn a_pin_that_was_replaced_during_the_migration_is_kept() {
    let bpf_fs = BpfFs::mount("replaced");
    drop(pinned(&bpf_fs));
    let path = bpf_fs.path("map");
    let theirs = Map::<Old>::create().unwrap();
    let replace = |progress: Progress| {
        if progress.stage == Stage::Pinned {
            fs::remove_file(&path).unwrap();
            theirs.pin(&path).unwrap();
        }
    };
    let error = migrate(&path, replace).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Disturbed, "{error}");
    let id = theirs.info().unwrap().id;
    assert!(error.to_string().contains(&format!("found the map with id {id}")), "{error}");
    assert_eq!(Map::<Old>::from_pinned(&path).unwrap().info().unwrap().id, id);
    assert_eq!(bpf_fs.pins(), ["map"]);
}

/// A migration does not restore a pin that another process has removed.
#[test]
fn a_pin_that_was_removed_during_the_migration_is_not_restored() {
    let bpf_fs = BpfFs::mount("removed");
    drop(pinned(&bpf_fs));
    let path = bpf_fs.path("map");
    let remove = |progress: Progress| {
        if progress.stage == Stage::Pinned {
            fs::remove_file(&path).unwrap();
        }
    };
    let error = migrate(&path, remove).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Disturbed, "{error}");
    assert!(error.to_string().contains("found none"), "{error}");
    assert!(bpf_fs.pins().is_empty());
}

/// Any process that may open the folder can hold the lock. In this test, the process itself holds
/// it.
#[test]
fn the_process_that_holds_the_lock_is_reported() {
    let bpf_fs = BpfFs::mount("lock");
    drop(pinned(&bpf_fs));
    let path = bpf_fs.path("map");
    let folder = File::open(path.parent().unwrap()).unwrap();
    // SAFETY: no address is passed.
    assert_eq!(unsafe { libc::flock(folder.as_raw_fd(), libc::LOCK_EX) }, 0);
    let mut folder = Some(folder);
    let mut holders = vec![];
    let outcome = migrate(&path, |progress| {
        if let Stage::Waiting { holder } = progress.stage {
            holders.push(holder);
            drop(folder.take());
        }
    });
    assert!(matches!(outcome.unwrap(), Outcome::Migrated(_)));
    assert_eq!(holders, [Some(std::process::id())]);
}

/// A process that may write to the folder can replace the temporary pin of the new map with another
/// map. That map must not replace the pin.
#[test]
fn a_map_that_another_process_pinned_temporarily_does_not_replace_the_pin() {
    let bpf_fs = BpfFs::mount("beside");
    let old = pinned(&bpf_fs);
    let (path, beside) = (bpf_fs.path("map"), bpf_fs.path("map__bpfmap_migrate"));
    let theirs = Map::<New>::create().unwrap();
    let replace = |progress: Progress| {
        if progress.stage == Stage::Pinned {
            fs::remove_file(&beside).unwrap();
            theirs.pin(&beside).unwrap();
        }
    };
    let error = migrate(&path, replace).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Disturbed, "{error}");
    let id = theirs.info().unwrap().id;
    assert!(error.to_string().contains(&format!("found the map with id {id}")), "{error}");
    let pinned = Map::<Old>::from_pinned(&path).unwrap();
    assert_eq!(pinned.info().unwrap().id, old.info().unwrap().id);
    assert_eq!(bpf_fs.pins(), ["map"]);
}
