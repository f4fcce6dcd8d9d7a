//! Both versions use one pin, one after the other. The migration between them is disturbed and
//! killed.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bpf_fs::BpfFs;
use bpfmap::migrate::{Outcome, Stage};
use bpfmap::{Be32, ErrorKind, Map, UpdateMode};
use upgrade::{Counter, V1, V2, migrate, migration, pin, v1, v2};

#[path = "../../../bpfmap/tests/kernel/bpf_fs.rs"]
mod bpf_fs;

const SOURCE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const PACKET: u32 = 34;

fn source_v1(counter: &Counter<V1>) -> v1::Source {
    counter.sources().lookup(&Be32::from(SOURCE)).unwrap().expect("the source has sent")
}

fn source_v2(counter: &Counter<V2>) -> v2::Source {
    counter.sources().lookup(&Be32::from(SOURCE)).unwrap().expect("the source has sent")
}

/// Runs version 1 until it has counted this many packets, and then ends it.
fn count_with_v1(folder: &Path, packets: u32) {
    let counter = Counter::<V1>::load(folder).unwrap();
    (0..packets).for_each(|_| assert!(counter.send(SOURCE).unwrap()));
}

#[test]
fn version_2_keeps_the_counts_of_version_1() {
    let bpf_fs = BpfFs::mount("upgrade");
    let folder = bpf_fs.path("");
    count_with_v1(&folder, 3);
    // The pin outlives the program.
    count_with_v1(&folder, 2);

    let refused = Counter::<V2>::load(&folder).err().expect("it is refused");
    let refused = refused.downcast_ref::<bpfmap::Error>().expect("the layout differs");
    assert_eq!(refused.kind(), ErrorKind::Mismatch, "{refused}");
    assert!(refused.to_string().contains("migrate"), "it should say what to do: {refused}");

    let Outcome::Migrated(done) = migrate(&folder, |_| {}).unwrap() else { panic!("it is old") };
    assert_eq!((done.entries, done.same), (1, true));
    let counter = Counter::<V2>::load(&folder).unwrap();
    let expected = v2::Source { packets: 5, rx_bytes: u64::from(5 * PACKET), limit: 8 };
    assert_eq!(source_v2(&counter), expected);
    let passed = [(); 5].map(|()| counter.send(SOURCE).unwrap());
    assert_eq!(passed, [true, true, true, false, false], "the limit is 8");
    assert_eq!(source_v2(&counter).packets, 8);

    assert_eq!(migrate(&folder, |_| {}).unwrap(), Outcome::AlreadyNew);
    let refused = Counter::<V1>::load(&folder).err().expect("it is refused");
    assert!(refused.is::<bpfmap::Error>(), "version 1 took the map of version 2: {refused}");
}

#[test]
fn a_migration_under_traffic_changes_nothing() {
    let bpf_fs = BpfFs::mount("traffic");
    let folder = bpf_fs.path("");
    count_with_v1(&folder, 1);
    let counter = Counter::<V1>::load(&folder).unwrap();
    // A packet arrives during each attempt, after the entries have been copied.
    let mut packets = 1;
    let error = migrate(&folder, |progress| {
        if progress.stage == Stage::Checking && progress.entries == 0 {
            counter.send(SOURCE).unwrap();
            packets += 1;
        }
    });
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Disturbed, "{error}");
    assert!(packets > 2, "it tries again");
    assert_eq!(source_v1(&counter).packets, packets);
    assert_eq!(bpf_fs.pins(), ["sources"]);
    // Without traffic it succeeds, even while the program is loaded.
    assert!(matches!(migrate(&folder, |_| {}).unwrap(), Outcome::Migrated(_)));
    let new = Counter::<V2>::load(&folder).unwrap();
    assert_eq!(source_v2(&new).packets, u64::from(packets));
}

/// The outcome of the migration depends on the timing, but the pin is complete in both cases.
#[test]
fn traffic_from_another_thread_leaves_a_whole_pin() {
    let bpf_fs = BpfFs::mount("thread");
    let folder = bpf_fs.path("");
    let old = Counter::<V1>::load(&folder).unwrap();
    old.send(SOURCE).unwrap();
    let stop = AtomicBool::new(false);
    let outcome = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                old.send(SOURCE).unwrap();
            }
        });
        let outcome = migrate(&folder, |_| {});
        stop.store(true, Ordering::Relaxed);
        outcome
    });
    match outcome {
        Ok(Outcome::Migrated(done)) => assert_eq!((done.entries, done.same), (1, true)),
        Ok(other) => panic!("the map was old: {other:?}"),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Disturbed, "{error}");
            assert!(Map::<V1>::from_pinned(pin(&folder)).is_ok());
            migrate(&folder, |_| {}).unwrap();
        }
    }
    assert_eq!(bpf_fs.pins(), ["sources"]);
    let new = source_v2(&Counter::<V2>::load(&folder).unwrap());
    assert!((1..=u64::from(source_v1(&old).packets)).contains(&new.packets), "{new:?}");
}

/// Version 1 has to stop first, because it keeps the map with which it was loaded.
#[test]
fn packets_that_version_1_counts_after_the_migration_are_missing() {
    let bpf_fs = BpfFs::mount("late");
    let folder = bpf_fs.path("");
    let old = Counter::<V1>::load(&folder).unwrap();
    old.send(SOURCE).unwrap();
    let outcome = migration(&folder).allow_differences(true).run(|progress| {
        if progress.stage == Stage::Pinned {
            old.send(SOURCE).unwrap();
        }
    });
    assert!(matches!(outcome.unwrap(), Outcome::Migrated(_)));
    old.send(SOURCE).unwrap();
    let new = Counter::<V2>::load(&folder).unwrap();
    assert_eq!((source_v1(&old).packets, source_v2(&new).packets), (3, 1));
}

