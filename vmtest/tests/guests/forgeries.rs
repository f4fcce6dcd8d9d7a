//! Tests that try to look better than they are, and snapshots that lost something. Each is a
//! failure with its own name.

use crate::common::{forge_what_was_written, matrix, run_victim, victim};
use bpfmap_vmtest::event::Outcome;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::process::Command;

/// The kernels at both ends of the matrix.
const ENDS: [&str; 2] = ["5.10", "7.3"];

#[test]
fn warning_hidden_by_the_console_level() {
    for kernel in ENDS {
        let report = run_victim(&["warns_below_the_level"], &["--kernel", kernel]);
        assert!(!report.green, "{}", report.said);
        assert_eq!(report.kernel().outcome, "warning", "{}", report.said);
    }
}

#[test]
fn warning_hidden_behind_half_a_line() {
    for kernel in ENDS {
        let report = run_victim(&["warns_in_a_line_of_the_console"], &["--kernel", kernel]);
        assert!(!report.green, "{}", report.said);
        assert_eq!(report.kernel().outcome, "warning", "{}", report.said);
        let reason = report.kernel().reason.clone().unwrap_or_default();
        assert!(reason.starts_with("WARNING: CPU: 0"), "{reason}");
    }
}

#[test]
fn warning_told_only_by_the_taint() {
    for kernel in ENDS {
        let tests = ["warns_where_nobody_sees_it", "passes"];
        let report = run_victim(&tests, &["--kernel", kernel, "--retries", "1"]);
        assert!(!report.green, "{}", report.said);
        let test = report.test(tests[0]);
        assert_eq!(test.outcome, Outcome::Tainted, "{}", report.said);
        assert_eq!(test.reason.as_deref(), Some("the kernel printed a warning (taint W)"));
        // The taint stays set, but the next test did not cause it.
        assert_eq!(report.test("passes").outcome, Outcome::Passed, "{}", report.said);
        assert_eq!(report.kernel().outcome, "ok", "{}", report.said);
    }
}

#[test]
fn silence_of_one_test_does_not_hide_the_warning_of_the_next() {
    let report = run_victim(&["warns_where_nobody_sees_it", "warns"], &[]);
    assert_eq!(report.kernel().outcome, "warning", "{}", report.said);
}

#[test]
fn results_forged() {
    for (test, args) in [
        ("forges_its_end", &[][..]),
        ("forges_a_test_of_no_binary", &[]),
        ("forges_the_last_record", &["--privileged"]),
    ] {
        for kernel in ENDS {
            let report = run_victim(&[test], &[&["--kernel", kernel], args].concat());
            assert!(!report.green, "{}", report.said);
            assert_eq!(report.kernel().outcome, "results-forged", "{}", report.said);
            let reason = report.kernel().reason.clone().unwrap_or_default();
            assert!(reason.contains("init did not seal it"), "{reason}");
            assert_eq!(report.test(test).outcome, Outcome::GuestFailed, "{}", report.said);
        }
    }
}

#[test]
fn tests_reach_neither_init_nor_the_devices() {
    for kernel in ENDS {
        let report = run_victim(&["cannot_reach_init"], &["--kernel", kernel]);
        assert!(report.green, "{}", report.said);
        let report = run_victim(&["is_privileged"], &["--kernel", kernel]);
        assert_eq!(report.test("is_privileged").outcome, Outcome::Failed, "{}", report.said);
        let report = run_victim(&["is_privileged"], &["--kernel", kernel, "--privileged"]);
        assert!(report.green, "{}", report.said);
    }
}

/// Breaks a function of init in the memory of saved guests. Returns how often the function was
/// found.
fn break_init(memory: &File) -> usize {
    use object::{Object as _, ObjectSection as _, ObjectSymbol as _};
    const PAGE: u64 = 4096;
    let data = fs::read(env!("CARGO_BIN_EXE_bpfmap-vmtest")).unwrap();
    let file = object::File::parse(&*data).unwrap();
    let run = file.symbols().find(|it| it.name().is_ok_and(|it| it.contains("4init5tests3run")));
    let run = run.unwrap();
    let section = file.section_by_index(run.section_index().unwrap()).unwrap();
    let at = section.file_range().unwrap().0 + run.address() - section.address();
    let length = (PAGE - at % PAGE).min(64);
    let code = &data[usize::try_from(at).unwrap()..][..usize::try_from(length).unwrap()];
    let mut found = 0;
    let mut bytes = vec![0; code.len()];
    for page in 0..memory.metadata().unwrap().len() / PAGE {
        let place = page * PAGE + at % PAGE;
        memory.read_exact_at(&mut bytes, place).unwrap();
        if bytes == code {
            // An invalid instruction.
            memory.write_all_at(&[0x0f, 0x0b], place).unwrap();
            found += 1;
        }
    }
    found
}

#[test]
fn snapshot_whose_memory_is_damaged() {
    let cache = tempfile::tempdir().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let image = crate::sources::kernel_image();
    let config = format!("[kernels]\nours = {{ path = {image:?} }}\n");
    fs::write(directory.path().join("bpfmap-vmtest.toml"), config).unwrap();
    let run = || {
        let args =
            ["--kernel", "ours", "--filter", "passes", "--exact", victim().to_str().unwrap()];
        matrix(&args, |command: &mut Command| {
            command.env("XDG_CACHE_HOME", cache.path()).current_dir(directory.path());
        })
    };
    let report = run();
    assert!(report.green && report.kernel().snapshot, "{}", report.said);
    let snapshots = || {
        let entries = fs::read_dir(cache.path().join("bpfmap-vmtest/snapshots")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>()
    };
    let break_all = || {
        let memories = snapshots().into_iter().map(|path| path.join("memory"));
        let open = |path| File::options().read(true).write(true).open(path).unwrap();
        memories.map(|path| break_init(&open(path))).sum::<usize>()
    };
    let memory = || {
        let found = snapshots()[0].join("memory").metadata().unwrap();
        (found.ino(), found.mtime(), found.mtime_nsec())
    };
    let first = memory();
    let report = run();
    assert!(report.green && report.kernel().snapshot, "{}", report.said);
    assert_eq!(memory(), first, "a snapshot stays when it is used");

    // A snapshot whose files have changed since they were written is not used. The guest is saved
    // again.
    assert!(break_all() > 0, "init was not found in the memory");
    let broken = memory();
    let report = run();
    assert!(report.green && report.kernel().snapshot, "{}", report.said);
    assert_ne!(memory(), broken, "the memory was changed");

    assert!(break_all() > 0, "init was not found in the memory");
    for snapshot in snapshots() {
        forge_what_was_written(&snapshot);
    }
    // The guest wakes and panics during its work. A guest that is booted cold shows that the
    // snapshot was damaged.
    let report = run();
    assert!(!report.green, "{}", report.said);
    assert_eq!(report.kernel().outcome, "snapshot-damaged", "{}", report.said);
    let reason = report.kernel().reason.clone().unwrap_or_default();
    assert!(reason.contains("init-died"), "{reason}");
    assert_eq!(report.test("passes").outcome, Outcome::Passed, "{}", report.said);
    // The damaged snapshot was removed.
    let report = run();
    assert!(report.green && report.kernel().snapshot, "{}", report.said);
}