/// Runs a migration in a separate process, which ends at a stage or is killed after some time.
fn migrate_in_child(folder: &Path, end_at: Option<Stage>, kill_after: Option<Duration>) {
    // SAFETY: the child only migrates, and ends without using resources of other threads.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "{}", std::io::Error::last_os_error());
    if child == 0 {
        let done = migrate(folder, |progress| {
            if end_at == Some(progress.stage) {
                // SAFETY: ends this process.
                unsafe { libc::raise(libc::SIGKILL) };
            }
        });
        // SAFETY: ends this process, without the exit handlers of its parent.
        unsafe { libc::_exit(i32::from(done.is_err())) };
    }
    if let Some(after) = kill_after {
        std::thread::sleep(after);
        // SAFETY: the process is a child of this one, which has not waited for it yet.
        assert_eq!(unsafe { libc::kill(child, libc::SIGKILL) }, 0);
    }
    let mut status = 0;
    // SAFETY: there is room for the status.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    let was_killed = libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGKILL;
    if end_at.is_some() {
        assert!(was_killed, "it did not end at {end_at:?}: {status:#x}");
    } else {
        assert!(was_killed || status == 0, "the migration failed: {status:#x}");
    }
}

#[test]
fn a_migration_that_ends_at_any_stage_is_completed_by_the_next() {
    for (stage, is_new) in [
        (Stage::Copying, false),
        (Stage::Checking, false),
        (Stage::Comparing, false),
        (Stage::Pinned, false),
        (Stage::Swapped, true),
    ] {
        let bpf_fs = BpfFs::mount("stages");
        let folder = bpf_fs.path("");
        count_with_v1(&folder, 4);
        migrate_in_child(&folder, Some(stage), None);
        assert_eq!(Map::<V2>::from_pinned(pin(&folder)).is_ok(), is_new, "{stage:?}");
        assert_eq!(Map::<V1>::from_pinned(pin(&folder)).is_ok(), !is_new, "{stage:?}");
        let done = migrate(&folder, |_| {}).unwrap();
        assert_eq!(done == Outcome::AlreadyNew, is_new, "{stage:?}: {done:?}");
        assert_eq!(bpf_fs.pins(), ["sources"], "{stage:?}: something is left");
        let counter = Counter::<V2>::load(&folder).unwrap();
        assert_eq!(source_v2(&counter).packets, 4, "{stage:?}");
    }
}

#[test]
fn a_killed_migration_leaves_one_of_the_two_maps_complete() {
    const ENTRIES: u32 = 16_384;
    const KILLS: u32 = 8;
    let bpf_fs = BpfFs::mount("killed");
    let folder = bpf_fs.path("");
    let old = Counter::<V1>::load(&folder).unwrap();
    let entry = |key: u32| (Be32::new(key), v1::Source { packets: key, bytes: !key });
    old.sources().extend((0..ENTRIES).map(entry)).unwrap();
    let begin = Instant::now();
    migrate_in_child(&folder, None, None);
    let whole = begin.elapsed();
    check_v2(&folder, ENTRIES);
    let mut left_old = 0;
    for kill in 0..KILLS {
        // Pins the old map again. The migrations only read this map.
        std::fs::remove_file(pin(&folder)).unwrap();
        old.sources().pin(pin(&folder)).unwrap();
        migrate_in_child(&folder, None, Some(whole * kill / KILLS));
        if Map::<V1>::from_pinned(pin(&folder)).is_ok() {
            left_old += 1;
        } else {
            check_v2(&folder, ENTRIES);
        }
        migrate(&folder, |_| {}).unwrap();
        check_v2(&folder, ENTRIES);
        assert_eq!(bpf_fs.pins(), ["sources"]);
    }
    println!("{KILLS} kills within {whole:?}: {left_old} left the old map");
    for entry in old.sources() {
        let (key, source) = entry.unwrap();
        assert_eq!(source, v1::Source { packets: key.get(), bytes: !key.get() });
    }
}

#[track_caller]
fn check_v2(folder: &Path, entries: u32) {
    let map = Map::<V2>::from_pinned(pin(folder)).unwrap();
    let mut seen = 0;
    for entry in &map {
        let (key, source) = entry.unwrap();
        let (packets, rx_bytes) = (u64::from(key.get()), u64::from(!key.get()));
        assert_eq!(source, v2::Source { packets, rx_bytes, limit: 8 });
        seen += 1;
    }
    assert_eq!(seen, entries);
}

#[test]
fn version_2_starts_without_an_older_map() {
    let bpf_fs = BpfFs::mount("first");
    let folder = bpf_fs.path("");
    let error = migrate(&folder, |_| {}).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let counter = Counter::<V2>::load(&folder).unwrap();
    assert!(counter.send(SOURCE).unwrap());
    assert_eq!(
        source_v2(&counter),
        v2::Source { packets: 1, rx_bytes: u64::from(PACKET), limit: 8 }
    );
    counter
        .sources()
        .update(&Be32::from(SOURCE), &v2::Source::default(), UpdateMode::Exist)
        .unwrap();
    assert!(!counter.send(SOURCE).unwrap(), "the limit is 0");
}
